"""Which modules an edit reaches, in the order in which they depend on each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

from dyntransform.reloading.state import ModuleState

__all__ = ["Ordering"]


class Ordering:
    """The import graph of the loaded project modules.

    Args:
        states: gives the loaded modules now, by name.
    """

    def __init__(self, states: Callable[[], dict[str, ModuleState]]) -> None:
        self._states = states

    def is_project(self, module: str | None) -> bool:
        """Whether a module is project code."""
        return module in self._states()

    def importers(self, modules: set[str]) -> list[dict[str, Any]]:
        """Return the namespaces of the modules that have live bindings to some of `modules`."""
        return [state.namespace for state in self._states().values() if not modules.isdisjoint(state.sources)]

    def affected(self, edited: Iterable[str], rebound: Mapping[tuple[str, str], Any]) -> Iterator[str]:
        """Yield the edited modules and those that depend on a changed name, providers first.

        `rebound` may grow while the names are taken: modules that import from a yielded one come later. The graph is
        built once a name has changed that an edited module does not share with itself alone.
        """
        states = self._states()
        edited = set(edited)
        if not rebound and len(edited) == 1:
            yield from edited
            if not rebound:
                return
        lazy = {name for name, state in states.items() if "__getattr__" in state.namespace}
        graph = {name: self._providers(state, states) for name, state in states.items()} if len(states) > 1 else {}
        for name in _sorted(list(states), graph):
            if name in edited or graph.get(name, _NONE) & (
                {module for module, _ in rebound} | (lazy if rebound else _NONE)
            ):
                yield name

    def _providers(self, state: ModuleState, states: dict[str, ModuleState]) -> set[str]:
        """Return the project modules that a module imports."""
        found = {name for name in state.sources if name in states}
        for name, value in list(state.namespace.items()):
            # Importing a submodule binds it in its package, which does not depend on it for that.
            if isinstance(value, ModuleType) and value.__name__ in states and value.__name__ != f"{state.name}.{name}":
                found.add(value.__name__)
        found.update(name for name in state.imports if name in states)
        found.discard(state.name)
        return found


_NONE: frozenset[str] = frozenset()


def _sorted(names: list[str], graph: dict[str, set[str]]) -> list[str]:
    """Sort providers before their importers; in a circle, the order of loading decides."""
    done: dict[str, None] = {}
    for start in names:
        stack = [(start, iter(()))] if start not in done else []
        visiting = {start}
        path = [(start, iter(sorted(graph.get(start, ()))))] if stack else []
        while path:
            name, providers = path[-1]
            provider = next(providers, None)
            if provider is None:
                done[name] = None
                path.pop()
            elif provider in graph and provider not in done and provider not in visiting:
                visiting.add(provider)
                path.append((provider, iter(sorted(graph[provider]))))
    return list(done)

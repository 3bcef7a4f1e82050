"""What the loaded modules have to do with each other, and with files, kept from reload to reload.

So that a reload costs what its edit reaches, and not what is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Generic, TypeVar

from dyntransform.reloading.project.module import ModuleState

__all__ = ["Graph", "topological"]

_Key = TypeVar("_Key", bound=Hashable)


class Graph:
    """Indexes of modules: by what they import, by what they look up late, and by file.

    Args:
        places: numbers of the modules in the order in which loading them began.
    """

    def __init__(self, places: Mapping[str, int]) -> None:
        self._places = places
        self._states: dict[str, ModuleState] = {}
        self._known: dict[str, ModuleState] = {}
        self._importers = _Index[str]()
        self._takers = _Index[tuple[str, str]]()
        self._lookups = _Index[tuple[str, str]]()
        self._files = _Index[str]()
        self._folders: dict[str, str] = {}
        self._needs: dict[str, frozenset[str]] = {}
        self._ranks: dict[str, int] = {}

    def update(self, states: Mapping[str, ModuleState]) -> None:
        """Take in modules that are new, changed, or still running their top level."""
        for name, state in states.items():
            if self._known.get(name) is state:
                continue
            self._importers.put(name, state.providers())
            self._takers.put(name, frozenset(state.taken))
            self._states[name] = state
            needs = self.needs(state)  # others than before once imports of a module have run that was still running
            if self._needs.get(name) != needs:
                self._needs[name], self._ranks = needs, {}
            self._lookups.put(name, state.late)
            self._files.put(name, frozenset([self._real(state.path)]))
            if state.has_run:
                self._known[name] = state

    def importers(self, modules: Iterable[str]) -> set[str]:
        """Return the modules that may have read from some of `modules`."""
        return {name for module in modules for name in self._importers.names(module)}

    def takers(self, module: str, name: str) -> Iterable[str]:
        """Return the modules that import a name of a module, outside of classes."""
        return self._takers.names((module, name))

    def needs(self, state: ModuleState) -> frozenset[str]:
        """Return the modules that have to be up to date before one; see `ModuleState.needs`.

        A module in a package may take names from the package for whose imports it was loaded, which ends after it. What
        these names were imported from has to be up to date then.
        """
        needs, around = state.needs(), state.around
        found, seen = set[str](), set[tuple[str, str]]()
        pending = list(self._taken_from(around & state.providers(), state)) if around else []
        while pending:
            module, name = pending.pop()
            other = self._states.get(module)
            for source in other.passed_on.get(name, ()) if other is not None else ():
                if source[0] not in around:
                    found.add(source[0])
                elif source not in seen:
                    seen.add(source)
                    pending.append(source)
        place = self._places[state.name]
        return needs.union(one for one in found if self._places.get(one, place) < place)

    def _taken_from(self, modules: frozenset[str], state: ModuleState) -> Iterator[tuple[str, str]]:
        """Yield the names that a module may take from some that it imports, or imports from."""
        for _, module, taken in state.absolute_links:
            yield from ((module, attribute) for attribute, _ in taken if module in modules)
        for module in modules & {one.__name__ for one in state.namespace.values() if isinstance(one, ModuleType)}:
            other = self._states.get(module)
            for name in other.passed_on if other is not None else ():
                if state.loads is None or name in state.loads.attributes:
                    yield module, name

    def ranks(self) -> dict[str, int]:
        """Return numbers by which providers come before importers; in a circle, the order of loading decides."""
        if not self._ranks:
            needs = self._needs
            self._ranks = topological(list(needs), {name: sorted(needs.keys() & needs[name]) for name in needs})
        return self._ranks

    def is_looked_up(self, module: str, attribute: str) -> bool:
        """Whether a function may look up the attribute of the module late."""
        return bool(self.late_importers(module, attribute))

    def late_importers(self, module: str, attribute: str) -> Iterable[str]:
        """Return the modules whose functions may look up the attribute of the module late."""
        return self._lookups.names((module, attribute))

    def of_file(self, path: str) -> Iterable[str]:
        """Return the modules that were loaded from a file, by whatever path; hard links are other files."""
        return self._files.names(self._real(path))

    def _real(self, path: str) -> str:
        """Return the path without symbolic links; a folder is looked at once."""
        if os.path.islink(path):
            return os.path.realpath(path)
        folder, name = os.path.split(path)
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = os.path.realpath(folder)
        return path if real == folder else os.path.join(real, name)


class _Index(Generic[_Key]):
    """Names of modules by keys, of which a module may have many."""

    def __init__(self) -> None:
        self.keys: dict[str, frozenset[_Key]] = {}
        self._names: dict[_Key, set[str]] = {}

    def put(self, name: str, keys: frozenset[_Key]) -> None:
        """Give a module its keys."""
        before = self.keys.get(name)
        if before == keys:
            return
        for key in before or ():
            self._names[key].discard(name)
        self.keys[name] = keys
        for key in keys:
            self._names.setdefault(key, set()).add(name)

    def names(self, key: _Key) -> Iterable[str]:
        """Return the modules with a key."""
        return self._names.get(key, ())


def topological(names: Iterable[str], graph: Mapping[str, list[str]]) -> dict[str, int]:
    """Return the place of each name in an order in which those that it leads to come before it.

    Args:
        names: where to begin; it decides where there is a circle.
        graph: what each name leads to.
    """
    done: dict[str, int] = {}
    for start in names:
        path = [(start, iter(graph[start]))] if start not in done else []
        visiting = {start}
        while path:
            name, inner = path[-1]
            following = next(inner, None)
            if following is None:
                done[name] = len(done)
                path.pop()
            elif following in graph and following not in done and following not in visiting:
                visiting.add(following)
                path.append((following, iter(graph[following])))
    return done

"""Which modules an edit reaches, in the order in which they depend on each other."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from dyntransform.reloading.project.graph import topological
from dyntransform.reloading.project.module import ModuleState, States

__all__ = ["Ordering"]


class _Ordered(Protocol):
    """A change, with its number."""

    @property
    def order(self) -> int: ...


class _Edited(Protocol):
    """An edited module, or one that an edit reaches."""

    @property
    def edited(self) -> bool: ...

    @property
    def calls(self) -> bool: ...

    def new_imports(self) -> frozenset[str]: ...

    def dropped_imports(self) -> frozenset[str]: ...


class Ordering:
    """The import graph of the loaded project modules, as far as an edit reaches.

    Args:
        states: the loaded modules.
    """

    def __init__(self, states: States) -> None:
        self._states = states
        self._known = states.records()
        self._count = len(sys.modules)
        self._visited: dict[str, int] = {}
        """The last change when a module was yielded."""
        self._changed: list[str] = []
        """The modules of which a name changed, one entry a name."""
        self._found: dict[frozenset[str], set[str]] = {}
        """The importers of the modules that were asked for last."""
        self._lazy: set[str] = set()
        """Modules with a ``__getattr__`` (PEP 562), which may take values from any other."""
        self._lazy_of = -1
        """How many modules there were when all were asked for it; afterwards only edited ones can get one."""

    def is_project(self, module: str | None) -> bool:
        """Whether a module is project code."""
        return module is not None and self._states.get(module) is not None

    def importers(self, modules: Iterable[str]) -> list[ModuleState]:
        """Return the modules that import some of `modules`, or from them."""
        return self._states.importers(modules)

    def late_importers(self, module: str, name: str) -> list[str]:
        """Return the modules whose functions import a name of a module when they are called."""
        return self._states.late_importers(module, name)

    def affected(self, edits: Mapping[str, _Edited], changed: Mapping[tuple[str, str], _Ordered]) -> Iterator[str]:
        """Yield the edited modules and those that depend on a changed name, providers first.

        `changed` may grow while the names are taken: modules that import from a yielded one come later. When it is
        called again, it yields those that were passed before something that they import changed. Edited modules whose
        new statements call or import something come after the other edited ones, if these do not depend on them: what
        they run may load any module.
        """
        edited = frozenset(edits)
        if not changed and len(edited) == 1:
            yield from self._due(edited, edited, changed)
            if not changed:
                return
        self._lazy |= self._states.lazy(None if self._lazy_of != self._count else edited)
        self._lazy_of = self._count
        ranks = self._ranks(edits)
        pending: list[tuple[int, str]] = []
        known, rank = set[str](), -1
        while True:
            wanted = edited | self._importing(frozenset(module for module, _ in changed))
            for name in wanted - known:
                if ranks.get(name, -1) > rank:  # others are left to the next call
                    heapq.heappush(pending, (ranks[name], name))
            known |= wanted
            if not pending:
                return
            rank, name = heapq.heappop(pending)
            yield from self._due([name], edited, changed)

    def _due(
        self, names: Iterable[str], edited: frozenset[str], changed: Mapping[tuple[str, str], _Ordered]
    ) -> Iterator[str]:
        for name in names:
            state = self._states.get(name)
            if state is None:
                continue
            since = self._visited.get(name, -1)
            first = name in edited and since < 0
            if first or self._changed_since(since, state.providers(), changed):
                self._visited[name] = max((one.order for one in changed.values()), default=0)
                yield name

    def _importing(self, modules: frozenset[str]) -> set[str]:
        """Return the names of the modules that may have read from some of `modules`."""
        if modules not in self._found:
            providers = modules | self._lazy if modules else modules
            self._found = {modules: {state.name for state in self._states.importers(providers)}}
        return self._found[modules]

    def _ranks(self, edits: Mapping[str, _Edited]) -> Mapping[str, int]:
        """Return numbers by which providers come before importers; in a circle, the order of loading decides."""
        late = {name for name, edit in edits.items() if edit.calls}
        if not late or sum(edit.edited for edit in edits.values()) == 1:
            return self._states.ranks()  # what the new statements of a single edited module import makes no difference
        reached = self._states.reached(edits.keys() | self._lazy)
        graph = {name: state.needs() for name, state in reached.items()}
        for name, edit in edits.items():
            graph[name] = graph.get(name, frozenset()) - edit.dropped_imports() | edit.new_imports()
        starts = sorted(graph, key=lambda name: name not in edits or name in late)
        return topological(starts, {name: sorted(graph[name], key=lambda one: (one in late, one)) for name in graph})

    def loaded(self, order: int) -> None:
        """Take note of modules that were imported meanwhile: they have read every value that changed before."""
        if len(sys.modules) != self._count:
            self._count = len(sys.modules)
            for name, state in self._states.current().items():
                if self._known.get(name) is not state.loaded:
                    self._known[name] = state.loaded
                    self._visited[name] = order

    def _changed_since(
        self, since: int, providers: frozenset[str], changed: Mapping[tuple[str, str], _Ordered]
    ) -> bool:
        if not self._lazy.isdisjoint(providers):
            return any(one.order > since for one in changed.values())
        if len(self._changed) != len(changed):
            self._changed = [module for module, _ in changed]
        if providers.isdisjoint(self._changed):
            return False  # true of most, and told without a loop
        return any(one.order > since for (module, _), one in changed.items() if module in providers)

"""Which modules an edit reaches, in the order in which they depend on each other."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from dyntransform.reloading.project.graph import topological
from dyntransform.reloading.project.module import ModuleState
from dyntransform.reloading.project.modules import States

__all__ = ["ChangedModules", "Ordering"]


class ChangedModules:
    """The modules of which an edit changed names.

    Attributes:
        log: module and name of each change, in their order; it only grows.
        latest: the number of the last change of each module.
        last: the number of the last change; 0 if there is none.
    """

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []
        self.latest: dict[str, int] = {}
        self.last = 0

    def add(self, module: str, name: str, order: int) -> None:
        """Take note of a change; `order` is its number."""
        self.log.append((module, name))
        self.latest[module] = self.last = order


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
        self.left = False
        """Whether something changed that a module yielded before imports from: `affected` has to be called again."""
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

    def takers(self, module: str, name: str) -> list[ModuleState]:
        """Return the modules that import a name of a module, outside of classes."""
        return self._states.takers(module, name)

    def followers(self, names: Iterable[tuple[str, str]]) -> list[ModuleState]:
        """Return the modules that import names of modules, outside of classes, providers first."""
        found = {state.name: state for module, name in names for state in self._states.takers(module, name)}
        ranks = self._states.ranks() if len(found) > 1 else {}
        return sorted(found.values(), key=lambda state: ranks.get(state.name, -1))

    def late_importers(self, module: str, name: str) -> list[str]:
        """Return the modules whose functions import a name of a module when they are called."""
        return self._states.late_importers(module, name)

    def affected(self, edits: Mapping[str, _Edited], changed: ChangedModules) -> Iterator[str]:
        """Yield the edited modules and those that depend on a changed name, providers first.

        `changed` may grow while the names are taken: modules that import from a yielded one come later. When it is
        called again, it yields those that were passed before something that they import changed. Edited modules whose
        new statements call or import something come after the other edited ones, if these do not depend on them: what
        they run may load any module.

        A module is put on the list once, when the first of the modules that it imports from changes, so the work is in
        proportion to the imports of what changed.
        """
        edited = frozenset(edits)
        self.left = False
        if not changed.log and len(edited) == 1:
            yield from self._due(edited, edited, changed)
            if not changed.log:
                return
        self._lazy |= self._states.lazy(None if self._lazy_of != self._count else edited)
        self._lazy_of = self._count
        ranks = self._ranks(edits)
        pending: list[tuple[int, str]] = []
        known, rank, seen = set[str](), -1, 0
        wanted = set(edited)
        while True:
            if seen < len(changed.log):
                # Modules with a __getattr__ may have taken values from any other.
                modules = {module for module, _ in changed.log[seen:]}
                wanted |= self._states.importer_names(modules if seen else modules | self._lazy)
                seen = len(changed.log)
            for name in wanted:
                if ranks.get(name, -1) <= rank:
                    self.left = True
                elif name not in known:
                    known.add(name)
                    heapq.heappush(pending, (ranks[name], name))
            if not pending:
                break
            rank, name = heapq.heappop(pending)
            wanted = set()
            yield from self._due([name], edited, changed)
        self.left = self.left or bool(self._lazy)

    def _due(self, names: Iterable[str], edited: frozenset[str], changed: ChangedModules) -> Iterator[str]:
        for name in names:
            state = self._states.get(name)
            if state is None:
                continue
            since = self._visited.get(name, -1)
            first = name in edited and since < 0
            if first or self._changed_since(since, state.providers(), changed):
                self._visited[name] = changed.last
                yield name

    def _ranks(self, edits: Mapping[str, _Edited]) -> Mapping[str, int]:
        """Return numbers by which providers come before importers; in a circle, the order of loading decides."""
        late = {name for name, edit in edits.items() if edit.calls}
        if not late or sum(edit.edited for edit in edits.values()) == 1:
            return self._states.ranks()  # what the new statements of a single edited module import makes no difference
        reached = self._states.reached(edits.keys() | self._lazy)
        graph = {name: self._states.needs(state) for name, state in reached.items()}
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

    def _changed_since(self, since: int, providers: frozenset[str], changed: ChangedModules) -> bool:
        if changed.last > since and not self._lazy.isdisjoint(providers):
            return True
        latest = changed.latest
        return any(latest[module] > since for module in providers & latest.keys())

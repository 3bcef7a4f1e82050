"""The modules that are loaded."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from dyntransform.importing.loaded import Loaded, Registry
from dyntransform.reloading.model.reading import read_source
from dyntransform.reloading.model.source import Source
from dyntransform.reloading.project.files import Files
from dyntransform.reloading.project.graph import Graph
from dyntransform.reloading.project.module import ModuleState
from dyntransform.transform.decide import Options

__all__ = ["States"]


class States:
    """The state of every loaded project module.

    Args:
        options: what is late bound.
        loaded: the modules.

    Attributes:
        files: tells which files differ from it.
    """

    def __init__(self, options: Options, loaded: Registry) -> None:
        self.options = options
        self._loaded = loaded
        self._states: dict[str, ModuleState] = {}
        self._namespaces: dict[str, dict[str, Any]] = {}
        self._places: dict[str, int] = {}
        """Numbers in the order of loading."""
        self._numbers = itertools.count()
        self._version = -1
        self._fresh: dict[str, ModuleState] = {}
        """States that the graph does not have, or not for good, since their modules still run."""
        self._sources: dict[str, Source] = {}
        self._graph = Graph(self._places)
        self._is_linked = False
        """Whether the graph has all states; those of modules that still run were asked for once."""
        self.files = Files()

    def current(self) -> dict[str, ModuleState]:
        """Return the states of modules in `sys.modules`, in the order of loading, without those that opted out."""
        self._take_in()
        return {name: state for name, state in self._states.items() if state.loaded.is_in_force()}

    def records(self) -> dict[str, Loaded]:
        """Return how each module was loaded, those that are gone again included."""
        return self._loaded.snapshot()

    def get(self, name: str) -> ModuleState | None:
        """Return the state of a module, if it is in `sys.modules`."""
        self._take_in()
        state = self._states.get(name)
        return state if state is not None and state.loaded.is_in_force() else None

    def of_files(self, paths: Iterable[str]) -> dict[str, ModuleState] | None:
        """Return the states of the modules that were loaded from files; None if one of these is no module's file."""
        graph = self._linked()
        names: set[str] = set()
        for path in paths:
            found = graph.of_file(path)
            if not found:
                return None
            names.update(found)
        return self._in_order(names)

    def notice(self) -> None:
        """Be told of what happens to the files from now on; call it before they are looked at."""
        self._take_in()
        self.files.watch([state.path for state in self._states.values()])
        self.files.miss(self._states.keys() - self.current().keys())

    def noticed(self, others: Iterable[str]) -> dict[str, ModuleState] | None:
        """Return the states of modules whose files something happened to, and of those of other files.

        None if it is not known what happened.
        """
        self._take_in()
        files = self.files.told()
        if files is None:
            return None
        graph = self._linked()
        # A source that is new beside a compiled file goes first. Of other files none was looked at before either.
        paths = itertools.chain(others, files, (f"{file}c" for file in files))
        names = {name for path in paths for name in graph.of_file(path)}
        found = self._in_order(names)
        self.files.miss(names & self._states.keys() - found.keys())
        return found

    def importer_names(self, modules: Iterable[str]) -> set[str]:
        """Return the names of modules that may have read from some of `modules`, among them some that are gone."""
        self._take_in()
        return (self._graph if self._is_linked else self._linked()).importers(modules)

    def importers(self, modules: Iterable[str]) -> list[ModuleState]:
        """Return the loaded modules that may have read from some of `modules`."""
        found = (self.get(name) for name in self._linked().importers(modules))
        return [state for state in found if state is not None]

    def reached(self, modules: Iterable[str]) -> dict[str, ModuleState]:
        """Return those modules, and the loaded ones that import them, directly or not, in the order of loading."""
        graph = self._linked()
        found = set(modules)
        pending = found
        while pending:
            pending = graph.importers(pending) - found
            found |= pending
        return self._in_order(found)

    def takers(self, module: str, name: str) -> list[ModuleState]:
        """Return the loaded modules that import a name of a module, outside of classes."""
        self._take_in()
        graph = self._graph if self._is_linked else self._linked()
        found = map(self.get, graph.takers(module, name))
        return [state for state in found if state is not None]

    def needs(self, state: ModuleState) -> frozenset[str]:
        """Return the modules that have to be up to date before one; see `Graph.needs`."""
        return self._linked().needs(state)

    def ranks(self) -> Mapping[str, int]:
        """Return numbers by which what a module imports comes before it."""
        return self._linked().ranks()

    def lazy(self, names: Iterable[str] | None = None) -> set[str]:
        """Return the names of the modules with a ``__getattr__`` (PEP 562), of all or of some."""
        self._take_in()
        if names is not None:
            return {name for name in names if "__getattr__" in self._namespaces.get(name, ())}
        return {name for name, namespace in self._namespaces.items() if "__getattr__" in namespace}

    def late_importers(self, module: str, attribute: str) -> list[str]:
        """Return the loaded modules whose functions import the attribute of the module when they are called."""
        return list(self._in_order(set(self._linked().late_importers(module, attribute))))

    def is_looked_up(self, module: str, attribute: str) -> bool:
        """Whether a function may look up the attribute of the module late."""
        return self._linked().is_looked_up(module, attribute)

    def _take_in(self) -> None:
        """Make states of what was loaded since this was last called."""
        if self._version == self._loaded.version:
            return
        self._version = self._loaded.version
        records = {name: one for name, one in self._loaded.snapshot().items() if not one.compiled.opted_out}
        for name in self._states.keys() - records.keys():
            del self._states[name], self._namespaces[name]
            self.files.forget(name)
        for name, record in records.items():
            known = self._states.get(name)
            if known is None or known.loaded is not record:
                compiled = record.compiled
                self._put(ModuleState(record, compiled.data, compiled.links, compiled.lookups))

    def _put(self, state: ModuleState) -> None:
        known = self._states.get(state.name)
        if known is None:
            self._places[state.name] = next(self._numbers)
        if known is None or known.path != state.path:
            self.files.take_in(state.name)
        self._states[state.name] = self._fresh[state.name] = state
        self._is_linked = False
        self._namespaces[state.name] = state.namespace

    def _linked(self) -> Graph:
        """Return the graph of what is loaded."""
        self._take_in()
        self._graph.update(self._fresh)
        self._fresh = {name: state for name, state in self._fresh.items() if not state.has_run}
        self._is_linked = True
        return self._graph

    def _in_order(self, names: set[str]) -> dict[str, ModuleState]:
        """Return the states of modules that are in `sys.modules`, in the order in which they were loaded."""
        states = {name: self.get(name) for name in names & self._states.keys()}
        found = [state for state in states.values() if state is not None]
        return {state.name: state for state in sorted(found, key=lambda state: self._places[state.name])}

    def update(self, state: ModuleState, source: Source) -> None:
        """Keep what a module runs now."""
        self._put(state)
        self._sources[state.name] = source
        if source.divisible:
            source.drop_syntax()

    def source(self, state: ModuleState) -> Source:
        """Return what a module runs, parsed; its syntax trees are those of the source, whatever edits did to them."""
        known = self._sources.get(state.name)
        if known is not None and known.divisible and known.data == state.data and known.path == state.path:
            known.drop_syntax()
            return known
        stage = state.loaded.compiled.stage
        source = self._sources[state.name] = read_source(state.data, state.path, self.options, stage)
        return source

    def snapshot(self) -> dict[str, ModuleState]:
        """Return a copy, for `restore`."""
        return dict(self._states)

    def restore(self, saved: dict[str, ModuleState]) -> None:
        """Go back to what `snapshot` gave."""
        if saved == self._states:  # most failing edits load nothing
            return
        before, self._states = self._states, saved
        self._is_linked = False
        self._fresh = {
            name: state for name, state in saved.items() if name in self._fresh or before.get(name) is not state
        }
        self._namespaces = {name: state.namespace for name, state in saved.items()}

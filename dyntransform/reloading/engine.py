"""The reload engine: read, diff, plan, apply, report."""

from __future__ import annotations

import importlib
import linecache
import threading
import time
import traceback
from collections.abc import Iterator

from dyntransform.errors import ReloadError
from dyntransform.importing.loader import Project
from dyntransform.reloading import late
from dyntransform.reloading.edit import Edit
from dyntransform.reloading.module_edit import ModuleEdit
from dyntransform.reloading.ordering import Ordering
from dyntransform.reloading.report import Action, Change, Place, Report
from dyntransform.reloading.source import Source
from dyntransform.reloading.state import ModuleState, States
from dyntransform.reloading.transaction import MISSING
from dyntransform.runtime.lookup import replacements
from dyntransform.transform.decide import Options

__all__ = ["Engine"]


class Engine:
    """Applies edits of a project to the running program.

    Args:
        project: what is loaded, and from where.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._states = States(Options(project.is_late_bound))
        self._lock = threading.RLock()
        self._busy = False
        self.replaced: dict[tuple[str, str], object] = {}
        """What the last reload replaced: values before it, by module and name."""

    def reload(self) -> Report:
        """Apply what changed on disk now, all of it or nothing.

        Returns:
            What was done, or why it was undone.
        """
        with self._lock:
            if self._busy:
                return Report(
                    error=ReloadError("reload() was called by code that a reload is executing; call it later")
                )
            self._busy = True
            try:
                return self._reload()
            finally:
                self._busy = False

    def _reload(self) -> Report:
        start = time.perf_counter()
        self.replaced = {}
        self._project.adopt_found()
        states = self._current()
        changed = {
            name: data for name, state in states.items() if (data := self._states.changed_data(state)) is not None
        }
        if not changed:
            return Report(seconds=time.perf_counter() - start)
        files = tuple(dict.fromkeys(states[name].path for name in changed))
        importlib.invalidate_caches()
        self._project.roots.forget_names()
        saved = self._states.snapshot(), self._project.loaded.snapshot(), replacements.snapshot()
        edit: Edit | None = None
        try:
            edits = {name: self._module_edit(states[name], data) for name, data in changed.items()}
            edit = Edit(edits, self._dependent, Ordering(self._current))
            edit.apply()
            late.follow(edit, self._current())
            edit.transaction.finish()
        except BaseException as error:  # noqa: BLE001 - the border to the edited program: SystemExit is an error too
            if edit is not None:
                edit.transaction.rollback()
            self._states.restore(saved[0])
            self._project.loaded.restore(saved[1])
            replacements.restore(saved[2])
            self._forget_lines(files)
            effects = tuple(edit.executed) if edit is not None else ()
            return Report(
                error=error,
                place=self._place(error),
                files=files,
                seconds=time.perf_counter() - start,
                cannot_undo=effects,
            )
        self._keep(edit)
        self.replaced = {key: one.old for key, one in edit.rebound.items() if one.old is not MISSING}
        self._forget_lines(files)
        loaded = [
            Change(name, "", Action.LOADED)
            for name in edit.transaction.new_modules
            if self._project.loaded.get(name) is not None
        ]
        return Report((*loaded, *edit.changes), files=files, seconds=time.perf_counter() - start)

    def _current(self) -> dict[str, ModuleState]:
        return self._states.current(self._project.loaded.snapshot())

    def _module_edit(self, state: ModuleState, data: bytes) -> ModuleEdit:
        new = Source(data, state.path, self._states.options)
        new.check()
        return ModuleEdit.of_edit(state, self._source(state), new)

    def _dependent(self, name: str) -> ModuleEdit | None:
        state = self._current().get(name)
        return ModuleEdit.of_dependent(state, self._source(state)) if state is not None else None

    def _source(self, state: ModuleState) -> Source:
        return Source(state.data, state.path, self._states.options)

    def _keep(self, edit: Edit) -> None:
        """Make the new version what is running."""
        for module in edit.edits.values():
            source = module.source
            links = tuple((link.scope, link.module, link.names) for link in source.decisions.links)
            lookups = tuple({one for sources in source.decisions.reads.values() for one in sources})
            state = ModuleState(
                module.state.loaded, module.state.module, source.data, links, lookups, list(module.codes)
            )
            self._states.update(state)

    def _forget_lines(self, files: tuple[str, ...]) -> None:
        """Tracebacks and inspect read the lines anew: linecache only compares size and time."""
        for path in files:
            linecache.cache.pop(path, None)

    def _place(self, error: BaseException) -> Place | None:
        if isinstance(error, SyntaxError) and error.filename:
            return Place(error.filename, error.lineno or 1)
        places = [
            Place(frame.filename, frame.lineno or 1)
            for frame in _frames(error)
            if self._project.roots.owns(frame.filename)
        ]
        return places[-1] if places else None


def _frames(error: BaseException) -> Iterator[traceback.FrameSummary]:
    yield from traceback.extract_tb(error.__traceback__)

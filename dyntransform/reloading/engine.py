"""The reload engine: read, diff, plan, apply, report."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import importlib
import linecache
import os
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator

from dyntransform.errors import ReloadError
from dyntransform.importing.loader import Project
from dyntransform.reloading.applying import function_imports as late
from dyntransform.reloading.applying.edit import Edit
from dyntransform.reloading.live.running import Program
from dyntransform.reloading.live.transaction import Transaction
from dyntransform.reloading.model.reading import read_source
from dyntransform.reloading.model.report import Action, Change, Place, ReloadEvent, Report
from dyntransform.reloading.planning.module_diff import ModuleEdit
from dyntransform.reloading.planning.order import Ordering
from dyntransform.reloading.project.files import Content
from dyntransform.reloading.project.module import ModuleState
from dyntransform.reloading.project.modules import States
from dyntransform.reloading.project.opted_out import OutsideEdit, outside_edits
from dyntransform.runtime.hooks import AFTER, BEFORE, hooks_of
from dyntransform.runtime.lookup import replacements
from dyntransform.transform.decide import Options

__all__ = ["Engine"]

_UNDO_DEPTH = 32
"""So many applied edits can be taken back; older sources are forgotten."""

_Files = dict[str, Content]
"""The content that modules are to run, by module name."""


class Engine:
    """Applies edits of a project to the running program.

    Args:
        project: what is loaded, and from where.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._states = States(Options(project.is_late_bound), project.loaded)
        self._lock = threading.RLock()
        self._busy = False
        self._differing: frozenset[str] | None = None
        """The files that differ from what runs, without those saved since the last reload; None if not known."""
        self._asked_again = False
        """Whether the last reload was to find out itself what was saved."""
        self._history: collections.deque[_Files] = collections.deque(maxlen=_UNDO_DEPTH)

    def reload(self, paths: Collection[str] = ()) -> Report:
        """Apply what changed on disk now, all of it or nothing.

        Args:
            paths: all files that were saved since the last reload, if that is known: others need not be looked at.

        Returns:
            What was done, or why it was undone.
        """
        return self._exclusively(functools.partial(self._reload, paths))

    def undo(self) -> Report:
        """Go back to the code before the edit that was applied last; files stay as they are.

        Returns:
            What was done, or why nothing was.
        """
        return self._exclusively(self._undo)

    def rest(self) -> None:
        """Keep no file open, unless an edit is being applied; the next reload looks at all files."""
        if self._lock.acquire(blocking=False):
            try:
                self._states.files.rest()
            finally:
                self._lock.release()

    def _exclusively(self, work: Callable[[], Report]) -> Report:
        with self._lock:
            if self._busy:
                problem = "reload() was called by code that a reload is executing; call it later"
                return Report(error=ReloadError(problem))
            self._busy = True
            try:
                return _without_circles(work())
            finally:
                self._busy = False

    def _reload(self, paths: Collection[str]) -> Report:
        start = time.perf_counter()
        self._project.adopt_found()
        differing, self._differing = self._differing, None
        states = self._saved(paths, differing)
        if states is None:
            if not paths and self._asked_again:  # whoever watches will name the files
                self._states.notice()
            states = self._states.current()
        self._asked_again = not paths
        changed: _Files = {}
        try:
            for name, state in states.items():
                content = self._states.files.changed(state)
                if content is not None:
                    changed[name] = content
            outside = list(outside_edits(changed, self._project.loaded))
        except OSError as error:
            return Report(error=error, files=(str(error.filename),), seconds=time.perf_counter() - start)
        for each in outside:
            changed.pop(each.record.name, None)
        before = {name: _former(states[name], content) for name, content in changed.items()}
        report = self._apply(states, changed, start)
        if report.error is not None:
            self._differing = frozenset([*report.files, *(each.record.path for each in outside)])
            return report
        self._differing = frozenset()
        if report:
            self._history.append(before)
        return self._with_outside(report, outside)

    def _saved(self, paths: Collection[str], differing: frozenset[str] | None) -> dict[str, ModuleState] | None:
        """Return the states of the modules whose files can differ from what runs; None if any can."""
        if differing is None:
            return None
        return self._states.of_files({*paths, *differing}) if paths else self._states.noticed(differing)

    def _with_outside(self, report: Report, outside: list[OutsideEdit]) -> Report:
        if not outside:
            return report
        told = tuple(each.told(self._project.loaded) for each in outside)
        files = tuple(dict.fromkeys([*report.files, *(each.record.path for each in outside)]))
        return dataclasses.replace(report, changes=(*report.changes, *told), files=files)

    def _undo(self) -> Report:
        start = time.perf_counter()
        states = self._states.current()
        if not self._history:
            return Report(error=ReloadError("there is no edit to take back"))
        wanted = self._history[-1]
        self._differing = None
        report = self._apply(states, {name: content for name, content in wanted.items() if name in states}, start)
        if report.error is None:
            self._history.pop()
        return report

    def _apply(self, states: dict[str, ModuleState], changed: _Files, start: float) -> Report:
        """Make modules run other content."""
        if not changed:
            return Report(seconds=time.perf_counter() - start)
        files = tuple(dict.fromkeys(states[name].path for name in changed))
        importlib.invalidate_caches()
        self._project.roots.forget_names()
        edit: Edit | None = None
        events: list[ReloadEvent] = []
        try:
            edit = self._prepared(states, changed, events)
            self._enlist(edit.transaction)
            edit.apply()
            late.follow(edit, self._states.is_looked_up)
            edit.transaction.finish()
        except BaseException as error:  # noqa: BLE001 - the border to the edited program: SystemExit is an error too
            _forget_locals(error)
            if edit is not None:
                for problem in edit.transaction.rollback():
                    error.add_note(f"one thing could not be put back: {type(problem).__name__}: {problem}")
            self._forget_lines(files)
            effects = tuple(edit.executed) if edit is not None else ()
            seconds = time.perf_counter() - start
            return self._call_after(events, Report((), error, self._place(error), files, seconds, effects))
        self._keep(edit)
        self._forget_lines(files)
        loaded = [
            Change(name, "", Action.LOADED)
            for name in edit.transaction.imports.new
            if self._project.loaded.get(name) is not None
        ]
        changes = (*loaded, *edit.changes, *_as_they_are(edit))
        report = Report(changes, files=files, seconds=time.perf_counter() - start)
        return self._call_after(events, report)

    def _enlist(self, transaction: Transaction) -> None:
        """Have what is known of modules, and of replaced values, go back with the edit."""
        transaction.on_rollback(functools.partial(self._states.restore, self._states.snapshot()))
        transaction.on_rollback(functools.partial(self._project.loaded.restore, self._project.loaded.snapshot()))
        transaction.on_rollback(functools.partial(replacements.restore, replacements.snapshot()))

    def _prepared(self, states: dict[str, ModuleState], changed: _Files, events: list[ReloadEvent]) -> Edit:
        """Read and compare what changed, and tell the hooks; what they are told is added to the events."""
        edits = {name: self._module_edit(states[name], content) for name, content in changed.items()}
        events.extend(ReloadEvent(name, one.path) for name, one in edits.items() if not one.pairing.unchanged)
        self._call_before(events)
        return Edit(edits, self._dependent, Ordering(self._states))

    def _call_before(self, events: Iterable[ReloadEvent]) -> None:
        for event in events:
            state = self._states.get(event.module)
            for hook in hooks_of(state.namespace, BEFORE) if state is not None else ():
                hook(event)

    def _call_after(self, events: Iterable[ReloadEvent], report: Report) -> Report:
        """Call the hooks; what they raise is added to the report, since the edit is over."""
        failures = []
        for event in events:
            state = self._states.get(event.module)
            for hook in hooks_of(state.namespace, AFTER) if state is not None else ():
                try:
                    hook(dataclasses.replace(event, report=report))
                except BaseException as error:  # noqa: BLE001 - the border to the edited program
                    note = f"after_reload hook raised {''.join(traceback.format_exception_only(error)).strip()}"
                    place = self._place(error)
                    failures.append(Change(event.module, hook.__name__, Action.REFUSED, place, note))
        return dataclasses.replace(report, changes=(*report.changes, *failures)) if failures else report

    def _module_edit(self, state: ModuleState, content: Content) -> ModuleEdit:
        old = self._states.source(state)
        if content.spec is None:
            new = old.edited(content.data)
        else:
            stage = state.loaded.compiled.stage
            new = read_source(content.data, str(content.spec.origin), self._states.options, stage)
        new.check()
        return ModuleEdit.of_edit(state, Program(), old, new, content.spec)

    def _dependent(self, name: str) -> ModuleEdit | None:
        state = self._states.get(name)
        if state is None:
            return None
        return ModuleEdit.of_dependent(state, Program(), functools.partial(self._states.source, state))

    def _keep(self, edit: Edit) -> None:
        """Make the new version what is running."""
        for module in edit.edits.values():
            if not module.is_read:
                continue
            source = module.source
            if module.is_as_it_was:
                self._states.update(module.state, source)
                continue
            loaded = module.state.loaded
            if module.spec is not None:
                loaded = loaded.replaced(path=source.path)
                self._project.loaded.put(loaded)
            state = ModuleState(loaded, source.data, source.links, source.lookups, list(module.codes))
            if not module.edited:
                state.take_loads(module.state)
            self._states.update(state, source)

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


def _as_they_are(edit: Edit) -> Iterator[Change]:
    """Tell of the new statements that could not be rewritten."""
    for module in edit.edits.values():
        for pair in module.pairing.pairs if module.edited else ():
            statement = pair.new
            if statement.reason and not pair.same_text:
                note = f"applied as it is, so what it imports does not become current: {statement.reason}"
                place = Place(module.path, statement.first_line)
                yield Change(module.name, statement.name, Action.REFUSED, place, note)


def _former(state: ModuleState, content: Content) -> Content:
    """Return what a module runs before it runs other content; where that moves it to another file, with its place."""
    spec = state.namespace.get("__spec__") if content.spec is not None else None
    return Content(state.data, spec)


def _without_circles(report: Report) -> Report:
    """Return the report of an edit, whose traceback refers to frames that hold the report, and what was undone.

    Garbage collection would find these circles, but the next edit may come first, and search the heap for who else has
    the code that it replaces.
    """
    if report.error is not None:
        _forget_locals(report.error)
    return report


def _forget_locals(error: BaseException) -> None:
    """Empty the frames of ours in a traceback, and those that called them; the program's stay whole."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    callers = traceback.walk_stack(frames[0].f_back) if frames else ()
    for frame in [*frames, *(frame for frame, _ in callers)]:
        if frame.f_code.co_filename.startswith(_HERE):
            with contextlib.suppress(RuntimeError):  # it is running
                frame.clear()


_HERE = os.path.dirname(__file__)


def _frames(error: BaseException) -> Iterator[traceback.FrameSummary]:
    yield from traceback.extract_tb(error.__traceback__)

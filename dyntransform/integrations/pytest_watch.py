"""``pytest --dyn-watch``: stay after the run, apply each save, and run the tests again that it can affect.

Everything happens in one process. Fixtures of session scope stay alive, as do those of the module and class that ran
last, unless code that they executed changed, or the file or conftest file that defines them was collected anew.
"""

from __future__ import annotations

import collections
import dataclasses
import fnmatch
import io
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._io import TerminalWriter
from _pytest.outcomes import TEST_OUTCOME
from _pytest.runner import collect_one_node

from dyntransform import hook
from dyntransform.importing.loader import project
from dyntransform.integrations.footprints import Footprint, Recorder, affects
from dyntransform.integrations.keys import Keys
from dyntransform.reloading.report import Action, Change, Report, short_path
from dyntransform.watching import Watcher

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

__all__ = ["WatchSession"]

_STRUCTURE = {Action.ADDED, Action.REMOVED, Action.RAN, Action.RERAN}
"""Changes of a test file that can change which tests and fixtures it has."""


@dataclasses.dataclass
class _Known:
    """What is known of a test.

    Attributes:
        executed: the code that it executed itself.
        reports: of its latest run, one for each phase.
    """

    executed: Footprint = dataclasses.field(default_factory=set)
    reports: list[pytest.TestReport] = dataclasses.field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether any phase of it failed."""
        return any(report.failed for report in self.reports)


class WatchSession:
    """A plugin that takes the place of pytest's loop over the tests.

    Args:
        config: the configuration of the test run.
        installed: the import hook.
    """

    def __init__(self, config: pytest.Config, installed: hook.Hook) -> None:
        self._config = config
        self._hook = installed
        self._recorder = Recorder(installed.roots.owns)
        self._known: dict[str, _Known] = {}
        self._fixtures: dict[Any, tuple[Any, Footprint]] = {}
        self._broken: dict[Path, pytest.CollectReport] = {}
        self._parents: dict[Path, Any] = {}
        self._folders: dict[Path, Any] = {}
        self._saved: set[str] = set()

    # ------------------------------------------------------------------ what pytest tells

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[None]:
        """Record what a fixture executes: every test that uses it depends on that."""
        footprint: Footprint = set()
        with self._recorder.recording(footprint):
            result = yield
        self._fixtures[fixturedef] = (request, footprint)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Record what a test executes."""
        known = self._known[item.nodeid] = _Known()
        with self._recorder.recording(known.executed):
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome of each phase."""
        if report.nodeid in self._known:
            self._known[report.nodeid].reports.append(report)

    def pytest_collectstart(self, collector: Any) -> None:
        """Keep what files are collected from."""
        if isinstance(collector, pytest.File):
            self._parents[collector.path] = collector.parent
        elif isinstance(collector, (pytest.Directory, pytest.Session)):
            self._folders[collector.path] = collector

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what could not be collected."""
        path = self._config.rootpath / report.nodeid.partition("::")[0]
        if report.failed:
            self._broken[path] = report
        else:
            self._broken.pop(path, None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run all tests, then again those that edits can affect, until the user has enough."""
        if self._config.option.collectonly:
            return None
        self._hook.unwatch()  # of `python -m dyntransform`: edits are applied here, between two runs
        self._run(session, session.items)
        self._reporter.ensure_newline()
        self._reporter.summary_errors()
        self._reporter.summary_failures()
        with Keys() as keys:
            watcher = Watcher(self._hook.roots.paths, lambda _saved: keys.wake(), relevant=self._is_relevant)
            watcher.start()
            try:
                self._watch(session, keys)
            finally:
                watcher.stop()
        self._leave(session)
        return True

    # ------------------------------------------------------------------ the loop

    def _watch(self, session: pytest.Session, keys: Keys) -> None:
        self._say_state(session)
        while True:
            self._show_keyboard()
            key = keys.wait()
            if key == "q":
                return
            if key == "a":
                self._again(session, session.items, "all tests")
            elif key == "f":
                failed = [item for item in session.items if self._state(item).failed]
                self._again(session, failed, f"{len(failed)} that failed")
            elif key == "":
                self._saved_files(session)

    def _saved_files(self, session: pytest.Session) -> None:
        """Apply what was saved."""
        asked, self._saved = self._saved, set()
        saved = {path for path in asked if os.path.isfile(path)}
        report = self._hook.reload()
        new = [path for path in map(Path, sorted(saved)) if self._is_new(path)]
        if not report and not new and not saved.intersection(map(str, self._broken)):
            return
        writer = self._reporter._tw
        names = [short_path(path) for path in report.files or sorted(saved)]
        writer.line()
        writer.sep("-", f"{', '.join(names)} saved", bold=True)
        if report.error is not None:
            writer.line(str(report), red=True)
            return
        for change in report.changes:
            writer.line(f"  {change}")
        reasons = self._reasons(session, report)
        for item in self._collect_again(session, report, [*self._broken, *new]):
            reasons[item] = "collected anew"
        self._finish_fixtures(report)
        items = [item for item in session.items if item in reasons]
        counts = collections.Counter(reasons[item] for item in items)
        self._again(session, items, ", ".join(f"{count} {reason}" for reason, count in counts.items()))

    def _reasons(self, session: pytest.Session, report: Report) -> dict[pytest.Item, str]:
        """Return the tests that a save can affect, and how it is known."""
        reasons = {}
        for item in session.items:
            if self._state(item).failed:
                reasons[item] = "failed before"
            elif str(item.path) in report.files:
                reasons[item] = "in an edited file"
            elif _affected(report.changes, self._footprint(item)):
                reasons[item] = "executed what changed"
        return reasons

    def _footprint(self, item: pytest.Item) -> Footprint:
        """Return what a test executed, with all fixtures that it uses, also those that were there already."""
        executed = set(self._state(item).executed)
        used = getattr(item, "_fixtureinfo", None)
        for fixturedefs in used.name2fixturedefs.values() if used is not None else ():
            for fixturedef in fixturedefs:
                executed |= self._fixtures.get(fixturedef, (None, set()))[1]
        return executed

    def _finish_fixtures(self, report: Report) -> None:
        """Tear down fixtures that executed code which changed; those that use them go with them."""
        for fixturedef, (request, footprint) in list(self._fixtures.items()):
            if fixturedef.cached_result is not None and _affected(report.changes, footprint):
                self._tear_down(fixturedef.finish, request)

    # ------------------------------------------------------------------ running

    def _again(self, session: pytest.Session, items: Sequence[pytest.Item], why: str) -> None:
        if not items:
            self._say_state(session)
            return
        self._reporter._tw.line(f"running {len(items)} of {len(session.items)} tests: {why}", bold=True)
        start = time.perf_counter()
        with self._silence():
            self._run(session, items)
        for item in items:
            self._say_failure(item)
        self._say_state(session, time.perf_counter() - start)

    def _run(self, session: pytest.Session, items: Sequence[pytest.Item]) -> None:
        """Run tests; what belongs to the last one's module stays set up."""
        if items:
            self._tear_down(session._setupstate.teardown_exact, items[0])
        for index, item in enumerate(items):
            keep: Any = items[index + 1] if index + 1 < len(items) else item.parent
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=keep)
            if session.shouldfail or session.shouldstop:
                session.shouldfail = session.shouldstop = False
                return

    def _tear_down(self, finish: Callable[[Any], None], argument: Any) -> None:
        """Have fixtures of the program end; what they raise is shown, and is no reason to end the session."""
        try:
            finish(argument)
        except TEST_OUTCOME as error:
            self._reporter._tw.line(f"error at teardown: {error!r}", red=True)

    def _state(self, item: pytest.Item) -> _Known:
        return self._known.get(item.nodeid) or _Known()

    # ------------------------------------------------------------------ collecting

    def _is_relevant(self, path: str) -> bool:
        if not self._hook._relevant(path):
            return False
        self._saved.add(path)
        return True

    def _is_new(self, path: Path) -> bool:
        """Whether a saved file can have tests, and is not known."""
        owner = project()
        loaded = {record.path for record in owner.loaded.snapshot().values()} if owner is not None else set()
        tests = [pattern for pattern in self._config.getini("python_files") if fnmatch.fnmatch(path.name, pattern)]
        return bool(tests) and str(path) not in loaded and path not in self._broken and path.exists()

    def _collect_again(self, session: pytest.Session, report: Report, new: Iterable[Path]) -> list[pytest.Item]:
        """Collect the files whose tests may be others now, in place of what they were."""
        files = {change.module: change for change in report.changes if change.action in _STRUCTURE}
        owner = project()
        paths = [Path(record.path) for name in files if owner and (record := owner.loaded.get(name)) is not None]
        found: list[pytest.Item] = []
        for path in dict.fromkeys([*paths, *new]):
            if path.name == "conftest.py":
                self._reporter._tw.line(f"  {path}: start again to have new or removed fixtures of it", yellow=True)
            elif (parent := self._parents.get(path) or self._folders.get(path.parent)) is not None:
                found += self._collect(session, path, parent)
        return found

    def _collect(self, session: pytest.Session, path: Path, parent: Any) -> list[pytest.Item]:
        errors, failed = dict(self._reporter.stats), session.testsfailed
        with self._silence():
            seen: set[Any] = getattr(session._fixturemanager, "_holderobjseen", set())  # pytest 8
            seen.difference_update({holder for holder in seen if _file(holder) == str(path)})
            items: list[pytest.Item] = []
            for collector in parent.ihook.pytest_collect_file(file_path=path, parent=parent):
                items += _items(session, collector)
            chosen = [argument for argument in self._config.args if "::" in argument]
            if chosen:
                items = [item for item in items if any(_is_within(item, argument) for argument in chosen)]
            self._config.hook.pytest_collection_modifyitems(session=session, config=self._config, items=items)
        self._reporter.stats = errors
        session.testsfailed = failed
        broken = self._broken.get(path)
        if broken is not None:
            self._reporter._tw.line(str(broken.longrepr), red=True)
            return []
        places = [index for index, item in enumerate(session.items) if item.path == path]
        place = places[0] if places else len(session.items)
        session.items[:] = [item for item in session.items if item.path != path]
        session.items[place:place] = items
        return items

    # ------------------------------------------------------------------ printing

    @property
    def _reporter(self) -> TerminalReporter:
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        return reporter  # type: ignore[no-any-return]

    @contextmanager
    def _silence(self) -> Iterator[None]:
        """Have pytest's own progress go nowhere: the summary is ours."""
        reporter = self._reporter
        writer, reporter._tw = reporter._tw, TerminalWriter(io.StringIO())
        try:
            yield
        finally:
            reporter._tw = writer

    def _show_keyboard(self) -> None:
        """Give the keyboard back, which pytest hides from tests."""
        capture: Any = self._config.pluginmanager.get_plugin("capturemanager")
        if capture is not None:
            capture.suspend_global_capture(in_=True)

    def _say_failure(self, item: pytest.Item) -> None:
        writer = self._reporter._tw
        for report in self._state(item).reports:
            if report.failed:
                writer.sep("_", f"{item.nodeid} ({report.when})", red=True)
                report.toterminal(writer)

    def _say_state(self, session: pytest.Session, seconds: float | None = None) -> None:
        failed = sum(self._state(item).failed for item in session.items)
        text = f"{len(session.items) - failed} of {len(session.items)} tests are well"
        if self._broken:
            text += f", {len(self._broken)} files cannot be collected"
        took = f" in {seconds:.2f}s" if seconds is not None else ""
        writer = self._reporter._tw
        writer.write(f"{text}{took}", bold=True, red=bool(failed or self._broken), green=not (failed or self._broken))
        writer.line("   [a]ll, [f]ailed, [q]uit", flush=True)

    def _leave(self, session: pytest.Session) -> None:
        """Have pytest's summary and exit status tell the latest outcomes."""
        stats: dict[str, list[Any]] = {}
        for item in session.items:
            for report in self._state(item).reports:
                category = self._config.hook.pytest_report_teststatus(report=report, config=self._config)[0]
                stats.setdefault(category, []).append(report)
        if self._broken:
            stats["error"] = [*stats.get("error", []), *self._broken.values()]
        self._reporter.stats = stats
        session.testscollected = len(self._known)
        session.testsfailed = sum(self._state(item).failed for item in session.items) + len(self._broken)


def _affected(changes: Iterable[Change], footprint: Footprint) -> bool:
    owner = project()
    assert owner is not None
    return any(affects(change, footprint, owner) for change in changes)


def _file(holder: Any) -> str | None:
    """Return the file of a module, class or object that has fixtures."""
    module = holder if isinstance(holder, ModuleType) else sys.modules.get(getattr(holder, "__module__", ""))
    return getattr(module, "__file__", None)


def _items(session: pytest.Session, collector: Any) -> Iterator[pytest.Item]:
    if isinstance(collector, pytest.Item):
        session.ihook.pytest_itemcollected(item=collector)
        yield collector
        return
    report = collect_one_node(collector)
    if report.passed:
        for node in report.result:
            yield from _items(session, node)
    collector.ihook.pytest_collectreport(report=report)


def _is_within(item: pytest.Item, argument: str) -> bool:
    """Whether a test was named on the command line, itself or what it is in."""
    name = argument.partition("::")[2]
    own = item.nodeid.partition("::")[2]
    file = os.path.realpath(argument.partition("::")[0])
    return os.path.realpath(item.path) == file and (own == name or own.startswith((f"{name}[", f"{name}::")))

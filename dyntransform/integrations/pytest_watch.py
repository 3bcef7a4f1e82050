"""``pytest --dyn-watch``: stay after the run, apply each save, and run the tests again that it can affect.

Everything happens in one process. Fixtures of session scope stay alive, as do those of the module and class that ran
last, unless code that they executed changed, or the file or conftest file that defines them was collected anew.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from _pytest.outcomes import TEST_OUTCOME

from dyntransform import hook
from dyntransform.importing.loader import project
from dyntransform.integrations.collecting import Collection, reporter_of, silence
from dyntransform.integrations.footprints import Footprint, Recorder, affects
from dyntransform.integrations.keys import Keys
from dyntransform.reloading.model.report import Change, Report, short_path
from dyntransform.watching import Watcher

__all__ = ["WatchSession"]


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
        self._collection = Collection(config)
        config.pluginmanager.register(self._collection)
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

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run all tests, then again those that edits can affect, until the user has enough."""
        if self._config.option.collectonly:
            return None
        self._hook.unwatch()  # of `python -m dyntransform`: edits are applied here, between two runs
        self._run(session, session.items)
        reporter_of(self._config).ensure_newline()
        reporter_of(self._config).summary_errors()
        reporter_of(self._config).summary_failures()
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
        new = [path for path in map(Path, sorted(saved)) if self._collection.is_new(path)]
        if not report and not new and not saved.intersection(map(str, self._collection.broken)):
            return
        writer = reporter_of(self._config)._tw
        names = [short_path(path) for path in report.files or sorted(saved)]
        writer.line()
        writer.sep("-", f"{', '.join(names)} saved", bold=True)
        if report.error is not None:
            writer.line(str(report), red=True)
            return
        for change in report.changes:
            writer.line(f"  {change}")
        reasons = self._reasons(session, report)
        for item in self._collection.again(session, report, [*self._collection.broken, *new]):
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
        reporter_of(self._config)._tw.line(f"running {len(items)} of {len(session.items)} tests: {why}", bold=True)
        start = time.perf_counter()
        with silence(self._config):
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
            reporter_of(self._config)._tw.line(f"error at teardown: {error!r}", red=True)

    def _state(self, item: pytest.Item) -> _Known:
        return self._known.get(item.nodeid) or _Known()

    # ------------------------------------------------------------------ collecting

    def _is_relevant(self, path: str) -> bool:
        if not self._hook._relevant(path):
            return False
        self._saved.add(path)
        return True

    # ------------------------------------------------------------------ printing

    def _show_keyboard(self) -> None:
        """Give the keyboard back, which pytest hides from tests."""
        capture: Any = self._config.pluginmanager.get_plugin("capturemanager")
        if capture is not None:
            capture.suspend_global_capture(in_=True)

    def _say_failure(self, item: pytest.Item) -> None:
        writer = reporter_of(self._config)._tw
        for report in self._state(item).reports:
            if report.failed:
                writer.sep("_", f"{item.nodeid} ({report.when})", red=True)
                report.toterminal(writer)

    def _say_state(self, session: pytest.Session, seconds: float | None = None) -> None:
        failed = sum(self._state(item).failed for item in session.items)
        broken = len(self._collection.broken)
        text = f"{len(session.items) - failed} of {len(session.items)} tests are well"
        if broken:
            text += f", {broken} files cannot be collected"
        took = f" in {seconds:.2f}s" if seconds is not None else ""
        writer = reporter_of(self._config)._tw
        is_well = not failed and not broken
        writer.write(f"{text}{took}", bold=True, red=not is_well, green=is_well)
        writer.line("   [a]ll, [f]ailed, [q]uit", flush=True)

    def _leave(self, session: pytest.Session) -> None:
        """Have pytest's summary and exit status tell the latest outcomes."""
        stats: dict[str, list[Any]] = {}
        for item in session.items:
            for report in self._state(item).reports:
                category = self._config.hook.pytest_report_teststatus(report=report, config=self._config)[0]
                stats.setdefault(category, []).append(report)
        if self._collection.broken:
            stats["error"] = [*stats.get("error", []), *self._collection.broken.values()]
        reporter_of(self._config).stats = stats
        session.testscollected = len(self._known)
        session.testsfailed = sum(self._state(item).failed for item in session.items) + len(self._collection.broken)


def _affected(changes: Iterable[Change], footprint: Footprint) -> bool:
    owner = project()
    assert owner is not None
    return any(affects(change, footprint, owner) for change in changes)

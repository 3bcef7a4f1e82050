"""Test files that ``pytest --dyn-watch`` collects while the session goes on."""

from __future__ import annotations

import fnmatch
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._io import TerminalWriter
from _pytest.runner import collect_one_node

from dyntransform.importing.loader import project
from dyntransform.reloading.model.report import Action, Report

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

__all__ = ["Collection", "reporter_of", "silence"]

_STRUCTURE = {Action.ADDED, Action.REMOVED, Action.RAN, Action.RERAN}
"""Changes of a test file that can change which tests and fixtures it has."""


class Collection:
    """A plugin that knows what test files are collected from, and collects them anew.

    Args:
        config: the configuration of the test run.

    Attributes:
        broken: files that could not be collected, and what pytest said of them.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.broken: dict[Path, pytest.CollectReport] = {}
        self._config = config
        self._parents: dict[Path, Any] = {}
        self._folders: dict[Path, Any] = {}

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
            self.broken[path] = report
        else:
            self.broken.pop(path, None)

    def is_new(self, path: Path) -> bool:
        """Whether a saved file can have tests, and is not known."""
        owner = project()
        loaded = {record.path for record in owner.loaded.snapshot().values()} if owner is not None else set()
        tests = [pattern for pattern in self._config.getini("python_files") if fnmatch.fnmatch(path.name, pattern)]
        return bool(tests) and str(path) not in loaded and path not in self.broken and path.exists()

    def again(self, session: pytest.Session, report: Report, new: Iterable[Path]) -> list[pytest.Item]:
        """Collect the files whose tests may be others now, in place of what they were."""
        files = {change.module: change for change in report.changes if change.action in _STRUCTURE}
        owner = project()
        paths = [Path(record.path) for name in files if owner and (record := owner.loaded.get(name)) is not None]
        found: list[pytest.Item] = []
        for path in dict.fromkeys([*paths, *new]):
            if path.name == "conftest.py":
                reporter_of(self._config)._tw.line(
                    f"  {path}: start again to have new or removed fixtures of it", yellow=True
                )
            elif (parent := self._parents.get(path) or self._folders.get(path.parent)) is not None:
                found += self._collect(session, path, parent)
        return found

    def _collect(self, session: pytest.Session, path: Path, parent: Any) -> list[pytest.Item]:
        errors, failed = dict(reporter_of(self._config).stats), session.testsfailed
        with silence(self._config):
            seen: set[Any] = getattr(session._fixturemanager, "_holderobjseen", set())  # pytest 8
            seen.difference_update({holder for holder in seen if _file(holder) == str(path)})
            items: list[pytest.Item] = []
            for collector in parent.ihook.pytest_collect_file(file_path=path, parent=parent):
                items += _items(session, collector)
            chosen = [argument for argument in self._config.args if "::" in argument]
            if chosen:
                items = [item for item in items if any(_is_within(item, argument) for argument in chosen)]
            self._config.hook.pytest_collection_modifyitems(session=session, config=self._config, items=items)
        reporter_of(self._config).stats = errors
        session.testsfailed = failed
        broken = self.broken.get(path)
        if broken is not None:
            reporter_of(self._config)._tw.line(str(broken.longrepr), red=True)
            return []
        places = [index for index, item in enumerate(session.items) if item.path == path]
        place = places[0] if places else len(session.items)
        session.items[:] = [item for item in session.items if item.path != path]
        session.items[place:place] = items
        return items


def reporter_of(config: pytest.Config) -> TerminalReporter:
    """Return what writes to the terminal."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    return reporter  # type: ignore[no-any-return]


@contextmanager
def silence(config: pytest.Config) -> Iterator[None]:
    """Have pytest's own progress go nowhere: the summary is ours."""
    reporter = reporter_of(config)
    writer, reporter._tw = reporter._tw, TerminalWriter(io.StringIO())
    try:
        yield
    finally:
        reporter._tw = writer


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

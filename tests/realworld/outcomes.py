"""A pytest plugin that writes down what happened: ``-p outcomes --outcomes FILE``."""

from __future__ import annotations

import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

_VOLATILE = (
    (re.compile(r"0x[0-9a-fA-F]{6,}|\b7f[0-9a-f]{10}\b"), "0x"),
    (re.compile(r"pytest-of-\w+/pytest-\d+"), "pytest-tmp"),
    (re.compile(r"/tmp/[\w./-]+"), "/tmp"),
    (re.compile(r"\b\d+(\.\d+)?(e-\d+)? ?(ms|s|us|ns|seconds)\b"), "some time"),
    # Where a thread waits in the standard library is a matter of chance.
    (re.compile(r'(lib/python3\.\d+/[\w/]+\.py)(", line |:)\d+'), r"\1"),
    (re.compile(r"\b(id|pid|port)[ =:]+\d+"), r"\1"),
)


class Outcomes:
    """Collects the outcome of each phase of each test, the texts of failures, and the warnings."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._phases: dict[str, list[str]] = {}
        self._texts: dict[str, str] = {}
        self._warnings: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what could not be collected, or was skipped as a whole."""
        if not report.passed:
            self._note(report, f"collect {report.outcome}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a phase of a test."""
        expected = " xfail" if hasattr(report, "wasxfail") else ""
        self._note(report, f"{report.when} {report.outcome}{expected}")

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage, when: str, nodeid: str) -> None:
        """Note a warning."""
        text = f"{when} {nodeid}: {warning_message.category.__name__}: {warning_message.message}"
        self._warnings.append(_stable(text))

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        found = {
            "phases": self._phases,
            "texts": self._texts,
            "warnings": sorted(self._warnings),
            "rewritten": {**_rewritten(), **_built()},
        }
        self._path.write_text(json.dumps(found), encoding="utf-8")

    def _note(self, report: pytest.TestReport | pytest.CollectReport, what: str) -> None:
        self._phases.setdefault(report.nodeid, []).append(what)
        if not report.passed:
            text = self._texts.get(report.nodeid, "") + str(report.longrepr)
            self._texts[report.nodeid] = _stable(text)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--outcomes", type=Path)


def pytest_configure(config: pytest.Config) -> None:
    """Begin."""
    path = config.getoption("--outcomes")
    if path is not None:
        config.pluginmanager.register(Outcomes(path))


def _stable(text: str) -> str:
    for pattern, replacement in _VOLATILE:
        text = pattern.sub(replacement, text)
    return text


def _rewritten() -> dict[str, Any]:
    """Tell what the hook did: how many modules it loaded, with which late-bound names, and which it left, and why."""
    loader = sys.modules.get("dyntransform.importing.loader")
    project = loader.project() if loader is not None else None
    if project is None:
        return {"modules": 0, "lookups": 0, "links": 0, "left": []}
    compiled = [record.compiled for record in project.loaded.snapshot().values()]
    return {
        "modules": len(compiled),
        "lookups": sum(len(each.lookups) for each in compiled),
        "links": sum(len(each.links) for each in compiled),
        "left": [each.reason for each in compiled if each.reason],
    }


def _built() -> dict[str, Any]:
    """Tell how many modules come from the working directory's tree, and which modules that rewrite were imported."""
    here = str(Path.cwd())
    files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    rewriters = [name for name in ("libcst", "bytecode", "dyntransform.transform") if name in sys.modules]
    return {"built": sum(file.startswith(here) for file in files), "rewriters": rewriters}

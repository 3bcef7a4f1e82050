"""Outcomes of unittest, as text that can be compared. Imported after the hook, so that unittest is rewritten too."""

from __future__ import annotations

import re
import unittest
from typing import Any

__all__ = ["Result"]

_VOLATILE = (
    (re.compile(r"0x[0-9a-fA-F]{6,}"), "0x"),
    (re.compile(r"/tmp/[\w./-]+"), "/tmp"),
    (re.compile(r"test_python_[\w.-]+"), "test_python_"),
    (re.compile(r'(?<=_external>", line )\d+'), ""),
)


class Result(unittest.TextTestResult):
    """Writes down the outcome of each test, with the text of failures."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.outcomes: dict[str, list[str]] = {}

    def addSuccess(self, test: unittest.TestCase) -> None:
        """Note a success."""
        self._note(test, "ok")

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        """Note an error."""
        self._note(test, f"error: {self._exc_info_to_string(err, test)}")  # type: ignore[attr-defined]

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        """Note a failure."""
        self._note(test, f"failure: {self._exc_info_to_string(err, test)}")  # type: ignore[attr-defined]

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        """Note a skipped test."""
        self._note(test, f"skipped: {reason}")

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        """Note a failure that was expected."""
        self._note(test, f"expected failure: {err[0].__name__}")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        """Note a success that was not expected."""
        self._note(test, "unexpected success")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        """Note a failure of a part of a test."""
        if err is not None:
            self._note(test, f"{subtest.id()}: {self._exc_info_to_string(err, test)}")  # type: ignore[attr-defined]

    def _note(self, test: unittest.TestCase, what: str) -> None:
        for pattern, replacement in _VOLATILE:
            what = pattern.sub(replacement, what)
        self.outcomes.setdefault(test.id(), []).append(what)

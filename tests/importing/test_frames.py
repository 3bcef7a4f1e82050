"""Frames that pose as those of the import system."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from types import FrameType

import pytest

from dyntransform.importing.frames import posing_as


class Model:
    """What is posed as."""

    def work(self) -> list[int]:
        """Call two methods, far apart."""
        found = [self.first()]

        found.append(self.second())
        return found

    def first(self) -> int:
        """Return the caller's line."""
        return _caller().f_lineno

    def second(self) -> int:
        """Return the caller's line."""
        return _caller().f_lineno


class Other(Model):
    """What poses."""

    def work(self) -> list[int]:
        """Call them in the other order, over and over."""
        results = {}
        for _ in range(50):
            results["second"] = self.second()
            results["first"] = self.first()
        return [results["first"], results["second"]]


def _caller() -> FrameType:
    return sys._getframe(2)


def test_lines_are_those_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a method is called, the frame is on the line where the model calls it."""
    expected = Model().work()
    assert Other().work() != expected
    code = posing_as(Other.work.__code__, Model.work.__code__, ("first", "second", "missing"))
    monkeypatch.setattr(Other.work, "__code__", code)
    assert Other().work() == expected
    assert code.co_filename == Model.work.__code__.co_filename


def test_python_calls_what_is_posed() -> None:
    """Python's own loader still calls the methods whose lines are copied."""
    assert {"get_filename", "get_data", "source_to_code"} <= set(SourceFileLoader.get_code.__code__.co_names)

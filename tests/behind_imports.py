"""Modules that ask behind their imports, for sources and for compiled code; and what a trace function sees of them."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from types import CodeType, FrameType

__all__ = ["FILE", "IMPORTS", "Handing", "events", "executed"]

FILE = "file.py"
IMPORTS = {
    "line": "from m import a, b as c\nx = 1\n",
    "lines": "from m import (\n  a,\n  b as c,\n)\nx = 1\n",
    "last": "x = 1\nfrom m import a\n",
    "joined": "x = 1; from m import a; y = 2\n",
    "blocks": "for i in 'ab':\n  if i == 'a': from m import a\n  else:\n    from m import b as a\n",
    "protected": "try:\n  from m import a, none\nexcept ImportError:\n  from m import b as c\nfinally:\n  x = 1\n",
    "handler": "try:\n  from m import a\n  1 / 0\nexcept ZeroDivisionError:\n  x = a\n",
    "class": "class A:\n  from m import a\n  x = 1\nclass B(object):\n  from m import b\na = A.a; c = B.b\n",
    "global": "def f():\n  global a\n  from m import a\nf()\n",
    "many": "from m import " + ", ".join(f"a as a{i}" for i in range(40)) + "\nx = a39\n",
}
"""Texts that import from a module ``m``, which has the names a and b."""


class Handing(types.ModuleType):
    """A module ``m`` that hands out its old ``a`` once, and the new one then.

    Args:
        old: the old value.
        names: what it has.
    """

    def __init__(self, old: object, **names: object) -> None:
        super().__init__("m")
        vars(self).update(names)
        self.olds = [old]

    def __getattribute__(self, name: str) -> object:
        """Give an attribute."""
        olds: list[object] = super().__getattribute__("__dict__").get("olds", [])
        return olds.pop() if name == "a" and olds else super().__getattribute__(name)


def events(work: Callable[[], object]) -> list[tuple[str, str, int]]:
    """Return the events that a trace function sees of code in `FILE`: kind, name of the code, line."""
    seen: list[tuple[str, str, int]] = []

    def trace(frame: FrameType, event: str, _: object) -> object:
        if frame.f_code.co_filename != FILE:
            return None
        seen.append((event, frame.f_code.co_name, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return seen


def executed(code: CodeType) -> tuple[list[tuple[str, str, int]], dict[str, object]]:
    """Execute a module; return its events and its namespace."""
    namespace: dict[str, object] = {"__name__": "one"}
    return events(lambda: exec(code, namespace)), namespace

"""Builds and interpreters in which edits cannot be applied."""

from __future__ import annotations

from dyntransform.cpython.internals import is_main_interpreter
from dyntransform.cpython.versions import FREE_THREADED, unsupported

__all__ = ["require_here"]


def require_here() -> None:
    """Make sure that edits can be applied in this build and this interpreter.

    Raises:
        UnsupportedPythonError: they cannot.
    """
    if FREE_THREADED:
        raise unsupported(
            "this is the free-threaded build of CPython, where an edit would not become live in one step: "
            "dyntransform needs the build with the global interpreter lock"
        )
    if not is_main_interpreter():
        raise unsupported(
            "this is a subinterpreter, where edits cannot be applied: install dyntransform in the main interpreter"
        )

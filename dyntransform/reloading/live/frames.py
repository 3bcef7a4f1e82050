"""The local variables of running and suspended functions: let them refer to other objects."""

from __future__ import annotations

import collections
import ctypes
import functools
import inspect
import operator
from collections.abc import Callable
from types import FrameType
from typing import Any

from dyntransform.cpython.features import LOCALS_WRITE_THROUGH
from dyntransform.cpython.references import references
from dyntransform.reloading.live import heap
from dyntransform.reloading.live.swaps import Changes, Swaps

__all__ = ["function_frames", "replace_in_frame"]


def function_frames() -> list[FrameType]:
    """Return the frames of running functions, but ours."""
    return [
        frame
        for frame in heap.active_frames()
        if frame.f_code.co_flags & inspect.CO_OPTIMIZED and not frame.f_code.co_filename.startswith(_HERE)
    ]


_HERE = __file__.rpartition("reloading")[0]


def replace_in_frame(frame: FrameType, swaps: Swaps, changes: Changes) -> None:
    """Let the variables of one call refer to what takes the place of old objects; those in cells are seen there."""
    cells = frame.f_code.co_cellvars
    snapshot = frame.f_locals
    values = {
        name: snapshot[name]
        for name in frame.f_code.co_varnames
        if name not in cells and name in snapshot and snapshot[name] in swaps
    }
    _forget_snapshot(snapshot)
    del snapshot
    if values:
        new = {name: swaps.of(value) for name, value in values.items()}
        changes.do(functools.partial(_set_locals, frame, new), functools.partial(_set_locals, frame, values))


def _set_locals(frame: FrameType, values: dict[str, Any]) -> None:
    """Set local variables of a running function (PEP 667; before it, as debuggers do)."""
    if LOCALS_WRITE_THROUGH:
        frame.f_locals.update(values)
        return
    snapshot = frame.f_locals
    # One call into C: another thread that runs the function cannot change a variable between reading and writing.
    steps: list[Callable[[], Any]] = [
        functools.partial(getattr, frame, "f_locals"),
        functools.partial(snapshot.update, values),
        functools.partial(ctypes.pythonapi.PyFrame_LocalsToFast, ctypes.py_object(frame), ctypes.c_int(0)),
    ]
    collections.deque(map(operator.call, steps), 0)
    del steps
    _forget_snapshot(snapshot)


def _forget_snapshot(snapshot: Any) -> None:
    """Drop the copy of the variables that asking for them made (until 3.12): it would keep their values alive."""
    if not LOCALS_WRITE_THROUGH and references([snapshot]) <= [_SNAPSHOT_REFERENCES]:
        snapshot.clear()


_SNAPSHOT_REFERENCES = 3
"""Of the frame, the caller's variable and the parameter; more: the program holds it."""

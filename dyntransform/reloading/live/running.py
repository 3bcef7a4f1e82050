"""What planning has to know of the running program."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType
from typing import Any

from dyntransform.reloading.live.heap import active_frames, live_functions

__all__ = ["Program"]


class Program:
    """The process that this is; see `planning.module_diff.Running`."""

    def line_of(self, namespace: dict[str, Any]) -> int | None:
        """Return the line that the top level of a module is at; None if it is not being executed."""
        for frame in active_frames():
            if frame.f_code.co_name == "<module>" and frame.f_globals is namespace:
                return frame.f_lineno
        return None

    def is_run(self, code: CodeType, namespace: dict[str, Any], trees: Iterator[CodeType]) -> bool:
        """Whether functions run some code."""
        return any(live_functions([code], [namespace], trees).values())

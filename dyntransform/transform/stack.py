"""Work that recurses deep in C, on a thread with a stack large enough for it."""

from __future__ import annotations

import _thread
from collections.abc import Callable
from typing import TypeVar

__all__ = ["is_small", "on_large_stack"]

_BYTES = 256 * 1024 * 1024
"""Address space, not memory: pages that are never touched are never there."""

_Result = TypeVar("_Result")


def is_small() -> bool:
    """Whether this thread may have less stack than the main thread's usual 8 MB."""
    import threading

    return threading.current_thread() is not threading.main_thread()


def on_large_stack(work: Callable[[], _Result]) -> _Result:
    """Do `work` on a thread of its own, and wait for it.

    Args:
        work: called without arguments.

    Returns:
        What it returns.

    Raises:
        BaseException: what it raises.
    """
    results: list[_Result] = []
    problems: list[BaseException] = []
    done = _thread.allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as problem:  # noqa: BLE001 - raised again by the caller
            problems.append(problem)
        finally:
            done.release()

    # Not threading.Thread: a debugger or coverage would trace it as a thread of the program.
    before = _thread.stack_size(_BYTES)
    try:
        _thread.start_new_thread(run, ())
    finally:
        _thread.stack_size(before)
    done.acquire()
    for problem in problems:
        raise problem
    return results[0]

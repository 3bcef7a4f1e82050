"""Work for all cores: modules are rewritten in processes of their own, where there are enough of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext
from typing import Protocol, TypeVar

from dyntransform.errors import TransformError

__all__ = ["Task", "work_off"]

_WORTH_BYTES = 100_000
"""So much source takes about as long as starting a process that rewrites it."""
_CHUNK_BYTES = 200_000


class Task(Protocol):
    """Something to be done for a module, which a process can be handed."""

    @property
    def source(self) -> str:
        """The file of the module."""


_Task = TypeVar("_Task", bound=Task)
_Outcome = TypeVar("_Outcome")


def work_off(do: Callable[[_Task], _Outcome], tasks: Sequence[_Task], jobs: int) -> Iterator[_Outcome]:
    """Do something for each of many modules, in any order.

    Args:
        do: does it for one; a function of a module, which does not raise.
        tasks: the modules.
        jobs: the most processes to use.

    Raises:
        TransformError: a process was killed.
    """
    total = sum(os.path.getsize(task.source) for task in tasks)
    workers = min(jobs, len(tasks), total // _WORTH_BYTES)
    if workers <= 1:
        yield from map(do, tasks)
        return
    chunk = max(1, min(len(tasks) // (4 * workers), len(tasks) * _CHUNK_BYTES // total))
    ignore = (signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the process that waits for them
    with ProcessPoolExecutor(workers, _context(do.__module__), signal.signal, ignore) as pool:
        try:
            yield from pool.map(do, tasks, chunksize=chunk)
        except BrokenProcessPool as problem:
            wrong = "a process that rewrote modules was killed, perhaps for lack of memory"
            raise TransformError(f"{wrong}; it is not done: try again with --jobs 1") from problem
        finally:
            pool.shutdown(cancel_futures=True)


def _context(module: str) -> BaseContext:
    """Return how processes are started: what they need is imported once and then forked, where that is possible."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module, "dyntransform.transform.concrete"])
    return context

"""Work for all cores: modules are built in processes of their own, where there are enough of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext

from dyntransform.building.unit import Outcome, Task, build_module
from dyntransform.errors import TransformError

__all__ = ["build_all"]

_WORTH_BYTES = 100_000
"""So much source takes about as long as starting a process that rewrites it."""
_CHUNK_BYTES = 200_000


def build_all(tasks: Sequence[Task], jobs: int) -> Iterator[Outcome]:
    """Build modules, in any order.

    Args:
        tasks: what is to be built.
        jobs: the most processes to use.

    Raises:
        TransformError: a process was killed.
    """
    total = sum(os.path.getsize(task.item.source) for task in tasks)
    workers = min(jobs, len(tasks), total // _WORTH_BYTES)
    if workers <= 1:
        yield from map(build_module, tasks)
        return
    chunk = max(1, min(len(tasks) // (4 * workers), len(tasks) * _CHUNK_BYTES // total))
    ignore = (signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the process that waits for them
    with ProcessPoolExecutor(workers, _context(), signal.signal, ignore) as pool:
        try:
            yield from pool.map(build_module, tasks, chunksize=chunk)
        except BrokenProcessPool as problem:
            wrong = "a process that rewrote modules was killed, perhaps for lack of memory"
            raise TransformError(f"{wrong}; nothing was written: try again with --jobs 1") from problem
        finally:
            pool.shutdown(cancel_futures=True)


def _context() -> BaseContext:
    """Return how processes are started: what they need is imported once and then forked, where that is possible."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([build_module.__module__, "dyntransform.transform.concrete"])
    return context

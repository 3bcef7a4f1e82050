"""What `dyntransform build` takes, with one process and with one for each core."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

__all__ = ["measure"]

_PR_SET_CHILD_SUBREAPER = 36


def measure(root: str, jobs: int) -> dict[str, Any]:
    """Build a project into an empty folder.

    Args:
        root: folder of the project.
        jobs: the most processes to use.

    Returns:
        ``times``: seconds by the clock; ``processor``: seconds of all processes together; ``modules``: how many.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # the workers are children of a fork server
    before = _of_children()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        command = [sys.executable, "-m", "dyntransform", "build", root, "-o", f"{folder}/out", "--jobs", str(jobs)]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        took = time.perf_counter() - start
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
    modules = len(list(Path(root).rglob("*.py")))
    return {"times": [took], "processor": [_of_children() - before], "modules": modules}


def _of_children() -> float:
    """Return the processor time of the processes that this one has waited for, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

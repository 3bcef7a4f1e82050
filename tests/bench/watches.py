"""From the save to the first call of the new code, and what watching costs while nothing is saved."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from engines import make
from projects import Shape, module_name, module_text

__all__ = ["measure"]

LIMIT = 6.0
"""An edit that is not live after so many seconds is not live."""
PAUSE = 0.7
"""Between two saves, in seconds: no engine takes them for one."""


def measure(what: str, **arguments: Any) -> dict[str, Any]:
    """Measure one of `save`, `idle`."""
    return {"save": _save, "idle": _idle}[what](**arguments)


def _save(engine: str, root: str, modules: int, lines: int, samples: int) -> dict[str, Any]:
    """Return the seconds from the save of a function to its first call that runs the new code."""
    shape = Shape(modules, lines)
    path = Path(root, *module_name(shape.target).split(".")).with_suffix(".py")
    original, status = path.read_text(), path.stat()
    live = _watcher_alone(root) if engine == "watcher alone" else _engine(engine, root, shape)
    time.sleep(PAUSE)
    result: dict[str, Any] = {"times": [], "dead": 0}
    try:
        for factor in range(11, 12 + samples):
            path.write_text(module_text(shape, shape.target, factor))
            start = time.perf_counter()
            while not live(factor) and time.perf_counter() - start < LIMIT:
                time.sleep(0.0005)
            took = time.perf_counter() - start
            if took >= LIMIT:
                result["dead"] += 1
            elif factor > 11:
                result["times"].append(took)
            time.sleep(PAUSE)
    finally:
        path.write_text(original)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return result


def _engine(engine: str, root: str, shape: Shape) -> Any:
    tool = make(engine)
    tool.start(Path(root))
    tool.load()
    tool.watch()
    user = sys.modules[module_name(shape.target + 1)]
    return lambda factor: user.call() == factor + 5


def _watcher_alone(root: str) -> Any:
    """Watch as dyntransform does, and do nothing."""
    from dyntransform.watching import Watcher

    seen: list[None] = []
    watcher = Watcher([root], lambda _saved: seen.append(None), relevant=lambda path: path.endswith((os.sep, ".py")))
    watcher.start()
    before: dict[int, int] = {}
    return lambda factor: len(seen) > before.setdefault(factor, len(seen))


def _idle(engine: str, root: str, seconds: float) -> dict[str, Any]:
    """Return the share of one processor that a watched program uses while it sleeps."""
    tool = make(engine)
    tool.start(Path(root))
    tool.load()
    tool.watch()
    time.sleep(1)
    before = time.process_time()
    time.sleep(seconds)
    return {"times": [(time.process_time() - before) / seconds]}

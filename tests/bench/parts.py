"""What the steps of a warm import, and of looking for changed files, take: the limits, where a goal is missed."""

from __future__ import annotations

import marshal
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from typing import Any

__all__ = ["measure"]

REPEATS = 15
"""So often each step is done for all modules; the least counts."""


def measure(what: str, root: str) -> dict[str, Any]:
    """Measure the steps of one of `import`, `reload`.

    Returns:
        ``steps``: seconds of each, for all modules; ``modules``: how many there are.
    """
    import dyntransform

    sys.path.insert(0, root)
    hook = dyntransform.install(roots=[root])
    __import__("main")
    paths = [str(path) for path in sorted(Path(root, "app").glob("m*.py"))]
    steps = _import(root, paths) if what == "import" else _reload(hook, paths)
    return {"modules": len(paths), "steps": steps}


def _import(root: str, paths: Sequence[str]) -> dict[str, float]:
    from dyntransform.importing import cache
    from dyntransform.importing.finder import DynFinder

    finder = next(one for one in sys.meta_path if isinstance(one, DynFinder))
    folder = [os.path.join(root, "app")]
    names = {path: f"app.{Path(path).stem}" for path in paths}
    data = {path: Path(path).read_bytes() for path in paths}
    files = {path: str(cache.cache_path(path)) for path in paths}
    stored = {path: cache._content(files[path]) for path in paths}
    body = {path: memoryview(stored[path])[cache._HEAD_BYTES :] for path in paths}
    return {
        "plain Python: find the module": _least(paths, lambda path: PathFinder.find_spec(names[path], folder)),
        "plain Python: code from its .pyc": _least(paths, lambda path: SourceFileLoader("", path).get_code("")),
        "find the module": _least(paths, lambda path: finder.find_spec(names[path], folder)),
        "read the source": _least(paths, cache.content),
        "read the entry": _least(paths, lambda path: cache._content(files[path])),
        "hash both": _least(paths, lambda path: cache._head(data[path], body[path], None)),
        "unmarshal": _least(paths, lambda path: marshal.loads(body[path])),
    }


def _reload(hook: Any, paths: Sequence[str]) -> dict[str, float]:
    hook.reload()
    return {
        "os.stat of all files": _least(paths, os.stat),
        "reload() without an edit": _least([""], lambda _: hook.reload()),
        "reload([path]) without an edit": _least([""], lambda _: hook.reload([paths[0]])),
    }


def _least(paths: Sequence[str], step: Callable[[str], object]) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        for path in paths:
            step(path)
        times.append(time.process_time() - start)
    return min(times)

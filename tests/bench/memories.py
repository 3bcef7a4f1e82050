"""What the modules of a project take in memory: before any reload, and after the first one."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

from engines import make
from projects import Shape
from reloads import edit_repeatedly
from starts import build, fill_caches

__all__ = ["measure"]


def measure(engine: str, root: str, shape: tuple[int, int]) -> dict[str, Any]:
    """Import a project and edit one of its functions.

    Args:
        engine: name of the engine, or ``built`` for a tree that `build` wrote and Python alone imports.
        root: folder of the project.
        shape: modules of the project, and lines of each.

    Returns:
        ``loaded``: bytes by which importing the project made the process larger; ``reloaded``: the same after the
        first reload; ``modules`` and ``functions``: how many were imported.
    """
    sources = list(Path(root, "app").glob("*.py"))
    functions = sum(path.read_text().count("def ") for path in sources)
    if engine == "built":
        root = build(root)
    name = "plain" if engine == "built" else engine
    fill_caches(name, root)  # compiling takes memory too
    tool = make(name)
    tool.start(Path(root))
    gc.collect()
    before = _resident()
    tool.load()
    gc.collect()
    result = {"loaded": [_resident() - before], "reloaded": [], "modules": len(sources), "functions": functions}
    if engine != "built":  # which is not reloaded
        edit_repeatedly(tool, Path(root), "function", Shape(*shape))
        gc.collect()
        result["reloaded"] = [_resident() - before]
    return result


def _resident() -> int:
    """Return the resident memory of this process, in bytes (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

"""What the steps of an import, a reload and a call take: the limits, where a goal is missed."""

from __future__ import annotations

import cProfile
import importlib
import marshal
import os
import pstats
import sys
import time
from collections.abc import Callable, Sequence
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import source_hash
from pathlib import Path
from typing import Any

import loops
from engines import make
from projects import Shape
from reloads import edit_repeatedly
from starts import build

__all__ = ["measure"]

REPEATS = 15
"""So often each step is done for all modules; the least counts."""
RELOADS = 40
"""So many reloads are profiled together."""
PYC_HEAD_BYTES = 16
CHECKS_SOURCE = 0b10
"""The flag of a .pyc that is valid for the content of its source."""


def measure(what: str, **arguments: Any) -> dict[str, Any]:
    """Measure the steps of one of `import`, `reload`, `constant`, `call`."""
    return _MEASURES[what](**arguments)


def _import(engine: str, root: str) -> dict[str, Any]:
    """Return the seconds that each step of a warm import takes, for all modules, and how many modules there are."""
    if engine == "built":
        root = build(root)
    tool = make("dyntransform" if engine == "dyntransform" else "plain")
    tool.start(Path(root))
    tool.load()
    names = [name for name in sys.modules if name.startswith("app.")]
    paths = {name: str(sys.modules[name].__file__) for name in names}
    steps = (_steps_of_ours if engine == "dyntransform" else _steps_of_python)(names, paths)
    codes = {name: sys.modules[name].__spec__.loader.get_code(name) for name in names}
    steps["run the code"] = _least(names, lambda name: exec(codes[name], {"__name__": name, "__package__": "app"}))
    steps["import as a whole"] = _least([""], lambda _: _again(names))
    return {"modules": len(names), "steps": steps}


def _steps_of_python(names: Sequence[str], paths: dict[str, str]) -> dict[str, float]:
    """Return the steps of Python's own import: it looks at a source or, as its .pyc says (PEP 552), reads it."""
    folder = [os.path.dirname(next(iter(paths.values())))]
    loaders = {name: SourceFileLoader(name, paths[name]) for name in names}
    cached = {name: sys.modules[name].__cached__ for name in names}
    stored = {name: Path(cached[name]).read_bytes() for name in names}
    sources = {name: Path(paths[name]).read_bytes() for name in names}
    by_content = stored[names[0]][4] & CHECKS_SOURCE
    steps = {"find the module": _least(names, lambda name: PathFinder.find_spec(name, folder))}
    if by_content:
        steps["look at or read the source"] = _least(names, lambda name: loaders[name].get_data(paths[name]))
        steps["hash"] = _least(names, lambda name: source_hash(sources[name]))
    else:
        steps["look at or read the source"] = _least(names, lambda name: os.stat(paths[name]))
    return steps | {
        "read the stored code": _least(names, lambda name: loaders[name].get_data(cached[name])),
        "unmarshal it": _least(names, lambda name: marshal.loads(stored[name][PYC_HEAD_BYTES:])),
        "these and what is between them": _least(names, lambda name: loaders[name].get_code(name)),
    }


def _steps_of_ours(names: Sequence[str], paths: dict[str, str]) -> dict[str, float]:
    """Return the steps of an import through the hook."""
    from dyntransform.importing import cache
    from dyntransform.importing.finder import DynFinder

    finder = next(one for one in sys.meta_path if isinstance(one, DynFinder))
    folder = [os.path.dirname(next(iter(paths.values())))]
    data = {name: Path(paths[name]).read_bytes() for name in names}
    files = {name: str(cache.cache_path(paths[name])) for name in names}
    stored = {name: Path(files[name]).read_bytes() for name in names}
    body = {name: memoryview(stored[name])[cache._HEAD_BYTES :] for name in names}
    loaders = {name: sys.modules[name].__spec__.loader for name in names}
    return {
        "find the module": _least(names, lambda name: finder.find_spec(name, folder)),
        "look at or read the source": _least(names, lambda name: cache.content(paths[name])),
        "read the stored code": _least(names, lambda name: _read(files[name])),
        "hash": _least(names, lambda name: cache._head(data[name], body[name], None)),
        "unmarshal it": _least(names, lambda name: marshal.loads(body[name])),
        "these and what is between them": _least(names, lambda name: loaders[name].get_code(name)),
    }


def _read(path: str) -> bytes:
    """Read a cache entry as the loader does."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def _again(names: Sequence[str]) -> None:
    """Import modules as if they had not been."""
    for name in names:
        del sys.modules[name]
    for name in names:
        importlib.import_module(name)


def _reload(root: str) -> dict[str, Any]:
    """Return the seconds that looking for changed files takes, where there is none."""
    tool: Any = make("dyntransform")
    tool.start(Path(root))
    tool.load()
    paths = [str(path) for path in sorted(Path(root, "app").glob("m*.py"))]
    tool.reload([])
    steps = {
        "os.stat of all files": _least(paths, os.stat),
        "reload() without an edit": _least([""], lambda _: tool.hook.reload()),
        "reload() without an edit, not told": _least([""], lambda _: _reload_not_told(tool.hook)),
        "reload([path]) without an edit": _least([""], lambda _: tool.hook.reload(paths[:1])),
    }
    return {"modules": len(paths), "steps": steps}


def _reload_not_told(hook: Any) -> None:
    """Reload as where the operating system tells nothing, and as the first time."""
    hook.engine.rest()
    hook.reload()


def _constant(root: str, shape: tuple[int, int]) -> dict[str, Any]:
    """Return the seconds that functions take in reloads of a constant that 20 modules import, files named."""
    profiler = cProfile.Profile(time.process_time)
    tool = make("dyntransform, files named")
    tool.start(Path(root))
    tool.load()
    edit_repeatedly(tool, Path(root), "constant", Shape(*shape), RELOADS, profiler)
    found: Any = pstats.Stats(profiler)
    own = {
        f"{Path(file).stem}.{name}" if file != "~" else name: took / RELOADS
        for (file, _line, name), (_, _, took, _, _) in found.stats.items()
    }
    return {"modules": shape[0], "steps": {"all functions": found.total_tt / RELOADS, **own}}


CALLS = {
    "plain": "local(1)",
    "by hand: a global is read before, and not tested": "replaced; local(1)",
    "by hand: a global that is None is tested before": "(local if replaced is None else replaced(local))(1)",
    "by hand: a closure variable is tested before": "(local if cell is None else cell(local))(1)",
    "by hand: a local variable is tested before": "(local if fast is None else fast(local))(1)",
    "a call of a global": "function(1)",
}
TURNS = 15_000
PAIRS = 100
_LOOP = """
def make(cell=None):
    def loop(turns, fast=None):
        from provider import function as local
        for _ in turns: {}
    return loop
loops.append(make())
"""


def _call(root: str) -> dict[str, Any]:
    """Return the seconds of a call through a name imported in the function: plain, tested by hand, rewritten."""
    tool = make("dyntransform")
    tool.start(Path(root))
    tool.load()
    plain: dict[str, Any] = {"replaced": None, "loops": []}
    exec("from provider import function\n" + "".join(map(_LOOP.format, CALLS.values())), plain)
    number = list(loops.LOOPS).index("call of a name imported in the function")
    runs = dict(zip(CALLS, plain["loops"], strict=True))
    runs["rewritten"] = getattr(sys.modules["user"], f"loop_{number}")
    turns = range(TURNS)
    least = dict.fromkeys(runs, float("inf"))
    for _ in range(PAIRS):
        for work, run in runs.items():
            least[work] = min(least[work], _least([turns], run, 1))
    return {"modules": 1, "steps": {work: took / TURNS for work, took in least.items()}}


def _least(items: Sequence[Any], step: Callable[[Any], object], repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        for item in items:
            step(item)
        times.append(time.process_time() - start)
    return min(times)


_MEASURES: dict[str, Callable[..., dict[str, Any]]] = {
    "import": _import,
    "reload": _reload,
    "constant": _constant,
    "call": _call,
}

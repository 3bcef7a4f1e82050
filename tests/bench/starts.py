"""What a program pays before its first line: installing the engine, and importing its modules."""

from __future__ import annotations

import gc
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from engines import make
from projects import Shape, module_text

__all__ = ["build", "fill_caches", "measure"]

REPEATS = 5
TRANSFORM_LINES = 1_000


def measure(what: str, **arguments: Any) -> dict[str, Any]:
    """Measure one of `install`, `load`, `built`, `compile`, `script`, `transform`."""
    return _MEASURES[what](**arguments)


def _install(engine: str, root: str) -> dict[str, Any]:
    """Return the seconds until the project's first module can be imported."""
    tool = make(engine)
    start = time.process_time()
    tool.start(Path(root))
    return {"times": [time.process_time() - start]}


def _load(engine: str, root: str, state: str) -> dict[str, Any]:
    """Return the seconds that importing the whole project takes.

    Caches are removed if the state is `cold`; if it is `warm`, another process has just filled them.
    """
    if state == "warm":
        fill_caches(engine, root)
    tool = make(engine)
    tool.start(Path(root))
    if state == "cold":
        for folder in Path(root).rglob("__pycache__"):
            shutil.rmtree(folder)
    gc.collect()
    start = time.process_time()
    tool.load()
    return {"times": [time.process_time() - start]}


def fill_caches(engine: str, root: str) -> None:
    """Import the project in another process."""
    arguments = {"what": "load", "engine": engine, "root": root, "state": "any"}
    command = [sys.executable, str(Path(__file__).with_name("worker.py")), "starts", json.dumps(arguments)]
    subprocess.run(command, check=True, capture_output=True)


def _built(engine: str, root: str) -> dict[str, Any]:
    """Return the seconds that importing a project takes that `build` has rewritten, by Python alone."""
    return _load("plain", root if engine == "plain" else build(root), "warm")


def build(root: str) -> str:
    """Build a project, unless it is built; return the folder of the built tree."""
    out = f"{root}_built"
    command = [sys.executable, "-m", "dyntransform", "build", root, "-o", out]
    subprocess.run(command, check=True, capture_output=True)
    return out


def _compile(engine: str, root: str) -> dict[str, Any]:
    """Return the seconds of a process that fills the cache ahead of a start."""
    for folder in Path(root).rglob("__pycache__"):
        shutil.rmtree(folder)
    ours = ["dyntransform", "compile", "--jobs", "1"]
    module = ours if engine == "dyntransform" else ["compileall", "-q"]
    start = _of_children()
    subprocess.run([sys.executable, "-m", *module, root], check=True, capture_output=True)
    return {"times": [_of_children() - start]}


def _script(engine: str) -> dict[str, Any]:
    """Return the seconds of whole processes that run a script which imports two modules of its own."""
    folder = Path("script")
    folder.mkdir(exist_ok=True)
    (folder / "one.py").write_text("import two\ndef f():\n    from two import g\n    return g()\n")
    (folder / "two.py").write_text("def g(): return 1\n")
    (folder / "script.py").write_text("import one\nassert one.f() == 1\n")
    command = [sys.executable, *(["-m", "dyntransform"] if engine == "dyntransform" else [])]
    times = []
    for _ in range(REPEATS + 1):
        start = _of_children()
        subprocess.run([*command, str(folder / "script.py")], check=True, capture_output=True)
        times.append(_of_children() - start)
    return {"times": times[1:]}


def _of_children() -> float:
    """Return the processor time of the processes that this one has waited for, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _transform(engine: str, *, rewritten: bool) -> dict[str, Any]:
    """Return the seconds from source to code for 1,000 lines, without any cache."""
    text = module_text(Shape(lines=TRANSFORM_LINES), 150)
    if not rewritten:
        text = text.replace("    from app.m0149 import work_0 as before", "    before = work_0")
    path, data = str(Path("transformed.py").absolute()), text.encode()
    if engine == "plain":
        work = lambda: compile(data, path, "exec", dont_inherit=True)
    elif engine == "libcst":
        import libcst

        work = lambda: libcst.parse_module(data)
    else:
        from dyntransform.importing.compiling import compile_file

        sys.dont_write_bytecode = True
        work = lambda: compile_file(path, data, lambda _name: True)
    times = []
    for _ in range(REPEATS + 1):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return {"times": times[1:]}


_MEASURES = {
    "install": _install,
    "load": _load,
    "built": _built,
    "compile": _compile,
    "script": _script,
    "transform": _transform,
}

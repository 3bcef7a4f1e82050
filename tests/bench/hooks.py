"""From source to code, file by file: what import hooks that rewrite syntax trees take, with no cache."""

from __future__ import annotations

import ast
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["HOOKS", "available", "measure"]

PACKAGES = ("asyncio", "concurrent", "email", "http", "importlib", "json", "logging", "multiprocessing", "unittest")
"""Of the standard library: real code, on every machine."""
ROUNDS = 3

Hook = Callable[[str, bytes], object]


def _plain() -> Hook:
    return lambda path, data: compile(data, path, "exec", dont_inherit=True)


def _dyntransform() -> Hook:
    from dyntransform.importing.compiling import compile_file

    return lambda path, data: compile_file(path, data, lambda _name: True)


def _libcst() -> Hook:
    import libcst

    return lambda _path, data: libcst.parse_module(data)


def _pytest() -> Hook:
    from _pytest.assertion.rewrite import rewrite_asserts

    def hook(path: str, data: bytes) -> None:
        tree = ast.parse(data, path)
        rewrite_asserts(tree, data, path)
        compile(tree, path, "exec", dont_inherit=True)

    return hook


def _typeguard() -> Hook:
    from typeguard._importhook import TypeguardLoader

    return lambda path, data: TypeguardLoader("module", path).source_to_code(data, path)


def _beartype() -> Hook:
    from beartype import BeartypeConf
    from beartype.claw._importlib._clawimpfileloader import BeartypeSourceFileLoader

    def hook(path: str, data: bytes) -> None:
        loader = BeartypeSourceFileLoader("module", path)
        loader._module_conf, loader._module_name = BeartypeConf(), "module"
        loader.source_to_code(data, path)

    return hook


HOOKS = {
    "plain": _plain,
    "dyntransform": _dyntransform,
    "libcst": _libcst,
    "pytest": _pytest,
    "typeguard": _typeguard,
    "beartype": _beartype,
}


def available() -> list[str]:
    """Return the hooks that are installed."""
    return [name for name in HOOKS if name == "plain" or importlib.util.find_spec(name) is not None]


def measure() -> dict[str, Any]:
    """Give every file to every hook, in turns.

    Returns:
        ``rewritten`` and ``other``: of the files with and without names that dyntransform has looked up late, the
        ``lines`` of all, their number, and for each hook the seconds of each file.
    """
    sys.dont_write_bytecode = True
    hooks = {name: HOOKS[name]() for name in available()}
    result: dict[str, Any] = {kind: {"lines": 0, "files": 0, "times": {name: [] for name in hooks}} for kind in KINDS}
    for path, data in _files():
        times: dict[str, float] = {}
        for _ in range(ROUNDS):
            for name, hook in hooks.items():
                start = time.process_time()
                hook(path, data)
                times[name] = min(times.get(name, 1e9), time.process_time() - start)
        kind = "rewritten" if _is_rewritten(path, data) else "other"
        result[kind]["files"] += 1
        result[kind]["lines"] += data.count(b"\n")
        for name, took in times.items():
            result[kind]["times"][name].append(took)
    return result


KINDS = ("rewritten", "other")


def _files() -> list[tuple[str, bytes]]:
    library = Path(str(ast.__file__)).parent
    paths = [path for package in PACKAGES for path in sorted((library / package).rglob("*.py"))]
    return [(str(path), data) for path in paths if "test" not in path.parts and len(data := path.read_bytes()) > 500]


def _is_rewritten(path: str, data: bytes) -> bool:
    from dyntransform.importing.compiling import compile_file

    return bool(compile_file(path, data, lambda _name: True).lookups)

"""What is edited, and how long it takes until the edit is live."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import io
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engines import make
from projects import IMPORTERS, Shape, big_module, constant_module, module_name, module_text, thing_module

__all__ = ["CASES", "measure"]

MANY_FILES = 50
BUDGET = 8.0
"""A process stops sampling after so many seconds of reloading."""


@dataclasses.dataclass(frozen=True)
class Save:
    """Files that are saved together.

    Attributes:
        texts: new content, by module; None touches the file.
        held: whether the edit is live through references that existed before it.
        module: whether it is live through the module.
    """

    texts: dict[str, str | None]
    held: Callable[[], bool]
    module: Callable[[], bool]


Saves = Iterator[Save]
"""The edits of a case, endlessly; the first is the warm-up."""


def _one_function(shape: Shape) -> Saves:
    """One function of a module is edited; another module holds it by a from-import."""
    name, user = module_name(shape.target), module_name(shape.target + 1)
    for factor in _numbers():
        yield Save(
            {name: module_text(shape, shape.target, factor)},
            held=lambda factor=factor: sys.modules[user].call() == _work_1(factor),
            module=lambda factor=factor: sys.modules[name].work_1(1) == _work_1(factor),
        )


def _one_constant(_shape: Shape) -> Saves:
    """A constant that 20 modules import is edited."""
    users = [module_name(index) for index in range(IMPORTERS)]
    for value in _numbers():
        yield Save(
            {"app.limits": constant_module(value)},
            held=lambda value=value: all(sys.modules[user].limit() == value for user in users),
            module=lambda value=value: value == sys.modules["app.limits"].LIMIT,
        )


def _one_method(_shape: Shape) -> Saves:
    """A method is edited; the instances are kept."""
    things = _kept["things"]
    for factor in _numbers():
        yield Save(
            {"app.thing": thing_module(factor)},
            held=lambda factor=factor: (
                things[0].scaled() == 2 * factor and things[-1].scaled() == things[-1].value * factor
            ),
            module=lambda factor=factor: sys.modules["app.thing"].Thing(2).scaled() == 2 * factor,
        )


def _big_module(_shape: Shape) -> Saves:
    """One function of 500 is edited in a module of 5,000 lines."""
    for factor in _numbers():
        yield Save(
            {"app.big": big_module(factor)},
            held=lambda factor=factor: sys.modules["app.big_user"].held(1) == factor + 2 + 750,
            module=lambda factor=factor: sys.modules["app.big"].work_250(1) == factor + 2 + 750,
        )


def _many_files(shape: Shape) -> Saves:
    """A function is edited in each of 50 files, saved at once, as by a branch switch."""
    first = shape.target - MANY_FILES // 2
    chosen = range(first, first + MANY_FILES)
    user = module_name(shape.target + 1)
    for factor in _numbers():
        yield Save(
            {module_name(index): module_text(shape, index, factor) for index in chosen},
            held=lambda factor=factor: sys.modules[user].call() == _work_1(factor),
            module=lambda factor=factor: all(
                sys.modules[module_name(index)].work_1(1) == _work_1(factor) for index in chosen
            ),
        )


def _failing(shape: Shape) -> Saves:
    """The saved file divides by zero at its end: nothing of it may be live."""
    name, user = module_name(shape.target), module_name(shape.target + 1)
    good = module_text(shape, shape.target)
    for factor in _numbers():
        yield Save(
            {name: module_text(shape, shape.target, factor) + "BROKEN = 1 / 0\n"},
            held=lambda: sys.modules[user].call() == _work_1(1),
            module=lambda: sys.modules[name].work_1(1) == _work_1(1),
        )
        yield Save({name: good}, held=lambda: True, module=lambda: True)


def _touched(shape: Shape) -> Saves:
    """A file gets a new time stamp and nothing else: nothing may run."""
    name = module_name(shape.target)
    table = sys.modules[name].TABLE
    while True:
        yield Save(
            {name: None},
            held=lambda: sys.modules[name].TABLE is table,
            module=lambda: True,
        )


def _numbers() -> Iterator[int]:
    number = 10
    while True:
        number += 1
        yield number


def _work_1(factor: int) -> int:
    return factor + 2 + 3


CASES: dict[str, Callable[[Shape], Saves]] = {
    "function": _one_function,
    "constant": _one_constant,
    "method": _one_method,
    "big module": _big_module,
    "50 files": _many_files,
    "failing edit": _failing,
    "touched": _touched,
}

_kept: dict[str, Any] = {}


def measure(
    engine_name: str, root: str, case: str, modules: int, lines: int, heap: int, instances: int, samples: int
) -> dict[str, Any]:
    """Edit, reload and check, over and over, in this process.

    Returns:
        ``times``: seconds of each reload after which the edit was live through old references too; ``only_module``:
        of those after which it was live through the module alone; ``dead``: how often it was not live at all;
        ``first``: seconds of the first reload of the process.
    """
    warnings.simplefilter("ignore")
    shape = Shape(modules, lines)
    engine = make(engine_name)
    engine.start(Path(root))
    engine.load()
    _kept["heap"] = [[index] for index in range(heap)]
    if instances:
        thing = sys.modules["app.thing"].Thing
        _kept["things"] = [thing(index + 2) for index in range(instances)]
    gc.collect()
    saves = CASES[case](shape)
    result: dict[str, Any] = {"times": [], "only_module": [], "dead": 0, "first": None}
    spent, stamp, taken = 0.0, time.time_ns() - 1_800 * 10**9, 0
    originals: dict[str, str] = {}
    try:
        while taken < samples + 2 and (spent < BUDGET or taken < 3):
            save = next(saves)
            names = list(save.texts)
            for name, text in save.texts.items():
                stamp += 2 * 10**9  # importlib's own cache goes by whole seconds
                _save(Path(root), name, text, stamp, originals)
            with contextlib.redirect_stderr(io.StringIO()):
                start = time.perf_counter()
                engine.reload(names)
                took = time.perf_counter() - start
            if case == "failing edit":
                _check(save, took, result)
                save = next(saves)
                for name, text in save.texts.items():
                    stamp += 2 * 10**9
                    _save(Path(root), name, text, stamp, originals)
                engine.reload(names)
            else:
                _check(save, took, result)
            spent += took
            taken += 1
    finally:
        for name, text in originals.items():
            _path(Path(root), name).write_text(text)
    return result


def _check(save: Save, took: float, result: dict[str, Any]) -> None:
    first = result["first"] is None
    if first:
        result["first"] = took
    if _holds(save.held) and _holds(save.module):
        if not first:
            result["times"].append(took)
    elif _holds(save.module):
        if not first:
            result["only_module"].append(took)
    else:
        result["dead"] += 1


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:  # noqa: BLE001 - an engine may leave anything behind, and then the edit is not live
        return False


def _path(root: Path, name: str) -> Path:
    return root.joinpath(*name.split(".")).with_suffix(".py")


def _save(root: Path, name: str, text: str | None, stamp: int, originals: dict[str, str]) -> None:
    path = _path(root, name)
    if text is not None:
        originals.setdefault(name, path.read_text())
        path.write_text(text)
    os.utime(path, ns=(stamp, stamp))

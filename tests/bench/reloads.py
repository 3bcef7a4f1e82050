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

from engines import Engine, make
from projects import (
    IMPORTERS,
    Shape,
    big_module,
    constant_module,
    module_name,
    module_text,
    popular_module,
    thing_module,
)

__all__ = ["CASES", "IMPORTED", "edit_repeatedly", "measure"]

MANY_FILES = 50
BUDGET = 3.0
"""A process stops sampling after so many seconds of reloading."""
FEWEST = 3
"""So many reloads it makes all the same, if as many are wanted."""


@dataclasses.dataclass(frozen=True)
class Save:
    """Files that are saved together.

    Attributes:
        texts: new content, by module; None touches the file.
        held: whether the edit is live through references that existed before it.
        module: whether it is live through the module.
        repair: it fails, and the next save, which is not measured, corrects it.
    """

    texts: dict[str, str | None]
    held: Callable[[], bool]
    module: Callable[[], bool]
    repair: bool = False


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


def _constant_of_all(shape: Shape) -> Saves:
    """A constant that all modules import is edited."""
    users = [module_name(index) for index in range(shape.importers)]
    for value in _numbers():
        yield Save(
            {"app.limits": constant_module(value)},
            held=lambda value=value: all(sys.modules[user].limit() == value for user in users),
            module=lambda value=value: value == sys.modules["app.limits"].LIMIT,
        )


def _function_of_all(shape: Shape) -> Saves:
    """A function that all modules import is edited."""
    users = [module_name(index) for index in range(shape.importers)]
    for factor in _numbers():
        yield Save(
            {"app.popular": popular_module(factor)},
            held=lambda factor=factor: all(sys.modules[user].popular(1) == _work_1(factor) for user in users),
            module=lambda factor=factor: sys.modules["app.popular"].work_1(1) == _work_1(factor),
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


def _base(_shape: Shape) -> Saves:
    """A class with instances gains a base, and loses it again; they stay what they were."""
    things, cls = _kept["things"], sys.modules["app.thing"].Thing
    for number in _numbers():
        gains = bool(number % 2)
        yield Save(
            {"app.thing": thing_module(1, "Base" if gains else "")},
            held=lambda gains=gains: hasattr(things[-1], "based") is gains and type(things[0]) is cls,
            module=lambda gains=gains: hasattr(sys.modules["app.thing"].Thing, "based") is gains,
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
            repair=True,
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
    "base": _base,
}

IMPORTED: dict[str, Callable[[Shape], Saves]] = {
    "constant of all": _constant_of_all,
    "function of all": _function_of_all,
}
"""Edits of what each module imports, for projects in which all are importers."""

_kept: dict[str, Any] = {}


def measure(
    engine: str,
    root: str,
    case: str,
    shape: tuple[int, ...],
    heap: int = 500_000,
    instances: int = 1_000,
    samples: int = 100,
) -> dict[str, Any]:
    """Edit, reload and check, over and over, in this process.

    Args:
        engine: name of the engine.
        root: folder of the project.
        case: what is edited, one of `CASES` or `IMPORTED`.
        shape: modules of the project, lines of each, and how many are importers.
        heap: objects in memory besides.
        instances: of the class of which a method is edited.
        samples: how many reloads to measure, as far as the time allows.

    Returns:
        ``times``: seconds of each reload after which the edit was live through old references too; ``only_module``:
        of those after which it was live through the module alone; ``dead``: how often it was not live at all;
        ``first``: seconds of the first reload of the process.
    """
    warnings.simplefilter("ignore")
    tool = make(engine)
    tool.start(Path(root))
    tool.load()
    _kept["heap"] = [[index] for index in range(heap)]
    _kept["things"] = [sys.modules["app.thing"].Thing(index + 2) for index in range(instances)]
    gc.collect()
    saves = {**CASES, **IMPORTED}[case](Shape(*shape))
    result: dict[str, Any] = {"times": [], "only_module": [], "dead": 0, "first": []}
    files = _Files(Path(root))
    spent, taken = 0.0, 0
    try:
        while taken <= samples and (spent < BUDGET or taken < FEWEST):
            save = next(saves)
            took, held = _reload(tool, files, save)
            _note(save, took, result, first=not taken, held=held)
            if save.repair:
                _reload(tool, files, next(saves))
            spent += took
            taken += 1
    finally:
        files.restore()
    return result


def edit_repeatedly(
    tool: Engine,
    root: Path,
    case: str,
    shape: Shape,
    times: int = 0,
    profiler: contextlib.AbstractContextManager[object] | None = None,
) -> None:
    """Reload edits of a case in a project that `tool` has loaded.

    Args:
        tool: what reloads.
        root: folder of the project.
        case: what is edited, one of `CASES`.
        shape: size of the project.
        times: how many reloads, besides the first.
        profiler: is entered for each of them.
    """
    files = _Files(root)
    saves = CASES[case](shape)
    try:
        _reload(tool, files, next(saves))
        for _ in range(times):
            save = next(saves)
            for name, text in save.texts.items():
                files.save(name, text)
            with profiler or contextlib.nullcontext():
                tool.reload(list(save.texts))
    finally:
        files.restore()


def _reload(tool: Engine, files: _Files, save: Save) -> tuple[float, bool]:
    """Return the seconds of the reload and the first use of the new code, and whether it was the new code.

    Some engines do the work when the code is used.
    """
    for name, text in save.texts.items():
        files.save(name, text)
    with contextlib.redirect_stderr(io.StringIO()):
        start = time.process_time()
        tool.reload(list(save.texts))
        held = _holds(save.held)
        return time.process_time() - start, held


def _note(save: Save, took: float, result: dict[str, Any], *, first: bool, held: bool) -> None:
    if not _holds(save.module):
        result["dead"] += 1
    elif first:
        result["first"].append(took)
    elif held:
        result["times"].append(took)
    else:
        result["only_module"].append(took)


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:  # noqa: BLE001 - an engine may leave anything behind, and then the edit is not live
        return False


class _Files:
    """The files of a project, saved with time stamps two seconds apart: importlib's own cache goes by whole seconds."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._originals: dict[Path, tuple[str, os.stat_result]] = {}
        self._stamp = time.time_ns() - 1_800 * 10**9

    def save(self, name: str, text: str | None) -> None:
        path = self._root.joinpath(*name.split(".")).with_suffix(".py")
        self._stamp += 2 * 10**9
        self._originals.setdefault(path, (path.read_text(), path.stat()))
        if text is not None:
            path.write_text(text)
        os.utime(path, ns=(self._stamp, self._stamp))

    def restore(self) -> None:
        for path, (text, status) in self._originals.items():
            path.write_text(text)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

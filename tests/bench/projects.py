"""Generate the projects that are measured: a package of modules that import from each other, as real ones do."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path

__all__ = [
    "Shape",
    "big_module",
    "constant_module",
    "generate",
    "module_name",
    "module_text",
    "popular_module",
    "thing_module",
]

IMPORTERS = 20
"""How many modules import the constant, and how many the edited function."""
RACY_SECONDS = 2.1
"""Time stamps do not tell two saves apart that follow each other this closely; a project is older than that."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """The size of a project.

    Attributes:
        modules: how many modules it has.
        lines: lines of each.
        importers: how many of them import the constant; if these are not `IMPORTERS`, the popular function too.
    """

    modules: int = 200
    lines: int = 300
    importers: int = IMPORTERS

    @property
    def target(self) -> int:
        """The module that is edited: one in the middle."""
        return self.modules // 2


def generate(folder: Path, shape: Shape) -> Path:
    """Write a project below `folder`, unless it is there; return its root."""
    importers = f"_{shape.importers}" if shape.importers != IMPORTERS else ""
    root = folder / f"project_{shape.modules}_{shape.lines}{importers}"
    done = root / "done.json"
    if done.exists():
        return root
    package = root / "app"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("")
    for index in range(shape.modules):
        (package / f"m{index:04}.py").write_text(module_text(shape, index))
    (package / "limits.py").write_text(constant_module(7))
    (package / "popular.py").write_text(popular_module(1))
    (package / "thing.py").write_text(thing_module(1))
    (package / "big.py").write_text(big_module(1))
    (package / "big_user.py").write_text("from app.big import work_250 as held\n")
    names = ["thing", "big", "big_user", "limits", *(f"m{index:04}" for index in range(shape.modules))]
    uses = [f"app.{name}.call()" if name.startswith("m") else f"app.{name}.__name__" for name in names]
    (root / "main.py").write_text(
        "".join(f"import app.{name}\n" for name in names) + "".join(f"{use}\n" for use in uses)
    )
    past = time.time_ns() - 3_600 * 10**9
    for path in root.rglob("*.py"):
        os.utime(path, ns=(past, past))
    time.sleep(RACY_SECONDS)
    done.write_text(json.dumps(dataclasses.asdict(shape)))
    return root


def module_name(index: int) -> str:
    """Return the dotted name of a module."""
    return f"app.m{index:04}"


def module_text(shape: Shape, index: int, factor: int = 1) -> str:
    """Return a module: imports, a constant, functions, a class; `factor` is what an edit of one function changes."""
    target = shape.target
    lines = ["import math", "import os.path"]
    lines += [
        f"from app.m{other:04} import work_0 as from_{other}"
        for other in range(max(0, index - 3), index)
        if other != target
    ]
    if target < index <= target + IMPORTERS:
        lines.append(f"from app.m{target:04} import work_1 as held")
    else:
        lines.append("held = None")
    if index < shape.importers:
        lines.append("from app.limits import LIMIT")
        if shape.importers != IMPORTERS:
            lines.append("from app.popular import work_1 as popular")
    else:
        lines.append("LIMIT = 0")
    if index:
        lines += [
            "",
            "def late(x):",
            f"    from app.m{index - 1:04} import work_0 as before",
            "    return before(x) + before(x + 1)",
        ]
    lines += ["", "SCALE = 3", "TABLE = {'a': 1, 'b': 2}", ""]
    lines += ["def limit():", "    return LIMIT", ""]
    lines += ["def call():", "    return held(1) if held else 0", ""]
    lines += [*_class(), ""]
    number = 0
    while len(lines) + 8 <= shape.lines:
        lines += _function(number, factor if number == 1 else 1)
        number += 1
    if number < 2:
        lines += [*_function(0, 1), *_function(1, factor)]
    return "\n".join(lines) + "\n"


def _class() -> list[str]:
    return [
        "class Record:",
        "    kind = 'record'",
        "    def __init__(self, name, value=0):",
        "        self.name = name",
        "        self.value = value",
        "    def total(self, other):",
        "        return self.value + other.value",
        "    @property",
        "    def label(self):",
        "        return f'{self.kind}: {self.name}'",
    ]


def _function(number: int, factor: int) -> list[str]:
    return [
        f"def work_{number}(x, y=2):",
        f"    total = x * {factor} + y",
        "    for step in range(y):",
        "        if step % 2:",
        "            total += math.floor(step / 2)",
        f"    return total + SCALE * {number}",
        "",
        "",
    ]


def constant_module(value: int) -> str:
    """Return the module with the constant."""
    return f"LIMIT = {value}\n\ndef limit():\n    return LIMIT\n"


def popular_module(factor: int) -> str:
    """Return the module of 300 lines with the function that many modules import; `factor` is what an edit changes."""
    lines = ["import math", "", "SCALE = 3", ""]
    for number in range(32):
        lines += [*_function(number, factor if number == 1 else 1), ""]
    return "\n".join(lines) + "\n"


def thing_module(factor: int, base: str = "") -> str:
    """Return the module with the class of which there are many instances."""
    return (
        "\n".join(
            [
                "class Base:",
                "    based = True",
                "",
                f"class Thing({base}):" if base else "class Thing:",
                "    def __init__(self, value):",
                "        self.value = value",
                "    def scaled(self):",
                f"        return self.value * {factor}",
                "    def other(self):",
                "        return -self.value",
            ]
        )
        + "\n"
    )


def big_module(factor: int) -> str:
    """Return a module of 500 functions and 5,000 lines."""
    lines = ["import math", "", "SCALE = 3", ""]
    for number in range(500):
        lines += [*_function(number, factor if number == 250 else 1), "", ""]
    return "\n".join(lines) + "\n"

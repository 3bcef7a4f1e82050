"""What the instructions of a module tell of the names that it loads."""

from __future__ import annotations

import dis
import sys
import textwrap
from pathlib import Path
from types import CodeType

import pytest

from dyntransform.importing.compiling import compile_anew
from dyntransform.reloading.model.code_tree import child_codes
from dyntransform.reloading.model.loads import loads


def of(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names and attributes that the module may load, as the import hook compiles it."""
    data = textwrap.dedent(text).encode()
    found = loads(compile_anew("/nowhere/app/module.py", data, lambda name: name == "app").code)
    return found.names, found.attributes


@pytest.mark.parametrize(
    "text",
    [
        "from app.limits import LIMIT",
        "from app.limits import LIMIT\ndef f(x=1):\n    return LIMIT + x",
        "class A:\n    from app.limits import LIMIT\n    def f(self):\n        return LIMIT",
        "try:\n    from app.limits import LIMIT\nfinally:\n    done = 1",
        "def f():\n    from app.limits import LIMIT\n    return lambda: LIMIT",
    ],
)
def test_bound_but_not_read(monkeypatch, text):
    """An import, the question what has replaced its value, and functions are no reads."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert "LIMIT" not in of(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "from app.limits import LIMIT\nX = LIMIT",
        "from app.limits import LIMIT\nclass A:\n    x = LIMIT",
        "from app.limits import LIMIT\nX = [LIMIT for _ in range(2)]",
        "from app.limits import LIMIT\nX = list(map(lambda one: LIMIT, 'ab'))",
        "from app.limits import LIMIT\nX = sum(LIMIT for _ in range(2))",
        "from app.limits import LIMIT\ndef f(x=LIMIT):\n    return x",
        "from app.limits import LIMIT\n@LIMIT\ndef f():\n    return 1",
        "from app.limits import LIMIT\n@list\ndef f(x: LIMIT):\n    return 1",
        "from app.limits import LIMIT\nclass A:\n    x: LIMIT",
        "from app.limits import LIMIT\nLIMIT += 1",
        "from app.limits import LIMIT\nLIMIT.append(1)",
    ],
)
def test_read(monkeypatch, text):
    """What is evaluated when the module is executed, or may be asked for then, is a read."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert "LIMIT" in of(text)[0]


def test_attributes(monkeypatch):
    """Attributes are known by their names, those of called methods too."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert {"limits", "LIMIT", "format"} <= of("import app.limits\nX = app.limits.LIMIT.format(1)")[1]


def test_many_names():
    """An index that does not fit into one byte is put together."""
    code = compile("".join(f"n{index} = 1\n" for index in range(600)) + "X = n400, n599.a.b", "m", "exec")
    assert loads(code).names == {"n400", "n599"}
    assert loads(code).attributes == {"a", "b"}


def _told_by_dis(code: CodeType) -> tuple[set[str], set[str]]:
    names, attributes = set(), set()
    for one in dis.get_instructions(code):
        if one.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            attributes.add(one.argval)
        elif one.opcode in dis.hasname and one.opname.startswith("LOAD") and "SUPER" not in one.opname:
            names.add(one.argval)
    for inner in child_codes(code):
        if not inner.co_flags & 1 or inner.co_name[0] == "<" or inner.co_name == "__annotate__":
            more = _told_by_dis(inner)
            names |= more[0]
            attributes |= more[1]
    return names, attributes


@pytest.mark.parametrize(
    "module", ["ast", "dataclasses", "enum", "inspect", "typing", "asyncio.tasks", "unittest.mock"]
)
@pytest.mark.filterwarnings("ignore")
def test_every_instruction_that_loads_a_name_is_known(module):
    """In the standard library, it is what the module `dis` tells."""
    path = Path(dis.__file__).parent.joinpath(*module.split(".")).with_suffix(".py")
    code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    found = loads(code)
    assert (found.names, found.attributes) == _told_by_dis(code)

"""What is shown of rewritten code."""

from __future__ import annotations

import sys
from importlib.util import MAGIC_NUMBER

import pytest

from dyntransform.compiled.listing import advice, changed
from dyntransform.compiled.rewriting import rewrite
from dyntransform.transform.decide import Options

TEXT = """
def same(): return 1
class C(object, metaclass=type):
    def f(self):
        from m import y
        while self:
            self = y(self)
        return lambda: y
"""


def test_only_changed_code_is_listed() -> None:
    """Code objects with lookups are listed with their instructions before and after, with names and lines."""
    plain = compile(TEXT, "file.py", "exec")
    method, inner = changed(plain, rewrite(plain, Options()).code)
    assert (method.name, inner.name) == ("C.f, line 4", "C.f.<locals>.<lambda>, line 8")
    before, after = [[line.split() for line in lines] for lines in (inner.before, inner.after)]
    assert ["LOAD_DEREF", "y"] in before
    assert ["LOAD_CONST", "(('m',", "'y'),)"] in after
    assert after.count(["LOAD_DEREF", "y"]) == 2
    assert ["LOAD_CONST", "<code", "C.f.<locals>.<lambda>>"] in [line.split() for line in method.after]
    assert any("to line 8, " in line for line in method.before)
    assert any(line.startswith("    5  LOAD_") for line in method.before)


def test_nothing_is_listed_where_nothing_changed() -> None:
    """A module that runs as it is has no list."""
    plain = compile("def same(): return 1", "file.py", "exec")
    assert list(changed(plain, rewrite(plain, Options()).code)) == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (MAGIC_NUMBER + bytes(20), "the file is damaged"),
        ((2900 + 50 * (sys.version_info[1] + 1)).to_bytes(2, "little") + b"\r\n", "compiled by Python 3."),
        (b"", "no compiled file"),
        (b"print(1)", "no compiled file"),
        ((3379).to_bytes(2, "little") + b"\r\n", "no compiled file"),
    ],
)
def test_advice(data: bytes, says: str) -> None:
    """What cannot be loaded has to be compiled again, and why."""
    assert says in advice(data)
    assert "compile its source again with this Python" in advice(data)

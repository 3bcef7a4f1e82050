"""Code objects taken apart in the words of all versions, and put together."""

from __future__ import annotations

import ast
import types
from typing import Any

import pytest
from bytecode import Instr

from dyntransform.cpython.opcodes import PAIRS, STRONG, TOLD_TO_MONITORS
from dyntransform.lifting.assembling import assemble
from dyntransform.lifting.decoding import decode, plain
from dyntransform.lifting.statements import lift

PROGRAM = """
def f(a, b, c):
    if a is None: return [a, b, -1, 5, 300, "", True, None, ...]
    x = y = b
    return [(a, k, x) for k in c if k] + [y, x, b]
class C:
    def m(self): return (self, [self for _ in (1,)], __class__)
    def g(self, a, b): return a + b
RESULT = [f(None, 1, []), f(1, 2, [3, 0]), C().m()[1:][0][0].g(2, 3)]
"""


def codes_in(code: types.CodeType) -> list[types.CodeType]:
    """Return a code object and those in it."""
    inner = [one for one in code.co_consts if isinstance(one, types.CodeType)]
    return [code, *(one for each in inner for one in codes_in(each))]


def test_code_is_put_together_as_it_was() -> None:
    """What is decoded and encoded does what it did."""
    code = compile(PROGRAM, "m.py", "exec", dont_inherit=True)
    inner = tuple(decode(one).to_code() if isinstance(one, types.CodeType) else one for one in code.co_consts)
    wanted: dict[str, Any] = {"__name__": "m"}
    found: dict[str, Any] = {"__name__": "m"}
    exec(code, wanted)
    exec(decode(code.replace(co_consts=inner)).to_code(), found)
    assert found["RESULT"] == wanted["RESULT"]


def test_instructions_that_save_time_are_what_they_stand_for() -> None:
    """No pair, borrowed reference or small integer is left, and all constants but builtins are constants."""
    for code in codes_in(compile(PROGRAM, "m.py", "exec", dont_inherit=True)):
        instructions = [one for one in plain(code) if isinstance(one, Instr)]
        names = {one.name for one in instructions}
        assert names.isdisjoint({*PAIRS, *STRONG, *TOLD_TO_MONITORS, "LOAD_SMALL_INT"})
        if code.co_name == "f":
            loaded = {repr(one.arg) for one in instructions if one.name == "LOAD_CONST"}
            assert {"-1", "5", "300", "''", "True", "None"} <= loaded


@pytest.mark.skipif(not hasattr(ast, "TemplateStr"), reason="template strings came with Python 3.14")
def test_template_strings() -> None:
    """Interpolations keep their conversion and format, also beside code that is put in."""
    text = "x, w = 1, 3\ny = [t'{x!r:>{w}}{x}{x!s}{x!a:d}{x:d}' for _ in (1,)]\nz = w or t'a', t'{x!r}b{w:x}'\n"
    code = compile(text, "m.py", "exec", dont_inherit=True)
    wanted: dict[str, Any] = {}
    found: dict[str, Any] = {}
    exec(code, wanted)
    for node, _ in lift(code):
        exec(assemble([node], "m.py"), found)

    def parts(template: Any) -> list[object]:
        return [one if isinstance(one, str) else (one.value, one.conversion, one.format_spec) for one in template]

    assert parts(found["y"][0]) == parts(wanted["y"][0])
    assert parts(found["z"][1]) == parts(wanted["z"][1])


def test_more_variables_than_a_pair_can_have() -> None:
    """Comprehensions with many variables are the same after something has been put in beside them."""
    many = 40
    lines = [f"v{n} = [(a{n}, b{n}) for a{n}, b{n} in [({n}, {n} + 1)]] + [a{n} for a{n} in (1,)]" for n in range(many)]
    code = compile("class C:\n    x = y = 0\n    " + "\n    ".join(lines) + "\n    z = x or y or 3\n", "m.py", "exec")
    found: dict[str, Any] = {"__name__": "m"}
    exec(assemble([node for node, _ in lift(code)], "m.py"), found)
    assert [getattr(found["C"], f"v{n}") for n in range(many)] == [[(n, n + 1), 1] for n in range(many)]
    assert found["C"].z == 3

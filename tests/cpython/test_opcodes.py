"""What is known of instructions is what this interpreter compiles."""

from __future__ import annotations

import dis
import opcode
from types import CodeType
from typing import Any

import pytest

from dyntransform.cpython import opcodes
from dyntransform.cpython.features import DEFERRED_ANNOTATIONS, LAZY_IMPORTS


def instructions(text: str) -> list[dis.Instruction]:
    """Compile a module and return its instructions."""
    return list(dis.get_instructions(compile(text, "m.py", "exec", dont_inherit=True)))


def functions(text: str) -> dict[str, CodeType]:
    """Compile a module and return the code objects in it by name."""
    code = compile(text, "m.py", "exec", dont_inherit=True)
    return {one.co_name: one for one in code.co_consts if isinstance(one, CodeType)}


@pytest.mark.parametrize("value", [0, 1, -1, 255, 256, 1.0, True, False, None, "", "x", (), (1, 2)])
def test_constants(value: Any) -> None:
    """The constant that an instruction loads is known, wherever the compiler has put it."""
    code = compile(f"x = {value!r}", "m.py", "exec", dont_inherit=True)
    load, _store = [one for one in dis.get_instructions(code) if one.opname not in {"RESUME", "NOP"}][:2]
    found = opcodes.constant(load.opname, load.arg, code.co_consts)
    assert (type(found), found) == (type(value), value)


def test_no_constant() -> None:
    """An instruction that loads something else, or has no argument, loads no constant."""
    assert opcodes.constant("LOAD_NAME", 0, (1,)) is opcodes.NO_VALUE
    assert opcodes.constant("POP_TOP", None, (1,)) is opcodes.NO_VALUE


def test_imports() -> None:
    """The argument of an import is a name and flags, of which the first says that it is lazy."""
    texts = ["import a, b.c, d", *(["lazy import a, b.c, d"] if LAZY_IMPORTS else [])]
    for lazy, text in enumerate(texts):
        code = compile(text, "m.py", "exec", dont_inherit=True)
        found = [opcodes.flags_and_name(one.arg or 0) for one in instructions(text) if one.opname == "IMPORT_NAME"]
        assert [code.co_names[name] for _, name in found] == ["a", "b.c", "d"]
        assert {flags & 1 for flags, _ in found} == {lazy}


def test_the_place_of_the_null() -> None:
    """The null of a call is on that side of the callable."""
    names = [one.opname for one in instructions("f()")]
    assert opcodes.NULL_ABOVE is (names.index("PUSH_NULL") > names.index("LOAD_NAME"))


@pytest.mark.skipif(not DEFERRED_ANNOTATIONS, reason="annotations are evaluated later since Python 3.14")
def test_evaluators() -> None:
    """Code that evaluates annotations, bounds and aliases is told from all that a program can have."""
    own = functions("x: int\ndef f[T: int](a: T) -> T: pass\ntype L = int\n")
    generic = {one.co_name: one for one in own["<generic parameters of f>"].co_consts if isinstance(one, CodeType)}
    assert opcodes.is_evaluator(own["__annotate__"])
    assert opcodes.is_evaluator(own["L"])
    assert opcodes.is_evaluator(generic["__annotate__"])
    assert opcodes.is_evaluator(generic["T"])
    assert not opcodes.is_evaluator(generic["f"])
    theirs = "def __annotate__(format, /):\n    if format > 2: raise NotImplementedError\n    return {}\n"
    assert not any(map(opcodes.is_evaluator, functions(theirs).values()))


def test_evaluators_that_capture() -> None:
    """What an annotation takes from around it, and gives to a lambda in it, makes no difference."""
    text = "def f(n):\n    class C:\n        x: (lambda: n)\n        y: n\n    return C\n"
    (f,) = functions(text).values()
    (body,) = (one for one in f.co_consts if isinstance(one, CodeType))
    inner = [one for one in body.co_consts if isinstance(one, CodeType) and one.co_name == opcodes.ANNOTATE]
    assert len(inner) == DEFERRED_ANNOTATIONS
    assert all(map(opcodes.is_evaluator, inner))


def test_pairs() -> None:
    """All instructions that do what two do are known, with those two."""
    pairs = {name for name in opcode.opmap if name.count("_FAST") > 1 and "AND_CLEAR" not in name}
    assert {name for name in pairs if "INSTRUMENTED" not in name and "SUPER" not in name} <= opcodes.PAIRS.keys() | {
        "STORE_FAST_MAYBE_NULL"
    }
    for name, halves in opcodes.PAIRS.items():
        assert name == "_".join(halves)

"""Annotations that are evaluated later are lifted as they were written, and come to the same when compiled again."""

from __future__ import annotations

import ast
import copy
import types
from typing import Any

import pytest

from dyntransform.cpython.features import DEFERRED_ANNOTATIONS
from dyntransform.lifting.assembling import assemble
from dyntransform.lifting.parts import Block, Body, Part
from dyntransform.lifting.statements import inner_function, lift
from dyntransform.lifting.values import UnknownCodeError

pytestmark = pytest.mark.skipif(not DEFERRED_ANNOTATIONS, reason="annotations are evaluated later since Python 3.14")

MODULE = """
import os
x: int = 1
y: "text"
if os:
    c: list[int] = 5
    d: (int or str)
else:
    e: int
if False:
    never: int
for i in range(2):
    f: dict[str, [k for k in range(3)][0]] = {}
try:
    g: 1 if os else 2
finally:
    h: {x: int for x in "ab"} = 2
class K:
    "doc"
    z: int = 3
    w: x
    if x:
        v: z = 4
        def m(self) -> z: self.q = 1
    else:
        u: int
    t: (z or x)
    s: [k for k in (z, 2)]
    def m2(self, a: z, *b: (z or w), k: list[z] = 1) -> [k for k in (z, 2)]: return __class__
class G[T]:
    a: T
    b: (T or int)
    c: [T for _ in range(2)]
    def n[V](self, x: T, y: (V or T)) -> [V for _ in (1,)]: pass
def func(a: int, /, b: x, *c: str, d: (x or y) = 2, **e: [1 for _ in (1,)]) -> "r": pass
def gen[T](a: (T or x), b: [T for _ in (1, 2)]) -> int: pass
"""


def code_of(text: str) -> types.CodeType:
    """Compile a module."""
    return compile(text, "m.py", "exec", dont_inherit=True)


def run(*codes: types.CodeType) -> types.ModuleType:
    """Return a module in which code was executed, piece by piece."""
    module = types.ModuleType("m")
    for code in codes:
        exec(code, vars(module))
    return module


def annotations(module: types.ModuleType) -> dict[str, Any]:
    """Return all annotations in a module: its own, those of classes, and those of functions."""
    found: dict[str, Any] = {"": module.__annotations__}
    for name, value in vars(module).items():
        inside = [one for one in vars(value).values() if isinstance(one, types.FunctionType)] if name in "KG" else []
        for one in (value, *inside):
            if isinstance(one, (type, types.FunctionType)):
                found[f"{name}.{one.__name__}"] = one.__annotations__
    return {key: repr(value) for key, value in found.items()}


class WithoutCode(ast.NodeTransformer):
    """Puts names where nodes are code."""

    def visit_Part(self, _node: Part) -> ast.expr:  # noqa: D102 - the name of the node's class
        return ast.Name("part", ast.Load())

    def visit_Body(self, _node: Body) -> ast.stmt:  # noqa: D102
        return ast.Pass()


def shown(node: ast.stmt) -> str:
    """Return the text of a statement."""
    return ast.unparse(ast.fix_missing_locations(WithoutCode().visit(copy.deepcopy(node))))


def test_compiled_again_they_evaluate_to_the_same() -> None:
    """Those of modules, classes and functions, whatever is in them, as do those that are never come to."""
    code = code_of(MODULE)
    nodes = [node for node, _ in lift(code)]
    assert annotations(run(assemble(nodes, "m.py"))) == annotations(run(code))


@pytest.mark.parametrize(
    "text",
    [
        "a: int = 1\nb: list[str]\nb = [c]\nd: 'text' = (1,)\n",
        "class C:\n    a: int\n    b: list[str] = None\n\n    def f(self):\n        pass\n    c: 'C' = 2\n    d: a.b\n",
        "class C:\n    a: int = 1\n    a: str = 2\n    a = 3\n    b: int\n    b: str\n",
        "class C:\n    'text'\n    a: int\n",
        "class C:\n    a: int = 1\n\n    class D:\n        b: a\n",
        "def f(a: int, /, b: str=1, *c: a.b, d: list[int]=2, **e: 'e') -> None:\n    pass\n",
        "def f(*a: *b.c, **d: int):\n    pass\n",
        "class C:\n    _a: int\n\n    async def f(self, b: C) -> C:\n        pass\n",
    ],
)
def test_they_are_seen_where_they_were_written(text: str) -> None:
    """Variables are annotated statements in the order of the source; those with a value are one with it."""
    assert [shown(node) for node, _ in lift(code_of(text))] == [ast.unparse(node) for node in ast.parse(text).body]


def places(nodes: list[ast.stmt]) -> list[tuple[str, int, int]]:
    """Return the annotated variables of a module and where they stand."""
    every = [one for node in nodes for one in ast.walk(node) if isinstance(one, ast.AnnAssign)]
    return sorted((ast.unparse(one.target), one.lineno, one.col_offset) for one in every)


def test_those_that_may_not_be_come_to_have_their_places() -> None:
    """By line and column the engine knows which one a number in the code means."""
    text = "x: int = 1\nif x:\n    y: int = 2; z: str\nelse:\n  with a: w: int\nv: int\n"
    assert places([node for node, _ in lift(code_of(text))]) == places(ast.parse(text).body)


def test_a_block_is_the_same_whatever_is_annotated_before_it() -> None:
    """The numbers that the compiler gives are no part of it; what it annotates is."""
    text = "if a:\n    x: int = 1\nelse:\n    y: str\n"
    ((one, _),) = lift(code_of(text))
    _, (other, _) = lift(code_of(f"before: int\n{text}"))
    assert isinstance(one, Block)
    assert isinstance(other, Block)
    assert ast.dump(one) == ast.dump(other)
    assert (one.marks, other.marks) == ((0, 1), (1, 2))
    assert not one.facts.reads & {"__conditional_annotations__", "int", "str"}
    for changed in (text.replace("int", "str"), text.replace("x:", "z:"), text.replace("    y: str", "    pass")):
        assert ast.dump(lift(code_of(changed))[0][0]) != ast.dump(one)


def test_blocks_compiled_alone_mark_what_they_come_to() -> None:
    """Each has the numbers that the compiler gives the annotated variables in it."""
    code = code_of("before: int\nfor i in range(2):\n    if i: x: int = 1\n    else: y: str\nif not i: z: int\n")
    _, (loop, _), (branch, _) = lift(code)
    assert run(assemble([loop], "m.py")).__annotations__ == {"x": int, "y": str}
    assert run(assemble([loop, branch], "m.py")).__annotations__ == {"x": int, "y": str}
    text = "class C:\n    a: int\n    if {}:\n        b: int\n    else:\n        c: str\n"
    for condition in (True, False):
        ((node, _),) = lift(code_of(text.format(condition)))
        made = run(assemble([node], "m.py"))
        assert made.C.__annotations__ == {"a": int, **({"b": int} if condition else {"c": str})}


def test_definitions_in_functions() -> None:
    """The annotations of a function that another one makes are seen."""
    code = code_of("def f(n):\n    def g(a: int, b: n = 2) -> list[n]: return a\n    return g\n")
    outer = next(each for each in code.co_consts if isinstance(each, types.CodeType) and each.co_name == "f")
    inner = next(each for each in outer.co_consts if isinstance(each, types.CodeType) and each.co_name == "g")
    node = inner_function(outer, inner)
    assert isinstance(node, ast.FunctionDef)
    assert ast.unparse(node.args) == "a: int, b: n=2"
    assert node.returns is not None
    assert ast.unparse(node.returns) == "list[n]"


def test_a_function_of_that_name_is_the_programs() -> None:
    """Only what the compiler made is taken for the annotations of the module."""
    text = "def __annotate__(format, /):\n    raise NotImplementedError\nx = 1\n"
    assert [type(node) for node, _ in lift(code_of(text))] == [ast.FunctionDef, ast.Assign]
    nodes = lift(code_of(f"y: int\n{text}"))
    assert [type(node) for node, _ in nodes] == [ast.AnnAssign, ast.FunctionDef, ast.Assign]


def test_what_is_unknown_is_kept_as_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the code of annotations cannot be read, what binds and marks them is part of the program."""

    def fail(*_: object) -> None:
        raise UnknownCodeError

    monkeypatch.setattr("dyntransform.lifting.statements.variables", fail)
    code = code_of("x: int = 1\nclass C:\n    if x: y: str\n")
    nodes = [node for node, _ in lift(code)]
    assert not any(isinstance(node, (ast.AnnAssign, ast.ClassDef)) for node in nodes)
    made = run(assemble(nodes, "m.py"))
    assert made.__annotations__ == {"x": int}
    assert made.C.__annotations__ == {"y": str}

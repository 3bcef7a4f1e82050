"""Statements are cut where they are in the source, whatever the compiler has moved and copied."""

from __future__ import annotations

import ast
import random
import textwrap
from typing import Any

import pytest

from dyntransform.cpython.opcodes import LOOPS_HAVE_THEIR_KEYWORD
from dyntransform.lifting.assembling import assemble
from dyntransform.lifting.statements import lift

COMPOUND = [
    "while True:\n    a()\n    if b: break\n",
    "while 1:\n    if b: break\n    a()\n",
    "while True:\n    try:\n        a()\n    except E:\n        break\n",
    "while True:\n    try:\n        a()\n        break\n    except E:\n        b()\n",
    "while True:\n    try:\n        a()\n    except E:\n        b()\n    else:\n        break\n",
    "while True:\n    try:\n        a()\n    except E as e:\n        if e: break\n    finally:\n        c()\n",
    "while True:\n    with a() as b:\n        if b: break\n",
    "while True:\n    with a: break\n",
    "while True:\n    for i in a:\n        if i: break\n    else:\n        break\n",
    "while True:\n    for i in a:\n        while True:\n            if i: break\n            b()\n    if c: break\n",
    "while True:\n    if a: break\n    elif b: continue\n    if c: break\n    d()\n",
    "while True:\n  while True:\n    while True:\n      if a(): break\n    if b(): break\n  if c(): break\n",
    "while True:\n  try:\n    try:\n      a()\n    except E:\n      break\n  finally:\n    c()\n",
    "while True:\n  try:\n    while True:\n      a()\n      if b: break\n  except E:\n    if c: break\n",
    "while True:\n    match a():\n        case 1: break\n        case _: b()\n    if c(): break\n",
    "while True:\n    x = [i for i in a if i]\n    if x: break\n",
    "while True:\n    assert a\n    if b: break\n",
    "while a:\n    b()\n    if c: break\nelse:\n    d()\n",
    "while a and b:\n    c()\n    if d or a: break\n",
    "while not a():\n    pass\n",
    "for i in a:\n    while True:\n        if i: break\n        b()\n",
    "for i in a:\n    if i: continue\n    if b: break\nelse:\n    c()\n",
    "for i in a:\n    try:\n        b()\n    except E:\n        break\nelse:\n    c()\n",
    "if a:\n    while True:\n        if b(): break\nelse:\n    c()\n",
    "if a:\n    c()\nelse:\n    while True:\n        if b(): break\n",
    "try:\n    while True:\n        a()\n        if b: break\nexcept E:\n    c()\n",
    "try:\n    a()\nexcept E:\n    while True:\n        if b(): break\n",
    "try:\n  a()\nexcept E:\n  try:\n    b()\n  except F:\n    x = c\n  else:\n    x = d\nelse:\n  x = a\n",
    "try:\n  a()\nexcept E as e:\n  if b: c()\n  else: d()\nexcept F as f:\n  c(f)\n",
    "try:\n  a()\nexcept E as e:\n  try:\n    b()\n  except E as f:\n    x = e\n  else:\n    x = d\n",
    "try:\n  a()\nexcept E as e:\n  while True:\n    if b(): break\n",
    "try:\n    a()\nfinally:\n    while True:\n        if b(): break\n",
    "try:\n    a()\nfinally:\n    b()\n",
    "try:\n    raise E\nexcept E:\n    b()\nexcept F as f:\n    c()\n",
    "with a:\n    while True:\n        b()\n        if c: break\n",
    "with a:\n    raise E\n",
    "assert a, b\n",
    "assert (a and b) or c, f'{d}'\n",
]
FOLLOWING = [
    "",
    "z = 1\n",
    "z()\n",
    "z = y = 1\nf(z, 1, 2)\nz = 2\n",
    "def f(): pass\nclass C:\n    x = 1\nz = [1, 2, f()]\n",
    "if p:\n    z = 1\nelse:\n    z = 2\nq = 3\n",
    "try:\n    p()\nexcept E:\n    q = None\nr = q\n",
    "while True:\n    k()\n    if l: break\nm = 1\n",
    "for i in k: l()\nm = 1\n",
]
if LOOPS_HAVE_THEIR_KEYWORD:
    FOLLOWING.append("while k:\n    l()\nm = 1\n")


def in_class(text: str) -> str:
    """Return text as the body of a class."""
    return "class K:\n" + textwrap.indent(text, "    ")


def lifted(text: str) -> list[ast.stmt]:
    """Return the statements of a program, or those of the class that it consists of."""
    nodes = [node for node, _ in lift(compile(text, "m.py", "exec", dont_inherit=True))]
    return nodes[0].body if text.startswith("class K:") and isinstance(nodes[0], ast.ClassDef) else nodes


@pytest.mark.parametrize("place", [str, in_class], ids=["module", "class"])
@pytest.mark.parametrize("compound", COMPOUND)
def test_a_compound_statement_is_one_whatever_stands_around_it(compound, place):
    """It begins on its line, ends before the next one, and is equal to itself before any other statements."""
    alone = [ast.dump(node) for node in lifted(place(compound))]
    assert len(alone) == 1
    for before in ("", "h = 1\n", "if h: g()\n"):
        for following in FOLLOWING:
            text = place(before + compound + following)
            (tree,) = ast.parse(text).body if place is in_class else (ast.parse(text),)
            wanted = [node.lineno for node in tree.body if not isinstance(node, ast.Pass)]
            nodes = lifted(text)
            number = bool(before)
            assert [node.lineno for node in nodes[: number + 2]] == wanted[: number + 2], text
            assert ast.dump(nodes[number]) == alone[0], text


class Stopped(BaseException):
    """The program has run for long enough."""


class ExpectedError(Exception):
    """What programs catch."""


class Value:
    """An object with which anything can be done; what comes of it depends on chance alone."""

    def __init__(self, run: Run, name: str) -> None:
        self.run = run
        self.name = name

    def __bool__(self) -> bool:
        return self.run.chance("bool", self.name)

    def __call__(self, *_arguments: object) -> Value:
        """Return another one, or fail."""
        if self.run.chance("call", self.name):
            return Value(self.run, f"{self.name}()")
        raise ExpectedError(self.name)

    def __iter__(self) -> Any:
        while self.run.chance("next", self.name):
            yield Value(self.run, f"{self.name}[]")

    def __enter__(self) -> Value:
        self.run.chance("enter", self.name)
        return self

    def __exit__(self, kind: object, *_: object) -> bool:
        return self.run.chance("exit", f"{self.name} {kind}")

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Run(dict[str, Any]):
    """A namespace that takes down what is done with names and values."""

    def __init__(self, seed: int) -> None:
        super().__init__(__name__="m", E=ExpectedError, F=KeyError)
        self.random = random.Random(seed)
        self.events: list[tuple[str, str]] = []

    def chance(self, kind: str, name: str) -> bool:
        """Take something down, and toss a coin."""
        self.events.append((kind, name))
        if len(self.events) > 60:
            raise Stopped
        return self.random.random() < 0.6

    def __missing__(self, name: str) -> Value:
        if name in ("AssertionError", "ValueError", "__build_class__"):
            raise KeyError(name)
        self.chance("load", name)
        return Value(self, name)

    def __setitem__(self, name: str, value: object) -> None:
        self.chance("store", f"{name} {type(value).__name__}")
        super().__setitem__(name, value)


def outcome(programs: list[Any], seed: int) -> tuple[list[tuple[str, str]], str]:
    """Return what running programs one after the other does, and how it ends."""
    run = Run(seed)
    try:
        for program in programs:
            exec(program, {}, run)
    except (Stopped, ExpectedError, AssertionError) as problem:
        return run.events, repr(problem)
    return run.events, "end"


@pytest.mark.parametrize("following", FOLLOWING)
@pytest.mark.parametrize("compound", COMPOUND)
def test_what_is_put_in_order_does_the_same(compound, following):
    """Each statement, compiled by itself, takes the ways that it takes in the module, with and without exceptions."""
    code = compile(f"{compound}{following}", "m.py", "exec", dont_inherit=True)
    programs = [assemble([node], "m.py") for node, _ in lift(code)]
    for seed in range(25):
        assert outcome(programs, seed) == outcome([code], seed)

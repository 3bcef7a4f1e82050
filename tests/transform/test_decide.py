"""Which names and statements are marked."""

from __future__ import annotations

import ast
import sys
import textwrap

import pytest

from dyntransform.cpython.features import DEFERRED_ANNOTATIONS
from dyntransform.runtime.dynamic_class import BASE
from dyntransform.transform.decide import Decisions, Options, decide

ALL = Options()
GENERIC = pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695 is new in Python 3.12")


def decided(text: str, options: Options = ALL) -> Decisions:
    """Decide for a text."""
    text = textwrap.dedent(text).lstrip("\n")
    return decide(text, "file.py", ast.parse(text), options)


def reads(text: str) -> list[str]:
    """Return the marked reads as "line name <- sources", in the order of the text."""
    marks = decided(text)
    assert not marks.reason
    order = sorted(marks.reads.items(), key=lambda mark: (mark[0].lineno, mark[0].col_offset))
    return [f"{node.lineno} {node.id} <- {' '.join(map('.'.join, sources))}" for node, sources in order]


def links(text: str, options: Options = ALL) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Return the live bindings."""
    return [(link.scope, link.module, link.names) for link in decided(text, options).links]


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("def f():\n from m import y\n return y", ["3 y <- m.y"]),
        ("def f():\n from m import y as z\n return z", ["3 z <- m.y"]),
        ("def f():\n from m import y\n def g():\n  return y", ["4 y <- m.y"]),
        ("def f():\n from m import y\n return lambda a=y: y + a", ["3 y <- m.y", "3 y <- m.y"]),
        ("def f():\n from m import y\n return [y for x in y]", ["3 y <- m.y", "3 y <- m.y"]),
        ("def f():\n from m import y\n return (y for x in y if y)", ["3 y <- m.y"] * 3),
        ("def f():\n from m import y\n return [y for y in y]", ["3 y <- m.y"]),
        ("def f():\n from m import y\n return [x for x in 'a' for y in y]", []),
        ("def f():\n from m import y\n return [y for z in [0] for x[y] in [0]]", ["3 y <- m.y", "3 y <- m.y"]),
        ("def f():\n from m import y\n return {y: (lambda: y) for _ in y}", ["3 y <- m.y"] * 3),
        ("def f():\n from m import y\n return {(lambda: y): (lambda y: y) for _ in '1'}", ["3 y <- m.y"]),
        ("def f():\n from m import y\n class C:\n  a = y\n  def g(self): return y", ["4 y <- m.y", "5 y <- m.y"]),
        ("def f():\n from m import y\n class C:\n  y = y\n  def g(self): return y", ["5 y <- m.y"]),
        ("class C:\n def g(self):\n  from m import y\n  return y", ["4 y <- m.y"]),
        ("async def f():\n from m import y\n await y()\n async for _ in y: pass", ["3 y <- m.y", "4 y <- m.y"]),
        ("def f():\n from m import y\n yield y", ["3 y <- m.y"]),
        ("def f():\n from m import y\n @y\n def g(a=y): pass", ["3 y <- m.y", "4 y <- m.y"]),
        ("def f():\n from m import y\n class C(y, metaclass=y): pass", ["3 y <- m.y", "3 y <- m.y"]),
        ("def f():\n from m import y\n y = y + 1\n return y", ["3 y <- m.y", "4 y <- m.y"]),
        ("def f():\n from m import y\n for y in y: pass", ["3 y <- m.y"]),
        ("def f():\n from m import y\n y += 1\n y.a = y[0] = 1\n del y", ["4 y <- m.y", "4 y <- m.y"]),
        ("def f():\n from m import y\n del y.a, y[0]", ["3 y <- m.y", "3 y <- m.y"]),
        ("def f():\n if (y := 1): return y\n from m import y", ["2 y <- m.y"]),
        ("def f():\n from m import y\n return [y := 1, y, [(y := x) for x in y]]", ["3 y <- m.y", "3 y <- m.y"]),
        ("def f(y):\n if y:\n  from m import y\n return y", ["2 y <- m.y", "4 y <- m.y"]),
        ("def f():\n def g():\n  nonlocal y\n  from m import y\n y = 1\n return y", ["6 y <- m.y"]),
        ("def f():\n from m import y\n def g():\n  nonlocal y\n  y = 1\n  return y", ["6 y <- m.y"]),
        ("def f():\n from m import y\n def g(y): return y", []),
        ("def f():\n from m import y\n def g():\n  global y\n  return y", []),
        ("def f():\n from m import y\n def g():\n  y = 1\n  return y", []),
        ("y = 1\ndef f():\n return y", []),
        ("from m import y\ndef f():\n return y", []),
        ("def f():\n import m\n return m", []),
        ("def f():\n try:\n  from m import y\n except ImportError:\n  from n import y\n return y", ["6 y <- m.y n.y"]),
        ("def f():\n if a:\n  from m import y\n else:\n  from n import z as y\n return y", ["6 y <- m.y n.z"]),
        ("def f():\n from m import y\n from m import y\n return y", ["4 y <- m.y"]),
        ("def f():\n from . import y\n from ..a.b import z\n return y, z", ["4 y <- ..y", "4 z <- ..a.b.z"]),
        ("def f():\n from m import y, z\n f'{y=} {z:{y}}'", ["3 y <- m.y", "3 z <- m.z", "3 y <- m.y"]),
        ("def f():\n from m import y\n with y() as z, z(y): pass", ["3 y <- m.y", "3 y <- m.y"]),
        (
            "def f():\n from m import y\n try: y()\n except y: y()\n finally: y()",
            [f"{n} y <- m.y" for n in (3, 4, 4, 5)],
        ),
        ("def f():\n from m import y\n try: pass\n except* y: y()", ["4 y <- m.y", "4 y <- m.y"]),
        ("def f():\n from m import y\n match y:\n  case y(): pass\n  case y.a: y()", ["3 y <- m.y", "5 y <- m.y"]),
        ("def f():\n from m import y\n match 1:\n  case {y.a: b} if y: y()", ["4 y <- m.y", "4 y <- m.y"]),
        ("def f():\n from m import y\n match 1:\n  case [int(a=int(y))] | int(y): y()", ["4 y <- m.y"]),
        ("from __future__ import annotations\ndef f():\n from m import y\n x: y = 1\n def g(a: y) -> y: pass", []),
        ("class C:\n def g(s):\n  from m import y as __y\n  return __y", ["4 __y <- m.y"]),
        ("class C:\n def g(s):\n  from m import __y\n  return __y", ["4 __y <- m._C__y"]),
        ("class C:\n def g(s):\n  from __m import y\n  return y", ["4 y <- _C__m.y"]),
        (
            "class _:\n def g(s):\n  from m import __y, __z__\n  return __y, __z__",
            ["4 __y <- m.__y", "4 __z__ <- m.__z__"],
        ),
        ("def f():\n from m import __y\n class C(__y):\n  a = __y", ["3 __y <- m.__y"]),
        ("class C:\n def g(s):\n  from m import __y\n  return [__y for __y in __y]", ["4 __y <- m._C__y"]),
        ("def f():\n from m import y\n class C:\n  y = 1\n  z = [y for _ in y]", ["5 y <- m.y"]),
        ("def f():\n from m import y\n class C:\n  y = 1\n  z = [[y for y in y] for _ in y]", ["5 y <- m.y"]),
        ("def f():\n from m import y\n class C:\n  global y\n  y = 1\n  z = {y: y for _ in y}", ["6 y <- m.y"] * 2),
        ("def f():\n from m import y\n class C:\n  y = 1\n  z = [lambda: y for _ in y]", ["5 y <- m.y"]),
        ("def f():\n from m import __y\n @__y\n class C: pass", ["3 __y <- m.__y"]),
        ("def f():\n from m import y\n y\n (y)\n y.a", ["5 y <- m.y"]),
        ("def f(): from m import y; return y", ["1 y <- m.y"]),
        ("def f():\n from m import y\n return y(y for y in y)", ["3 y <- m.y", "3 y <- m.y"]),
        (
            "def f():\n while 1:\n  from m import y\n  break\n else: y()\n assert y, y",
            [f"{n} y <- m.y" for n in (5, 6, 6)],
        ),
    ],
)
def test_reads(text: str, marked: list[str]) -> None:
    """Every read of the imported variable is marked, with all its sources, and nothing else is."""
    assert reads(text) == marked


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("def f():\n from m import y\n @y\n def g(a=y) -> y: pass", ["3 y <- m.y", "4 y <- m.y"]),
        ("def f():\n from m import y\n x: y = y", ["3 y <- m.y"]),
        ("def f():\n from m import y\n class C:\n  x: y = y", ["4 y <- m.y"]),
        ("def f():\n from m import y\n def g(a: y, b: list[y] = y) -> y: return y", ["3 y <- m.y"] * 2),
    ],
)
def test_annotations(text: str, marked: list[str]) -> None:
    """From Python 3.14 on, annotations are evaluated lazily, and can be asked for as text: they are left alone."""
    read = reads(text)
    assert read == marked if DEFERRED_ANNOTATIONS else set(read) == set(marked) and len(read) > len(marked)


@GENERIC
@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("def f():\n from m import y\n def g[T](a=y): return y", ["3 y <- m.y"] * 2),
        ("def f():\n from m import y\n class C[T](y): a = y", ["3 y <- m.y", "3 y <- m.y"]),
        ("def f():\n from m import y\n def g[y](a: y): return y", []),
        ("def f():\n from m import y\n type T = y\n return y", ["4 y <- m.y"]),
        (
            "def f[T: int]():\n from m import y\n def g[U: (lambda: y)](): return y\n return y",
            ["3 y <- m.y", "4 y <- m.y"],
        ),
        ("def f():\n from m import y\n class C:\n  def g[T](s, a: y): return y\n  y = 1", ["4 y <- m.y"]),
        ("def f():\n from m import y\n class C:\n  y = 1\n  class D[T](y):\n   def g(s): return y", ["6 y <- m.y"]),
        ("def f():\n from m import y\n class C:\n  class D[T]:\n   def g[U](s, a=y): return y", ["5 y <- m.y"] * 2),
        ("def f():\n from m import y\n class C:\n  def g[T](s, a: y):\n   global y\n   return y\n  y = 1", []),
        ("class C[T]:\n def g[U](s):\n  from m import y as __y\n  return __y", ["4 __y <- m.y"]),
    ],
)
def test_type_parameters(text: str, marked: list[str]) -> None:
    """Type parameters are scopes of their own; values that are evaluated lazily are left alone (PEP 695)."""
    assert reads(text) == marked


def test_same_name_on_one_line() -> None:
    """Scopes with equal names on one line are told apart."""
    text = "def f():\n from m import y\n return (lambda: y), (lambda y: y), [y for _ in y], [y for y in 'a']"
    assert len(reads(text)) == 3


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("from m import a, b as c", [("", "m", (("a", "a"), ("b", "c")))]),
        ("from m import *", [("", "m", (("*", "*"),))]),
        ("from . import a\nfrom ..b import c", [("", ".", (("a", "a"),)), ("", "..b", (("c", "c"),))]),
        ("from a.b import c", [("", "a.b", (("c", "c"),))]),
        ("import m, a.b as c", []),
        ("from __future__ import annotations", []),
        ("class C:\n class D:\n  from m import a", [("C.D", "m", (("a", "a"),))]),
        ("class C:\n from m import __a as __b", [("C", "m", (("_C__a", "_C__b"),))]),
        ("class C:\n from __m import a", [("C", "_C__m", (("a", "a"),))]),
        ("def f():\n class C:\n  from m import a", []),
        ("def f():\n global y\n from m import y, z", [("", "m", (("y", "y"),))]),
        ("if a:\n from m import x\nelif b:\n from n import x", [("", "m", (("x", "x"),)), ("", "n", (("x", "x"),))]),
        (
            "try:\n from m import x\nexcept E:\n from n import x\nelse:\n from o import x\nfinally:\n from p import x",
            "mnop",
        ),
        ("for _ in a:\n from m import x\nelse:\n from n import x", "mn"),
        ("while a:\n from m import x\nwith a:\n from n import x", "mn"),
        ("match a:\n case 1:\n  from m import x\n case _:\n  from n import x", "mn"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n from m import x", ["typing", "m"]),
    ],
)
def test_links(text: str, linked: list[object]) -> None:
    """From-imports at module level and in class bodies are live bindings, in the order of the text."""
    found = links(text)
    assert found == linked or [module for _, module, _ in found] == list(linked)


@pytest.mark.parametrize(
    ("text", "gains"),
    [
        ("class A: pass", True),
        ("class A(): pass", True),
        ("class A(object): pass", True),
        ("def f():\n class A: pass", False),
        ("def f():\n class B:\n  class A: pass", False),
        ("class B:\n def f(self):\n  class A: pass", False),
        ("@d\nclass A: pass", False),
        ("class A: __slots__ = ()", False),
        ("class A: __slots__: tuple = ()", False),
        ("class A: __slots__: tuple", True),
        ("class A:\n if a:\n  x, *__slots__ = b", False),
        ("class A:\n for __slots__ in b: pass", False),
        ("class A:\n with b as __slots__: pass", False),
        ("class A:\n def f(self): __slots__ = ()", True),
        ("class A:\n class B: __slots__ = ()", True),
        ("class B(Exception):\n class A: pass", True),
        ("if a:\n class A: pass", True),
        ("class A(B): pass", False),
        ("class A(m.object): pass", False),
        ("from m import B as object\nclass A(object): pass", False),
        ("object = B\nclass A(object): pass", False),
        ("object = B\nclass A: pass", True),
        ("class A(object): pass\nclass B:\n if 1:\n  def object(self): pass", False),
        ("def f():\n object = B\nclass A(object): pass", True),
        ("class A(object, B): pass", False),
        ("class A(metaclass=M): pass", False),
        ("class A(*b): pass", False),
        ("class A(**k): pass", False),
    ],
)
def test_classes(text: str, gains: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A class without a base gains one, unless something would show it; any other is left as it is."""
    assert ("A" in [node.name for node in decided(text).classes]) is gains


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no type parameters")
def test_classes_with_type_parameters() -> None:
    """Type parameters are the base `Generic`."""
    assert not decided("class A[T]: pass").classes


def test_classes_by_the_settings() -> None:
    """The settings may say that no class gains the base; they are asked only where one would."""
    asked = []

    def is_project(name: str) -> bool:
        asked.append(name)
        return False

    assert not decided("class A: pass", Options(is_project)).classes
    assert not decided("class A(B): pass", Options(is_project)).classes
    assert asked == [BASE]


def test_only_project_modules() -> None:
    """Names of modules that cannot be reloaded stay as they are; relative imports always can."""
    options = Options(lambda name: name == "mine")
    text = "from os.path import a\nfrom mine.b import c\nfrom .d import e\ndef f():\n from os import g\n return g\n"
    assert [module for _, module, _ in links(text, options)] == ["mine.b", ".d"]
    assert not decided(text, options).reads


def test_long_elif_chain() -> None:
    """A long elif chain, which is a deep tree, is no reason to leave a file as it is."""
    text = "if a:\n pass\n" + "elif a:\n from m import x\n" * 900
    assert len(links(text)) == 900


def test_deep_expression_is_a_reason() -> None:
    """Where scopes cannot be told, nothing is marked and the reason says so."""
    marks = decided("from n import a\ndef f():\n from m import y\n return " + "+".join(["y"] * 1_000))
    assert not marks.reads
    assert not marks.links
    assert marks.reason.startswith("file.py: names imported in functions stay as they are")


CLASSES = """
class A:  # dyntransform: off
    from m import y
    class Inner:
        def f(self):
            from m import y
            return y
class B:
    from m import z
def f():
    from m import y
    @y
    class C(y):  # dyntransform: off
        a = y
        def g(self):
            return [y for _ in y], (lambda: y)
    return y
"""


def test_classes_that_opted_out() -> None:
    """Such a class and all that is in it stay; its decorators and bases belong to it, too."""
    marks = decided(CLASSES)
    assert [node.name for node in marks.classes] == ["B"]
    assert [(link.scope, link.module) for link in marks.links] == [("B", "m")]
    assert reads(CLASSES) == ["16 y <- m.y"]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_lines_are_those_of_the_parser(end: str) -> None:
    """Whatever ends the lines; a form feed does not."""
    text = "x = '\f'\nclass A: pass  # dyntransform: off\nclass B: pass\n".replace("\n", end)
    assert [node.name for node in decide(text, "file.py", ast.parse(text), ALL).classes] == ["B"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("from m import y", [True]),
        ("class A:\n from m import y", [True]),
        ("class A(object):\n if 1:\n  from m import y", [True]),
        ("class A(B):\n from m import y\n class C:\n  from m import y", [False, True]),
        ("class A(metaclass=M):\n from m import y", [False]),
        ("def f():\n global y\n from m import y", [True]),
        ("def f():\n from m import y\n global y", [False]),
        ("def f():\n global x\n from m import y\n global y", [False]),
        ("from m import x, y\nfrom m import z\nglobal y", [False, True]),
        ("class A:\n from m import y\n global y", [False]),
    ],
)
def test_links_that_are_written(text: str, written: list[bool]) -> None:
    """Each link is recorded; it is written where its names can be read and bound again."""
    assert [link.is_written for link in decided(text).links] == written


def test_lazy_import() -> None:
    """A lookup behind a lazy import would make it at once (PEP 810)."""
    tree = ast.parse("from m import y")
    tree.body[0].is_lazy = 1  # type: ignore[attr-defined]
    assert [link.is_written for link in decide("from m import y", "file.py", tree, ALL).links] == [False]

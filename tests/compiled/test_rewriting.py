"""Rewriting compiled code comes to the same as rewriting the source: same lookups, same links, same program."""

from __future__ import annotations

import ast
import sys
import textwrap
from types import CodeType

import pytest
from late_reads import late_reads, sources_of_reads

from dyntransform.compiled.rewriting import Rewritten, rewrite
from dyntransform.transform.decide import Decisions, Options, decide
from dyntransform.transform.lowering import lower

GENERIC = pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695 is new in Python 3.12")
ALL = Options()


def both(text: str, options: Options = ALL) -> tuple[Decisions, CodeType, Rewritten]:
    """Rewrite a text on both ways: the marks and the lowered code, and the rewritten plain code."""
    text = textwrap.dedent(text).lstrip("\n")
    tree = ast.parse(text)
    decisions = decide(text, "file.py", tree, options)
    lower(tree, decisions)
    plain = compile(text, "file.py", "exec", dont_inherit=True)
    return decisions, compile(tree, "file.py", "exec", dont_inherit=True), rewrite(plain, options)


def assert_same(text: str, options: Options = ALL) -> Rewritten:
    """Check that both ways come to the same lookups and links."""
    decisions, lowered, rewritten = both(text, options)
    assert not rewritten.reason
    found = late_reads(rewritten.code)
    assert found == late_reads(lowered)
    assert set(rewritten.lookups) == sources_of_reads(found)
    assert list(rewritten.links) == [(link.scope, link.module, link.names) for link in decisions.links]
    return rewritten


READS = {
    "local": "y",
    "twice": "(y, y)",
    "call": "y(y, *y, k=y, **y)",
    "method": "y.a(y).b",
    "subscript": "y[y] + y[y:y]",
    "conditional": "y if y else y",
    "boolean": "y and y or not y",
    "comparison": "y < y < y == y.a",
    "lambda": "lambda a=y: lambda: y + a",
    "shadowing lambda": "lambda y: y",
    "list": "[y for x in y if y]",
    "list of its own y": "[y for y in y]",
    "list of its own y in a lambda": "[(lambda: y) for y in y]",
    "list in a list": "[[y for x in y] for x in y if [y for y in x]]",
    "list with a lambda": "[(lambda: y, [z for z in x]) for x in y]",
    "two names": "[(y, q) for q in y for x in q], [(q, y) for y in q for q in y], y",
    "set and dictionary": "{y for x in y}, {y: y for x in y}, {x: (lambda: y) for x in y}",
    "generator": "(y for x in y), (y for y in y)",
    "generator in a list": "[list(y for z in x) for x in y]",
    "assignment": "[y := 1, y, [(y := x) for x in y]]",
    "formatted": "f'{y} {y!r:>{y}} {y=}'",
    "starred": "[*y, *(y, y)]",
    "operator": "-y + ~y @ y ** (not y)",
    "await-like": "(yield y), (yield from y)",
    "generators that are inlined": "all(y for y in y), any(y for x in y), tuple(y(x) for x in y), list(y for x in y)",
    "numbers": "y(0, 1, -1, 256, None, '')",
}
BLOCKS = {
    "if": "if y:\n  y()\n elif not y: y.a\n else: return y",
    "while": "while y:\n  if y: break\n  y()\n else: y(1)",
    "for": "for a in y:\n  for y in a: y()\n  else: continue\n  print(y)",
    "with": "with y as a, a(y):\n  return y",
    "try": "try: y()\n except y: y(1)\n except (y, y) as a: raise y from y\n else: y(2)\n finally: y(3)",
    "groups": "try: y()\n except* y: y(1)",
    "finally with a return": "for a in y:\n  try: return y\n  finally: y(1)",
    "statement": "y\n (y)\n y; y\n y.a\n print(y)",
    "assert": "assert y, y",
    "delete": "del y.a, y[y]\n y()\n del y",
    "augmented": "y += 1\n y.a += y\n y[y] += y\n a = 1; print(y)",
    "augmented cell": "lambda: y\n y += y.a if y else y\n return y",
    "targets": "y.a = y[0] = b, *c = y",
    "annotated": "b: int = y\n y.a: int = y",
    "function": "@y\n def g(a=y, *, b=y) -> y:\n  y = 1\n  return y\n return g",
    "inner function": "def g():\n  def h(): return y\n  return y, h\n return g",
    "nonlocal": "def g():\n  nonlocal y\n  y += 1\n  return y\n return g, y",
    "nonlocal import": "def g():\n  nonlocal y\n  from n import y\n  return y\n return g, y",
    "global": "def g():\n  global y\n  return y\n return g",
    "class": "@y\n class C(y, metaclass=y):\n  a = y\n  def g(self): return y\n  b = [y for _ in y]\n  y\n return C",
    "class with its own y": "class C:\n  y = y\n  def g(self): return y\n  a = y",
    "class with a nonlocal y": "class C:\n  nonlocal y\n  y += 1\n  a = y",
    "class in a class": "class C:\n  class D:\n   a = y, [y for x in y], lambda: y",
    "class pattern": "match y:\n  case y(): y()\n  case y.a(b=y.c()): y(1)\n  case [y.d.e(), int(y)]: y(2)",
    "value pattern": "match y:\n  case y.a | y.b.c: y()\n  case [y.d, *_] if y == y.a: y(1)\n  case _ if y.a: pass",
    "last value pattern": "match y.a:\n  case y.b: return y\n return y.b == y.c",
    "mapping pattern": "match y:\n  case {y.a: b, 'c': y.b.c, **d} if y: return d\n  case {1: y}: return y",
    "default": "match y:\n  case _: return y",
    "super": "class C:\n  def g(y): return super().a, y\n return C",
    "several imports": "try:\n  from n import y\n except ImportError:\n  from o import z as y\n return y",
    "another import": "import y.a as y\n return y",
    "names of one statement": "from n import (a, b as c,\n  y as d)\n def g(): return a, c, d, y\n return g",
    "many": "return " + ", ".join(["y"] * 300),
    "far": "while y:\n  a = " + " + ".join(["y.a(b)"] * 60) + "\n  if y: break\n  " + "\n  ".join(["a(y)"] * 99),
}
MODULES = {
    "star and relative": "from m import *\nfrom . import a\nfrom ..b import c as d\nfrom . import (e,\n f)",
    "no from-imports": "import m, a.b as c\nimport a.b.c.d as e\n",
    "future": (
        "from __future__ import annotations\nfrom m import y\ndef f():\n from m import y\n def g(a: y) -> y: pass\n"
    ),
    "classes": (
        "class C:\n from m import a\n class D:\n  from m import __a as __b\n  def f(s):\n   class E: from m import b"
    ),
    "order": (
        "class C:\n from m import a\nfrom n import b\ndef f():\n global q\n from o import q, r\n"
        " return q, r\nfrom p import c"
    ),
    "global in a class": (
        "class C:\n global y\n from m import y\n def f(self):\n  global z\n  from m import z\n  return z"
    ),
    "compound": (
        "try:\n from m import x\nexcept E:\n from n import x\nelse:\n from o import x\nfinally:\n from p import x"
    ),
    "global in a function": "from m import y, z\ndef f():\n global y\n from m import y as x, y\n y = x\n",
    "plain and other classes": (
        "class A:\n from m import a\nclass B(A):\n from m import a\n class C: from m import b\n"
        "class D(object):\n from m import a\nclass E(metaclass=M): from m import a\n@d\nclass F:\n from m import a\n"
        "@d(1)\n@d\nclass G(object): from m import a\nclass H(m.object): from m import a\n"
        "class I(*b): from m import a\nclass J(A, B): from m import a\nclass K(): from m import a, b as c\n"
        "class L:\n __slots__ = ()\n from m import a\n def f(self): return __class__\n"
    ),
    "another object": "object = A\nclass B(object): from m import a\nclass C: from m import a\n",
    "blocks": (
        "for x in y:\n if x: from m import a\n else:\n  from n import a; continue\n while x:\n  from o import a\n"
        "  if a: break\nwith x:\n from p import a\nmatch x:\n case 1:\n  from q import a\n"
    ),
    "protected": (
        "try:\n from m import a\nexcept:\n try:\n  from m import b\n finally:\n  from m import c\n"
        "  with d: from m import e\nfor x in y:\n try:\n  from m import f\n  continue\n finally:\n  from m import g\n"
    ),
    "protected globals": (
        "def f():\n global a, b\n while x:\n  try:\n   from m import a\n   if a: return a\n"
        "  finally:\n   from m import b, a\n"
    ),
    "many names of one": "from m import (" + ", ".join(f"n{i} as m{i}" for i in range(150)) + ")\nif x: y\n",
    "docstrings": '"""text"""; from m import a; b = a\nclass C:\n \'text\'; from m import a\n',
    "last": "if x:\n from m import y",
    "private": "class C:\n def g(s):\n  from m import __y, __z__ as __x, a as __b\n  return __y, __x, __b, lambda: __b",
    "private without letters": "class _:\n def g(s):\n  from m import __y\n  return __y",
    "coroutine": "async def f():\n from m import y\n await y()\n async for _ in y: y()\n async with y as z: return y",
    "asynchronous lists": (
        "async def f():\n from m import y\n return [y async for y in y], [y async for x in y if await y]"
    ),
    "asynchronous generator": "async def f():\n from m import y\n yield y\n await y\n return\n",
    "argument": "def f(y):\n if y:\n  from m import y\n return y\n",
    "argument cell": "def f(y, *a, b):\n from m import y, a\n g = lambda: (y, a, b)\n return g, y, a, [y for y in a]\n",
    "list of its own y in a lambda": "def f():\n from m import y\n return [(lambda: y) for y in y], lambda: y",
    "read before": "def f():\n if (y := 1): return y\n from m import y",
    "one line": "def f(): from m import y; return y, (lambda: y), (lambda y: y), [y for _ in y], [y for y in 'a']",
    "no variable of a function": "from m import y\ndef f(): return y\nclass C: a = y\n[y for y in y]\n",
    "module level lists": "def f():\n from m import y\n return y\n[(y, lambda: y) for y in [f for f in [1]]]\n",
    "class level lists": "class C:\n a = [1 for _ in 'a']\n def f(self):\n  from m import y\n  return [y, self]\n",
    "in branches": "def f():\n if a:\n  from m import y\n else:\n  from n import z as y\n from m import y\n return y",
    "many names": "def f():\n " + "\n ".join(f"from m import n{i}\n n{i}(n{i}, n{i})" for i in range(300)),
}
GENERICS = {
    "function": "def f():\n from m import y\n def g[T](a: y) -> y: return y",
    "class": "def f():\n from m import y\n class C[T](y): a = y",
    "own": "def f():\n from m import y\n def g[y](a: y): return y",
    "alias": "def f():\n from m import y\n type T = y\n type U[V: y] = (lambda: y)\n return y",
    "bounds": "def f[T: int]():\n from m import y\n def g[U: (lambda: y), V: (y, y)](): return y\n return y",
    "method": "class C[T]:\n from m import a\n def g[U](s):\n  from m import y as __y\n  return __y",
    "annotation in a class": "def f():\n from m import y\n class C:\n  def g[T](self, a: y) -> y: return y",
    "annotation and class": "def f():\n from m import y\n class C:\n  def g[T](self, a: y) -> y: return y\n  y = 1",
    "imports in a class": (
        "class A[T]:\n from m import a, T\n class B: from m import b\n@d\nclass C[*T](D): from m import c\n"
        "class E[T](k=1): from m import c\n"
        "class F:\n @d\n class G[T]:\n  from m import d\n  def f(s): return __class__, T\n"
    ),
    "base and class": "def f():\n from m import y\n class C:\n  y = 1\n  class D[T](y):\n   def g(self): return y",
}

NEW = {
    (3, 13): {
        "defaults": "def f():\n from m import y\n class C[T = y, *U = y]:\n  def g[V: y = y](s): return y\n return y",
    },
    (3, 14): {
        "template": "def f():\n from m import y\n return t'{y} {y!r:>{y}} {y=}', [t'{y}' for x in y], lambda: t'{y}'",
        "except without parentheses": "def f():\n from m import y\n try: y()\n except y, y.a: return y",
        "annotations": (
            "def f(q):\n from m import y\n a: y = y\n def g(a: y, *b: (lambda: y)) -> y: return y\n"
            " class C:\n  a: y = y\n  if y: b: y\n  def g(self, a: y): return y\n return g, C, y"
        ),
        "annotations and parameters": "def f():\n from m import y\n class C[T: y](y):\n  a: y\n  def g[U](a: y): y()",
        "annotated variables": "from m import y\na: y = y\ndef f():\n from n import y\n b: y\n return y",
    },
    (3, 15): {
        "lazy": "lazy from m import a, b as c\nlazy import m, n.o as p\nfrom q import r\ndef g():\n from m import y; y",
        "unpacking": "def f():\n from m import y\n return [*y for y in y], {*y for _ in y}, {**y for _ in y}",
    },
}
"""Syntax by the version that it came with."""

IN_CLASSES = {
    "list": "[y for _ in y]",
    "list in a list": "[[y for y in y] for _ in y]",
    "dictionary": "{y: (lambda: y) for _ in y}",
    "generator": "(y for _ in y)",
    "lambda": "lambda a=y: y",
}


@pytest.mark.parametrize("expression", list(READS.values()), ids=list(READS))
def test_expressions(expression: str) -> None:
    """A read is late in a function, in one that has it as a cell, and in one that has it as a free variable."""
    assert_same(f"def f(q=0):\n from m import y\n return ({expression})\n")
    assert_same(f"def f(q=0):\n from m import y\n c = lambda: y\n return ({expression})\n")
    if ":=" not in expression:
        assert_same(f"def f():\n from m import y\n def g(q=0):\n  return ({expression})\n return g\n")


@pytest.mark.parametrize("block", list(BLOCKS.values()), ids=list(BLOCKS))
def test_statements(block: str) -> None:
    """Statements keep the plain name where a source file does, and nowhere else."""
    assert_same(f"def f(b=0):\n from m import y, z\n {block}\n")


@pytest.mark.parametrize("text", list(MODULES.values()), ids=list(MODULES))
def test_modules(text: str) -> None:
    """Live bindings are those of the source, in its order; names mean the same variables."""
    assert_same(text)


@pytest.mark.parametrize("expression", list(IN_CLASSES.values()), ids=list(IN_CLASSES))
@pytest.mark.parametrize("first", ["y = 1", "global y", "nonlocal y", "pass"])
def test_classes(first: str, expression: str) -> None:
    """What stands in a class sees the function's variable wherever it does not see that of the class."""
    assert_same(f"def f():\n from m import y\n class C:\n  {first}\n  z = ({expression})\n")


@GENERIC
@pytest.mark.parametrize("text", list(GENERICS.values()), ids=list(GENERICS))
def test_type_parameters(text: str) -> None:
    """Type parameters are scopes of their own; what is evaluated lazily is left alone (PEP 695)."""
    assert_same(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=name)
        for since, each in NEW.items()
        if sys.version_info >= since
        for name, text in each.items()
    ],
)
def test_new_syntax(text: str) -> None:
    """Names in what only some versions have; annotations that are evaluated later are left alone (PEP 649)."""
    assert_same(text)


def test_only_project_modules() -> None:
    """Names of modules that cannot be reloaded stay as they are; relative imports always can."""
    options = Options(lambda name: name == "mine")
    text = "from os.path import a\nfrom mine.b import c\nfrom .d import e\ndef f():\n from os import g\n return g, a\n"
    rewritten = assert_same(text, options)
    assert [module for _, module, _ in rewritten.links] == ["mine.b", ".d"]
    assert not rewritten.lookups


def test_what_needs_no_change_stays_the_object_it_was() -> None:
    """A module without names to look up is the same code object; in another, functions without them are."""
    plain = compile(
        "from m import *\nclass C(D):\n from m import a\ndef f():\n import m\n return a, m", "file.py", "exec"
    )
    assert rewrite(plain, ALL).code is plain
    plain = compile("def f(): return 1\ndef g():\n from m import y\n return y", "file.py", "exec")
    new = rewrite(plain, ALL).code
    functions = [[one for one in code.co_consts if isinstance(one, CodeType)] for code in (plain, new)]
    assert functions[1][0] is functions[0][0]
    assert functions[1][1] is not functions[0][1]
    assert new.co_code == plain.co_code


def test_code_without_columns() -> None:
    """Without columns the lookups are the same, but for an augmented assignment, which cannot be told apart."""
    text = "def f():\n from m import y\n y += 1\n return [y\n for x in y\n for y in x]"
    plain = _without_columns(compile(text, "file.py", "exec"))
    rewritten = rewrite(plain, ALL)
    assert not rewritten.reason
    assert [(one.line, one.name) for one in late_reads(rewritten.code)] == [(3, "y"), (5, "y")]


def _without_columns(code: CodeType) -> CodeType:
    table = bytearray()
    shown = code.co_firstlineno
    for start, end, line in code.co_lines():
        for at in range(start, end, 2):
            step = 0 if line is None else line - shown
            shown += step
            table += bytes([0x80 | (15 if line is None else 13) << 3]) + (b"" if line is None else _signed(step))
            assert at < end
    constants = [_without_columns(one) if isinstance(one, CodeType) else one for one in code.co_consts]
    return code.replace(co_linetable=bytes(table), co_consts=tuple(constants))


def _signed(step: int) -> bytes:
    assert -31 < step < 31
    return bytes([-step << 1 | 1 if step < 0 else step << 1])

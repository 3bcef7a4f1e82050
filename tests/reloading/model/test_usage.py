"""What statements read, bind and update when they are executed."""

from __future__ import annotations

import ast

import pytest

from dyntransform.cpython.features import DEFERRED_ANNOTATIONS
from dyntransform.reloading.model.usage import usage


def used(text: str):
    """The usage of one statement."""
    (node,) = ast.parse(text).body
    return usage(node)


@pytest.mark.parametrize(
    ("text", "reads", "binds"),
    [
        ("a = b + c", "b c", "a"),
        ("a = a + 1", "a", "a"),
        ("a += b", "a b", ""),
        ("a.x = b", "a b", ""),
        ("del a", "", "a"),
        ("import a.b", "", "a"),
        ("from a import b as c", "", "c"),
        ("@d(1)\ndef f(x=v, *, y=w): return z", "d v w", "f"),
        ("f = lambda x=a: b + x", "a", "f"),
        ("f = (lambda x: b + x)(a)", "a b", "f"),
        ("f = sorted(a, key=lambda x: x - b)", "sorted a b", "f"),
        ("r = register(lambda: b)", "register", "r"),
        ("class C(B, metaclass=M):\n    x = a\n    y = x\n    def f(self): return z", "B M a", "C"),
        ("r = [x + a for x in b if c]", "a b c", "r"),
        ("r = sum(x * a for x in b)", "sum a b", "r"),
        ("if a:\n    b = c\n    d = b", "a c", "b d"),
        ("if a:\n    b = 1\nelse:\n    d = b", "a b", "b d"),
        ("for i in a:\n    b = i", "a", "i b"),
        ("for i in a:\n    b = i\nelse:\n    d = i", "a i", "i b d"),
        ("while a:\n    b = c", "a c", "b"),
        ("try:\n    a = b\nexcept E as e:\n    a = e", "b E", "a e"),
        ("with a as b:\n    c = b", "a", "b c"),
        ("match a:\n    case [b, *c] if d:\n        e = b", "a d", "b c e"),
        ("print(a)", "print a", ""),
        ("r = (a := b) + a", "b", "r a"),
        ("r = f'{a!r:{b}}'", "a b", "r"),
    ],
)
def test_reads_and_binds(text, reads, binds):
    """Names that are evaluated when the statement runs, and names it gives a value."""
    found = used(text)
    assert (found.reads, found.binds) == (set(reads.split()), set(binds.split()))


@pytest.mark.parametrize(
    ("text", "names", "annotations", "asked"),
    [
        ("a: b = c", "c", "b", ""),
        ("a: b", "", "b", ""),
        ("if a:\n    b: c.d", "a", "c", ""),
        ("@d(1)\ndef f(x: t = v) -> r: return z", "d v", "t r", "t r"),
        ("def f(x: t, *y: u, z: v.w): pass", "", "t u v", ""),
        ("class C(B):\n    x: t = a\n    y: x\n    def f(self, x: u): pass", "B a", "t u", "t"),
        ("class C:\n    x: t.u = a\n    @d\n    def f(self, x: v): pass", "a d", "t v", "t t.u v"),
    ],
)
def test_annotations(text, names, annotations, asked):
    """Annotations are read with the statement, from Python 3.14 on when they are asked for; what it calls may ask."""
    found = used(text)
    if not DEFERRED_ANNOTATIONS:
        assert (found.reads, found.annotations) == ({*names.split(), *annotations.split()}, set())
        return
    assert found.reads == set(names.split())
    assert {".".join(chain) for chain in found.annotations} == set(asked.split())


@pytest.mark.parametrize(
    ("text", "mutates", "self_dependent"),
    [
        ("n += 1", "n", "n"),
        ("n = n + 1", "", "n"),
        ("reg.append(a)", "reg", ""),
        ("reg.sub.add(a)", "reg", ""),
        ("table[k] = v", "table", ""),
        ("del table[k]", "table", ""),
        ("for i in a:\n    n += i", "n", "n"),
        ("if a:\n    n = 0\n    n += 1", "", ""),
        ("for i in a:\n    pass", "", ""),
        ("r = reg.pop()", "", ""),
    ],
)
def test_mutates(text, mutates, self_dependent):
    """Names whose object is changed, and names whose value is made from the one they had."""
    found = used(text)
    assert (found.mutates, found.self_dependent) == (set(mutates.split()), set(self_dependent.split()))


def test_chains():
    """Attributes are followed as far as they are written."""
    assert used("x = a.b.c + d.e").attributes == {("a", "b", "c"), ("a", "b"), ("d", "e")}


def test_calls():
    """Calls, imports and decorators may have effects; definitions and plain expressions have none."""
    assert [used(text).calls for text in ("a = f()", "import a", "@d\ndef f(): pass", "a = b", "def f(): g()")] == [
        True,
        True,
        True,
        False,
        False,
    ]

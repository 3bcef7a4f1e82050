"""The pieces of a file that have marks."""

from __future__ import annotations

import ast

import pytest

from dyntransform.transform.decide import Options, decide
from dyntransform.transform.pieces import Edit, Piece, Text, cut, depth, splice


def pieces(text: str) -> list[Piece]:
    """Cut a text."""
    tree = ast.parse(text)
    return cut(Text(text), tree, decide(text, "file.py", tree, Options()))


def in_function(body: str) -> list[str]:
    """Return the texts of the pieces in a function that imports `y`."""
    return [piece.text for piece in pieces(f"def f():\n from m import y\n {body}\n")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1; from m import y  # c\n", ["from m import y"]),
        ("from m import (\n y,  # c\n z)\n", ["from m import (\n y,  # c\n z)"]),
        ("from m import *\nimport m\n", []),
        ("class A: x = 1\n", ["class A: pass"]),
        ("class A (  # a: b\n object,) : x: int\n", ["class A (  # a: b\n object,) : pass"]),
        ("class A(B): pass\n", []),
        ("é = 'ü'; from m import é\r\nclass ß:\r\n  pass", ["from m import é", "class ß: pass"]),
    ],
)
def test_statements(text: str, expected: list[str]) -> None:
    """Of an import, all of it; of a class, the header."""
    assert [piece.text for piece in pieces(text)] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return 1 + g(y, [y])", ["(1 + g(_dyn_read0_, [_dyn_read1_]))"]),
        ("a = b = 'é', f'{y=}'", ["('é', f'{_dyn_read0_=}')"]),
        ("if a: b\n elif y: c", ["(_dyn_read0_)"]),
        ("for a[y] in b: pass", ["(a[_dyn_read0_])"]),
        ("with a, b(y) as c: pass", ["(b(_dyn_read0_))"]),
        ("@y\n def g(a: int = y): pass", ["(_dyn_read0_)", "(_dyn_read0_)"]),
        ("class B(*y, k=y): pass", ["(_dyn_read0_)", "(_dyn_read0_)"]),
        ("match a:\n  case b if y: pass", ["(_dyn_read0_)"]),
        ("try: pass\n except (a, y) : pass", ["((a, _dyn_read0_))"]),
        ("return (  # c\n  y)", ["(_dyn_read0_)"]),
        ("return g(\n  y,  # c\n)", ["(g(\n  _dyn_read0_,  # c\n))"]),
        ("return y, '_dyn_read'", ["(__dyn_read0_, '_dyn_read')"]),
        ("from m import y as object\n class A(object): pass", ["(_dyn_read0_)"]),
    ],
)
def test_expressions(body: str, expected: list[str]) -> None:
    """The largest expression that holds marked names, in parentheses; a word that is nowhere else stands for each."""
    assert in_function(body) == expected


def test_places() -> None:
    """A piece knows where it stands, in bytes, and puts back what it was rewritten to."""
    text = "é = 1\r\rclass A: pass\n"
    (piece,) = pieces(text)
    assert splice(Text(text), [piece.edit("class A(B): pass")]) == "é = 1\r\rclass A(B): pass\n"


def test_edits_at_one_place() -> None:
    """Edits are made in the order of the file, and in their own order where they meet."""
    edits = [Edit(2, 3, "z"), Edit(0, 0, "x"), Edit(0, 1, "y")]
    assert splice(Text("abc"), edits) == "xybz"


def test_depth() -> None:
    """What libcst does not see does not count."""
    deep = "-" * 50 + "1"
    assert depth(pieces(f"x = {deep}\nclass A:\n  y = {deep}\nfrom m import y\n")) == 2
    assert depth(pieces(f"def f():\n from m import y\n return [{deep}, y]\n")) > 50

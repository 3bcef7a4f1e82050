"""The proof that rewritten text is the original program."""

from __future__ import annotations

import ast

import pytest

from dyntransform.transform.check import difference
from dyntransform.transform.decide import Options, decide
from dyntransform.transform.text import rewrite

SOURCE = """\
from m import a, b
class A:
    pass
class B(object):
    from n import c
def f(x):
    from m import y as z
    return f"{z}", z, [z + 1
                       for _ in x], "m"
"""


def told(text: str, source: str = SOURCE) -> str:
    """Compare a text with a source."""
    tree = ast.parse(source)
    return difference(tree, text, decide(source, "file.py", tree, Options()))


@pytest.fixture(scope="module")
def good() -> str:
    """The text as it should be."""
    return rewrite(SOURCE, "file.py", Options()).text


def test_equal(good: str) -> None:
    """Nothing differs in what `rewrite` returns."""
    assert told(good) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('_dyn_lookup("m", "y", z), [', '_dyn_lookup("m", "y", x), ['),
        ('_dyn_lookup("m", "y", z), [', '_dyn_lookup("m", "z", z), ['),
        ('_dyn_lookup("m", "y", z), [', '_dyn_lookup("n", "y", z), ['),
        ('_dyn_lookup("m", "y", z), [', '_dyn_lookup("m", "y", z, "n", "y"), ['),
        ('_dyn_lookup("m", "y", z), [', '_dyn_lookup("m", "y", z)(), ['),
        ('_dyn_lookup("m", "y", z), [', '_other("m", "y", z), ['),
        ('_dyn_lookup("m", "y", z), [', "x, ["),
        ('"m"\n', "'n'\n"),
        ('"m"\n', 'b"m"\n'),
        ('"m"\n', '_dyn_lookup("m", "y", z)\n'),
        ("for _ in x", 'for _ in _dyn_lookup("m", "y", x)'),
        ('; b = _dyn_lookup("m", "b", b)', ""),
        ('; b = _dyn_lookup("m", "b", b)', '; b = _dyn_lookup("m", "a", b)'),
        ('; b = _dyn_lookup("m", "b", b)', '; b = _dyn_lookup("m", "b", a)'),
        ('; b = _dyn_lookup("m", "b", b)', '; b: int = _dyn_lookup("m", "b", b)'),
        ('; b = _dyn_lookup("m", "b", b)', '; b = _dyn_lookup("m", "b", b); b = 1'),
        ('; c = _dyn_lookup("n", "c", c)', "; c"),
        ("class A(DynamicClass)", "class A"),
        ("class A(DynamicClass)", "class A(object)"),
        ("class A(DynamicClass)", "class A(DynamicClass, object)"),
        ("class A(DynamicClass)", "class A(DynamicClass, metaclass=type)"),
        ("class B(DynamicClass)", "class B(B)"),
        ("    pass\n", "    pass; pass\n"),
        ("    pass\n", "    pass\n\n"),
        ("    pass\n", ""),
        (") + 1\n", ") +\\\n 1"),
        ("def f(x):", "def f(x, /):"),
        ("def f(x):", "def f(x=1):"),
        ("def f(x):", "def f(*x):"),
        ("def f(x):", "def f(DynamicClass):"),
        ("def f(x):", "async def f(x):"),
        ("def f(x):", "def f(x)"),
        ("DynamicClass, _dyn_lookup;", "DynamicClass as x, _dyn_lookup;"),
        ("DynamicClass, _dyn_lookup;", "DynamicClass, _dyn_lookup; import os;"),
    ],
)
def test_differences(good: str, old: str, new: str) -> None:
    """Anything else at the marks, and anything anywhere else, is a difference; it is told with its line."""
    assert old in good
    assert told(good.replace(old, new, 1)).startswith("line ")


def test_name_taken() -> None:
    """A header whose name the program uses itself is a difference."""
    source = "x = 1\nclass A: pass\nclass B(DynamicClass): pass\n"
    text = f"from dyntransform.runtime import DynamicClass; {source.replace('class A', 'class A(DynamicClass)')}"
    assert told(text, source) == "line 3: the program itself uses the name DynamicClass"


def test_plain_name_in_place_of_a_lookup(good: str) -> None:
    """A read may stay plain, as it does in f-strings before Python 3.12."""
    assert told(good.replace("_dyn_lookup('m', 'y', z)", "z")) == ""

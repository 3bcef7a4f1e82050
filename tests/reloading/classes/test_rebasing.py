"""Bases that are assigned."""

import pytest

CLASSES = """
seen = []
class Base:
    def f(self): return 'base'
class Other:
    def f(self): return 'other'
class C{}:
    seen.append(1)
"""


@pytest.mark.parametrize(
    ("old", "new"), [("", "(Base)"), ("(Base)", ""), ("(Base)", "(Other)"), ("(Base, Other)", "(Other, Base)")]
)
def test_in_place(project, old, new):
    """The class and its instances stay, and the body is not executed."""
    m = project.load("m", CLASSES.format(old))
    cls, one = m.C, m.C()
    project.edit(m=CLASSES.format(new))
    assert m.C is cls
    assert type(one) is cls
    expected = {"": None, "(Base)": "base", "(Other)": "other", "(Other, Base)": "other"}[new]
    assert (one.f() if hasattr(one, "f") else None) == expected
    assert m.seen == [1]

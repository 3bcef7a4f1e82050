"""Which statements of a class body run, and which members they touch."""

import pytest
from reloading.two_texts import class_

from dyntransform.reloading.planning.class_plan import plan_body

NONE: frozenset = frozenset()


def names(old: str, new: str, stale: frozenset[str] = NONE) -> list[str]:
    """Return the names of the statements of the body that run."""
    return [pair.new.name for pair in plan_body(class_(old, new), stale, NONE).runs]


@pytest.mark.parametrize(
    ("old", "new", "run"),
    [
        (" x = 1\n y = 2", " x = 1\n y = 3", ["y"]),
        (" x = 1\n y = x", " x = 2\n y = x", ["x", "y"]),
        (" x = 1\n def f(self): return 1", " x = 1\n def f(self): return 2", []),
        (" x = 1", " x = 1\n z = 0", ["z"]),
        (" x = []\n x.append(1)", " x = []\n x.append(2)", ["x"]),
        (" x = 1\n x += 1", " x = 1\n x += 2", ["x", "x"]),
        (" @d\n def f(self): pass", " @e\n def f(self): pass", ["f"]),
    ],
)
def test_runs(old: str, new: str, run: list[str]) -> None:
    """What is new or edited, what reads it, and what goes together with it; methods change with their code alone."""
    assert names(f"class C:\n{old}", f"class C:\n{new}") == run


def test_stale_names() -> None:
    """A member that reads a name whose value changed runs again."""
    text = "class C:\n x = LIMIT\n y = 1"
    assert names(text, text, frozenset(["LIMIT"])) == ["x"]
    assert names(text, text) == []


def test_members() -> None:
    """Private names are those that the class has."""
    plan = plan_body(class_("class C:\n __a = 1\n b = 1", "class C:\n __a = 2"), NONE, NONE)
    assert plan.touched == {"_C__a", "b"}
    assert plan.removed == {"b"}
    assert plan.values
    assert plan.changed

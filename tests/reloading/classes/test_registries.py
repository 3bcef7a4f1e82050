"""A class that is made again stands in registries once, under its new name."""

from __future__ import annotations

import pytest

from dyntransform.reloading.classes.registries import Registries

LISTED = []
NAMED = {}
KNOWN = set()
PAIRS = []


def hook(cls, name):
    """Register a class in every way."""
    LISTED.append(cls)
    NAMED[name] = cls
    KNOWN.add(cls)
    PAIRS.append((name, cls))
    LISTED.append(cls.__name__)


@pytest.fixture(autouse=True)
def _empty():
    for registry in (LISTED, NAMED, KNOWN, PAIRS):
        registry.clear()


def make(name="A"):
    """Make a class."""
    return type(name, (), {})


def test_settled_under_the_same_name():
    """The twin leaves no entry beside those of the class."""
    cls, twin = make(), make()
    hook(cls, "a")
    registries = Registries([hook], [])
    hook(twin, "a")
    registries.settle(twin, cls)
    assert ([cls, "A"], {"a": cls}, {cls}, [("a", cls)]) == (LISTED, NAMED, KNOWN, PAIRS)


def test_settled_under_another_name():
    """The entry of before gives way, in its place."""
    cls, other, twin = make(), make("B"), make()
    hook(cls, "a")
    hook(other, "b")
    registries = Registries([hook], [])
    hook(twin, "new")
    registries.settle(twin, cls)
    assert list(NAMED.items()) == [("new", cls), ("b", other)]
    assert [("new", cls), ("b", other)] == PAIRS


def test_first_registration():
    """A class that was not registered before is now."""
    cls, twin = make(), make()
    registries = Registries([hook], [])
    hook(twin, "a")
    registries.settle(twin, cls)
    assert ([cls, "A"], {"a": cls}, {cls}) == (LISTED, NAMED, KNOWN)


def test_restored():
    """A failed edit leaves registries as they were, in their order."""
    cls, twin = make(), make()
    hook(cls, "a")
    before = list(LISTED), dict(NAMED), set(KNOWN), list(PAIRS)
    registries = Registries([hook], [])
    hook(twin, "b")
    registries.restore()
    assert before == (LISTED, NAMED, KNOWN, PAIRS)


def test_registries_on_classes():
    """Containers of the classes that take part are watched too."""
    base = type("Base", (), {"found": []})
    cls, twin = make(), make()
    base.found.append(cls)
    registries = Registries([], [base])
    base.found.append(twin)
    registries.settle(twin, cls)
    assert base.found == [cls]

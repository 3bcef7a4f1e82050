"""What takes part in the making of a class, and what it looks at, is read from its code."""

from __future__ import annotations

import ast
import dataclasses
import enum
import functools

import pytest

from dyntransform.reloading.classes.making import Creation, stored_attributes

VIEWS = {}


def register(path):
    """Return a decorator that does not look at members."""

    def decorate(cls):
        VIEWS[path] = cls
        cls.path = path
        return cls

    return decorate


def collect(cls):
    """Look at all members."""
    cls.found = [name for name in vars(cls) if name.startswith("do_")]
    return cls


def named(cls):
    """Look at one member."""
    VIEWS[cls.name] = cls
    return cls


class Handing(type):
    """A metaclass that hands the namespace on."""

    def __new__(mcs, name, bases, namespace):
        """Note the name."""
        VIEWS[name] = None
        return super().__new__(mcs, name, bases, namespace)


class Reading(type):
    """A metaclass that reads the namespace."""

    def __new__(mcs, name, bases, namespace):
        """Count the members."""
        namespace["count"] = len(namespace)
        return super().__new__(mcs, name, bases, namespace)


def creation(cls, *decorators):
    """Return what takes part in making a class with these decorators."""
    names = {**globals(), **locals()}
    expressions = [ast.parse(text, mode="eval").body for text in decorators]
    return Creation(cls, expressions, names.get, lambda module: module == __name__)


class Plain:
    """A class."""


def depends(made, touched, *, values=False, annotations=False):
    """Ask for a class without nested ones."""
    return made.depends(frozenset(touched), frozenset(), values=values, annotations=annotations)


@pytest.mark.parametrize(
    ("decorator", "touched", "expected"),
    [
        ("register('/a')", {"method"}, False),
        ("register('/a')", {"path"}, True),
        ("collect", {"method"}, True),
        ("named", {"name"}, True),
        ("named", {"method"}, False),
        ("unknown", {"method"}, False),
    ],
)
def test_decorators_that_look(decorator, touched, expected):
    """A decorator runs again for a member that its code names, or if it goes through them all."""
    assert depends(creation(Plain, decorator), touched) is expected


def test_metaclasses_that_look():
    """A metaclass that only hands the namespace on does not see members."""
    assert not depends(creation(Handing("A", (), {})), {"method"})
    assert depends(creation(Reading("B", (), {})), {"method"})


def test_hooks_of_bases_that_look():
    """__init_subclass__ is one of the parties."""

    class Base:
        def __init_subclass__(cls):
            VIEWS[cls.name] = cls

    class Sub(Base):
        name = "sub"

    assert depends(creation(Sub), {"name"}, values=True)
    assert not depends(creation(Sub), {"other"}, values=True)


def test_kinds_of_the_standard_library():
    """Enums are made again for a value, dataclasses for a field, neither for a method."""
    color = creation(enum.Enum("Color", "RED"))
    assert depends(color, {"BLUE"}, values=True)
    assert not depends(color, {"method"})
    globals()["dataclass"] = dataclasses.dataclass
    data = creation(dataclasses.make_dataclass("Data", ["a"]), "dataclass")
    assert depends(data, {"b"}, values=True, annotations=True)
    assert depends(data, {"__repr__"})
    assert not depends(data, {"method"})
    globals()["total_ordering"] = functools.total_ordering
    assert depends(creation(Plain, "total_ordering"), {"__lt__"})


def test_slots_are_layout():
    """Another __slots__ makes any class anew."""
    assert depends(creation(Plain), {"__slots__"}, values=True)


def test_stored_attributes():
    """What a decorator puts on a class is told from its code, inner functions included."""
    assert "path" in set(stored_attributes(register))

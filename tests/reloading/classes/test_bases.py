"""Which bases a live class can have."""

import sys
import typing

import pytest

from dyntransform.reloading.classes.bases import possible_bases
from dyntransform.runtime import DynamicClass

T = typing.TypeVar("T")
OBJECT_IS_A_BASE = sys.version_info >= (3, 15)
"""Whether CPython lets `object` come and go as the only base."""


class Mixin(DynamicClass):
    """A class with the layout of the base."""


class Apart:
    """A class of somebody else."""


def plain() -> type:
    """Return a class that has the base."""
    return type("Plain", (DynamicClass,), {})


@pytest.mark.parametrize(
    ("wanted", "possible"),
    [
        ((DynamicClass,), (DynamicClass,)),
        ((Mixin,), (Mixin,)),
        ((Apart,), (Apart,)),
        ((Mixin, Apart), (Mixin, Apart)),
        ((object,), (object,) if OBJECT_IS_A_BASE else (DynamicClass,)),
        ((typing.Generic,), (DynamicClass, typing.Generic)),
        ((Exception,), None),
        ((int,), None),
    ],
)
def test_possible_bases(wanted: tuple[type, ...], possible: tuple[type, ...] | None) -> None:
    """Those of a new process if CPython allows them, else with ours first or without it; nothing is changed."""
    cls = plain()
    assert possible_bases(cls, wanted) == possible
    assert cls.__bases__ == (DynamicClass,)


def test_a_class_without_ours_keeps_its_bases() -> None:
    """A class that was made before the hook came has none of ours, and needs none."""
    cls = type("Early", (), {})
    assert possible_bases(cls, (DynamicClass,)) == ((DynamicClass,) if OBJECT_IS_A_BASE else (object,))


def test_orders_below_are_compared() -> None:
    """Ours is not put first where a class below would have another order then, or none."""
    cls = plain()

    class Other(typing.Generic[T], Mixin):  # noqa: PYI059 - an order that is rare
        pass

    below = type("Below", (cls, Other), {})
    assert possible_bases(cls, (typing.Generic,)) is None
    assert below.__mro__ == (below, cls, Other, typing.Generic, Mixin, DynamicClass, object)

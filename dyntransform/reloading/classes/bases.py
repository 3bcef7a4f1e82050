"""Which bases a live class can have, so that it is what its statement says.

A base changes in place by one assignment of ``__bases__``. CPython takes it if the layouts go together, which depends
on the first base: `DynamicClass` has what plain instances have, so it may stand first, or be left out, where the
statement says otherwise. Nobody else sees it if the method resolution orders without it are those of a new process.
"""

from __future__ import annotations

import collections
import functools
import operator
from collections.abc import Iterator, Sequence
from typing import Any

from dyntransform.reloading.live.derived import with_subclasses
from dyntransform.runtime.dynamic_class import DynamicClass

__all__ = ["can_be_set", "possible_bases"]

_Bases = tuple[type, ...]


def possible_bases(cls: type, wanted: _Bases) -> _Bases | None:
    """Return the bases to give to a class; None if CPython allows none that come to the same.

    Args:
        cls: the class.
        wanted: the bases that it would have in a new process.
    """
    if wanted == cls.__bases__:
        return wanted
    for bases in _candidates(cls, wanted):
        if bases == cls.__bases__ or can_be_set(cls, "__bases__", cls.__bases__, bases):
            return bases
    return None


def _candidates(cls: type, wanted: _Bases) -> Iterator[_Bases]:
    yield wanted
    others = tuple(base for base in wanted if base not in (DynamicClass, object))
    for bases in ((DynamicClass, *others), others or (object,)):
        if bases != wanted and _same_orders(cls, bases, wanted):
            yield bases


def can_be_set(cls: type, name: str, old: Any, new: Any) -> bool:
    """Whether CPython allows to set an attribute of a class: try it, and go back at once; no other thread sees it."""
    there = functools.partial(type.__setattr__, cls, name, new)
    back = functools.partial(type.__setattr__, cls, name, old)
    try:
        collections.deque(map(operator.call, (there, back)), 0)
    except TypeError:
        return False
    return True


# ------------------------------------------------------------------ method resolution orders


def _same_orders(cls: type, bases: _Bases, wanted: _Bases) -> bool:
    """Whether the class and all below it look for attributes in the same order with either bases."""
    given, asked = _Orders(cls, bases), _Orders(cls, wanted)
    try:
        return all(_without_ours(given.of(each)) == _without_ours(asked.of(each)) for each in with_subclasses(cls))
    except ValueError:
        return False


def _without_ours(order: Sequence[type]) -> list[type]:
    return [each for each in order if each is not DynamicClass]


class _Orders:
    """The method resolution orders of a class with other bases, and of those below it (C3, as `type.mro`)."""

    def __init__(self, cls: type, bases: _Bases) -> None:
        self._bases = {cls: bases}
        self._known: dict[type, list[type]] = {}
        self._below = set(with_subclasses(cls))

    def of(self, cls: type) -> list[type]:
        """Return the order of a class.

        Raises:
            ValueError: there is none.
        """
        if cls not in self._below:
            return list(cls.__mro__)
        if cls not in self._known:
            bases = self._bases.get(cls, cls.__bases__)
            self._known[cls] = [cls, *_merged([*map(self.of, bases), list(bases)])]
        return self._known[cls]


def _merged(orders: list[list[type]]) -> Iterator[type]:
    rest = [order for order in orders if order]
    while rest:
        tails = {each for order in rest for each in order[1:]}
        head = next((order[0] for order in rest if order[0] not in tails), None)
        if head is None:
            raise ValueError("no consistent order")
        yield head
        rest = [shorter for order in rest if (shorter := order[order[0] is head :])]

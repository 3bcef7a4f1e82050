"""Let whatever refers to one object refer to another: names, containers, closures, partials, weak references, frames.

Used where CPython cannot keep an object (a class or an instance whose layout changes). Tuples and other immutable
holders are made anew, and their own holders follow. What C code holds by itself cannot be reached.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from dyntransform.cpython.references import references
from dyntransform.reloading.live import heap
from dyntransform.reloading.live.frames import function_frames, replace_in_frame
from dyntransform.reloading.live.holders import replace_in
from dyntransform.reloading.live.swaps import Changes, Swaps

__all__ = ["replace_references", "replaceable"]

_ROUNDS = 8
"""Tuples in tuples are made anew from the inside; deeper nesting keeps the old object."""


class _NoChanges:
    def do(self, operation: Callable[[], Any], undo: Callable[[], Any]) -> None:
        """Drop it."""

    def set_attribute(self, target: Any, name: str, value: Any) -> None:
        """Drop it."""

    def own(self) -> set[int]:
        """Return an empty set."""
        return set()


def replaceable(swaps: Swaps) -> list[bool]:
    """Tell for each old object, in their order, whether every reference to it can be replaced."""
    counts = references(swaps.olds)
    replace_references(swaps, _NoChanges())
    return [swaps.found(old) >= count for old, count in zip(swaps.olds, counts, strict=True)]


def replace_references(swaps: Swaps, changes: Changes) -> None:
    """Let everything that refers to the old objects refer to the new ones, local variables of running functions too.

    Args:
        swaps: the objects.
        changes: takes the changes; a transaction must be live.
    """
    mine = swaps.own | changes.own()
    for _ in range(_ROUNDS):
        rebuilt = Swaps()
        mine |= rebuilt.own
        holders = heap.referrers(*swaps.olds)
        for holder, count in zip(holders, references(holders), strict=True):
            if count and id(holder) not in mine:  # nothing else holds the arguments of the search itself
                replace_in(holder, swaps, rebuilt, changes)
        for frame in function_frames():
            replace_in_frame(frame, swaps, changes)
        for old in swaps.olds:
            for reference in _weak_references(old):
                rebuilt.add(reference, _like(reference, swaps.of(old)))
        if not rebuilt:
            return
        swaps = rebuilt


def _weak_references(old: Any) -> list[weakref.ref[Any]]:
    """Return the weak references to an object: those of WeakSet, WeakKeyDictionary, the registry of an ABC, ..."""
    try:
        return [one for one in weakref.getweakrefs(old) if isinstance(one, weakref.ref)]
    except TypeError:
        return []


def _like(reference: weakref.ref[Any], target: Any) -> weakref.ref[Any]:
    if isinstance(reference, weakref.KeyedRef):
        return weakref.KeyedRef(target, reference.__callback__, reference.key)
    return weakref.ref(target, reference.__callback__)

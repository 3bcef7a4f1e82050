"""Find live objects: the functions that run some code, what holds an object, and the frames that are active.

Holders that the module's own namespace names are found there. Only when reference counts show more holders is the heap
searched, once for all that is wanted.
"""

from __future__ import annotations

import collections
import functools
import gc
import operator
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from inspect import CO_OPTIMIZED  # not set for class bodies, which no function runs
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, FunctionType, GeneratorType
from typing import Any

from dyntransform.cpython.references import references
from dyntransform.reloading.live.wrappers import WRAPPERS
from dyntransform.runtime import FROZEN_AT_START

__all__ = [
    "FRAME_OF",
    "FUNCTION_REFERENCES",
    "active_frames",
    "functions_named_in",
    "holders_of_any",
    "instances",
    "live_functions",
    "objects",
    "referrers",
    "suspended",
    "wrappers",
]

_FEW = 24
"""Up to so many objects, one search each costs less than a pass over the heap (measured, docs/design.md)."""

_CODE_REFERENCES = 2
"""References to a wanted code object by what the engine knows of it: a patch, and a node."""

FUNCTION_REFERENCES = 1
"""References to a function by what the engine knows of it: a list of the caller's."""


def live_functions(
    wanted: Sequence[CodeType], namespaces: Iterable[dict[str, Any]], alive: Iterable[CodeType]
) -> dict[int, list[FunctionType]]:
    """Return the functions that run the given code.

    Args:
        wanted: code objects.
        namespaces: where to look first.
        alive: code objects that are kept, and may have wanted ones among their constants.

    Returns:
        Functions by id of their code object.
    """
    found: dict[int, dict[int, FunctionType]] = {id(code): {} for code in wanted}
    for function in functions_named_in(namespaces):
        known = found.get(id(function.__code__))
        if known is not None:
            known[id(function)] = function
    constants = _constants(alive)
    missing = []
    for code, count in zip(wanted, references(wanted), strict=True):
        named = len(found[id(code)]) + constants[id(code)]
        if code.co_flags & CO_OPTIMIZED and count > named + _CODE_REFERENCES:
            missing.append(code)
    for function in _search(missing):
        found[id(function.__code__)][id(function)] = function
    return {code: list(functions.values()) for code, functions in found.items()}


def _constants(codes: Iterable[CodeType]) -> collections.Counter[int]:
    """Count how many tuples of constants hold each code object, in the trees of `codes`."""
    counts: collections.Counter[int] = collections.Counter()
    pending = list(codes)
    seen = set()
    while pending:
        constants = pending.pop().co_consts
        if id(constants) not in seen:  # copies of a code object share them
            seen.add(id(constants))
            inner = [constant for constant in constants if type(constant) is CodeType]
            counts.update(map(id, inner))
            pending += inner
    return counts


def _search(codes: list[CodeType]) -> Iterator[FunctionType]:
    if not codes:
        return
    ids = {id(code) for code in codes}
    candidates = referrers(*codes) if len(codes) <= _FEW else objects()
    for candidate in candidates:
        if type(candidate) is FunctionType and id(candidate.__code__) in ids:
            yield candidate


def referrers(*objects: object) -> list[Any]:
    """Return what refers to the objects, frozen objects included."""
    _thaw()
    return gc.get_referrers(*objects)


def forwarders(target: object) -> list[FunctionType]:
    """Return the functions whose code passes every call on to an object; see `functions.forwarding_code`."""
    attributes = [one for one in referrers(target) if type(one) is dict and one.get("__wrapped__") is target]
    holders = referrers(*attributes) if attributes else []
    return [
        one
        for one in holders
        if type(one) is FunctionType and any(constant is target for constant in one.__code__.co_consts)
    ]


def objects() -> list[Any]:
    """Return all objects that the garbage collector tracks, frozen ones included."""
    _thaw()
    return gc.get_objects()


def _thaw() -> None:
    """Bring objects that the program froze back: gc shows no frozen ones, and cannot freeze the same ones again."""
    if gc.get_freeze_count() > FROZEN_AT_START:
        gc.unfreeze()


def functions_named_in(namespaces: Iterable[dict[str, Any]]) -> Iterator[FunctionType]:
    """Yield the functions that names of modules lead to, through their classes and the usual wrappers.

    A function comes once for each reference on the way.
    """
    seen: set[int] = set()
    for namespace in namespaces:
        module = namespace.get("__name__")
        pending = list(namespace.values())
        while pending:
            value = pending.pop()
            kind = type(value)
            if kind is FunctionType:
                yield value
                if not value.__dict__ or id(value) in seen:
                    continue
                inner: Iterable[Any] = (value.__dict__.get("__wrapped__"),)
            elif id(value) in seen:
                continue
            elif kind in WRAPPERS:
                inner = WRAPPERS[kind](value)
            elif isinstance(value, type) and value.__module__ == module:
                inner = vars(value).values()
            else:
                continue
            seen.add(id(value))
            pending.extend(inner)


def holders_of_any(functions: list[FunctionType]) -> list[Any]:
    """Return what may hold one of several functions: all objects, if these are many."""
    if not functions:
        return []
    return referrers(*functions) if len(functions) <= _FEW else objects()


def wrappers(function: FunctionType) -> list[Any]:
    """Return the functions that `functools.wraps` made look like `function`, those around them, and properties."""
    found: list[Any] = []
    pending = [function]
    while pending:
        inner = pending.pop()
        holders = referrers(inner)
        found += [holder for holder in holders if isinstance(holder, (property, functools.cached_property))]
        namespaces = [holder for holder in holders if type(holder) is dict and holder.get("__wrapped__") is inner]
        ids = {id(namespace) for namespace in namespaces}
        for holder in referrers(*namespaces) if namespaces else ():
            if type(holder) is FunctionType and id(holder.__dict__) in ids:
                found.append(holder)
                pending.append(holder)
    return found


def instances(cls: type) -> list[Any]:
    """Return the live objects whose class is exactly `cls`."""
    return [candidate for candidate in referrers(cls) if type(candidate) is cls]


def active_frames() -> list[FrameType]:
    """Return the frames of all threads, innermost first, without those of the engine itself.

    A variable that holds the frame of its own function, or of a caller, would keep all that these hold until the next
    garbage collection, and the code objects of the edit would seem to have unknown holders.
    """
    frames = []
    pending: list[FrameType | None] = list(sys._current_frames().values())
    while pending:
        frame = pending.pop()
        if frame is None:
            continue
        pending.append(frame.f_back)
        if not str(frame.f_globals.get("__name__")).startswith(_ENGINE):
            frames.append(frame)
        frame = None
    return frames


_ENGINE = __package__.removesuffix("live")
"""Begins the names of the engine's modules."""


def suspended(codes: Sequence[CodeType]) -> Iterator[CodeType]:
    """Yield those of the code objects that a generator or coroutine is in the middle of."""
    ids = {id(code) for code in codes}
    for holder in referrers(*codes) if codes else ():
        frame_of = FRAME_OF.get(type(holder))
        frame = frame_of(holder) if frame_of is not None else None
        if frame is not None and id(frame.f_code) in ids:
            yield frame.f_code


FRAME_OF: dict[type, Callable[[Any], FrameType | None]] = {
    GeneratorType: operator.attrgetter("gi_frame"),
    CoroutineType: operator.attrgetter("cr_frame"),
    AsyncGeneratorType: operator.attrgetter("ag_frame"),
}
"""How to get at the frame of what can be suspended."""

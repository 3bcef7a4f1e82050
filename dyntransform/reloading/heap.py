"""Find live objects: the functions that run some code, what holds an object, and the frames that are active.

Holders that the module's own namespace names are found there. Only when reference counts show more holders is the heap
searched, once for all that is wanted.
"""

from __future__ import annotations

import functools
import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType, FrameType, FunctionType, GeneratorType
from typing import Any

from dyntransform.runtime import FROZEN_AT_START

__all__ = [
    "active_frames",
    "instances",
    "live_functions",
    "objects",
    "referrers",
    "result_caches",
    "suspended",
    "wrappers",
]

_FEW = 24
"""Up to so many objects, one search each costs less than a pass over the heap (measured, docs/design.md)."""

_UNNAMED = 3
"""References to a code object of ours while it is counted: the node, the loop variable, the call's argument."""


def live_functions(
    wanted: Sequence[tuple[CodeType, bool]], namespaces: Iterable[dict[str, Any]]
) -> dict[int, list[FunctionType]]:
    """Return the functions that run the given code.

    Args:
        wanted: code objects, and whether another code object holds each among its constants.
        namespaces: where to look first.

    Returns:
        Functions by id of their code object.
    """
    found: dict[int, dict[int, FunctionType]] = {id(code): {} for code, _ in wanted}
    for namespace in namespaces:
        for function in _functions_in(namespace):
            known = found.get(id(function.__code__))
            if known is not None:
                known[id(function)] = function
    missing = [code for code, inner in wanted if sys.getrefcount(code) > _expected(len(found[id(code)]), inner)]
    for function in _search(missing):
        found[id(function.__code__)][id(function)] = function
    return {code: list(functions.values()) for code, functions in found.items()}


def _expected(functions: int, inner: bool) -> int:  # noqa: FBT001 - a term of the sum
    return functions + inner + _UNNAMED + 1  # the last for the tuple in `wanted`


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


def objects() -> list[Any]:
    """Return all objects that the garbage collector tracks, frozen ones included."""
    _thaw()
    return gc.get_objects()


def _thaw() -> None:
    """Bring objects that the program froze back: gc shows no frozen ones, and cannot freeze the same ones again."""
    if gc.get_freeze_count() > FROZEN_AT_START:
        gc.unfreeze()


def _functions_in(namespace: dict[str, Any]) -> Iterator[FunctionType]:
    """Yield the functions that names of a module lead to, through classes and the usual wrappers."""
    module = namespace.get("__name__")
    pending = list(namespace.values())
    seen: set[int] = set()
    while pending:
        value = pending.pop()
        kind = type(value)
        if kind is FunctionType:
            yield value
            inner = value.__dict__.get("__wrapped__") if value.__dict__ else None
        elif kind in _UNWRAP:
            pending.extend(_UNWRAP[kind](value))
            continue
        elif isinstance(value, type) and value.__module__ == module and id(value) not in seen:
            seen.add(id(value))
            pending.extend(vars(value).values())
            continue
        else:
            continue
        if inner is not None and id(inner) not in seen:
            seen.add(id(inner))
            pending.append(inner)


_UNWRAP: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    staticmethod: lambda method: (method.__func__,),
    classmethod: lambda method: (method.__func__,),
    property: lambda descriptor: (descriptor.fget, descriptor.fset, descriptor.fdel),
    functools.cached_property: lambda descriptor: (descriptor.func,),
    functools.partial: lambda partial: (partial.func,),
    functools._lru_cache_wrapper: lambda wrapper: (wrapper.__wrapped__,),
}


def result_caches(functions: Sequence[FunctionType]) -> list[Any]:
    """Return the `functools.lru_cache` wrappers around the functions, wherever they are held."""
    if not functions:
        return []
    kind = functools._lru_cache_wrapper
    found = {}
    for holder in referrers(*functions):
        if type(holder) is kind:
            found[id(holder)] = holder
    return list(found.values())


def wrappers(function: FunctionType) -> list[FunctionType]:
    """Return the functions that `functools.wraps` made look like `function`, and those around them."""
    found: list[FunctionType] = []
    pending = [function]
    while pending:
        inner = pending.pop()
        namespaces = [
            holder for holder in referrers(inner) if type(holder) is dict and holder.get("__wrapped__") is inner
        ]
        ids = {id(namespace) for namespace in namespaces}
        for holder in referrers(*namespaces) if namespaces else ():
            if type(holder) is FunctionType and id(holder.__dict__) in ids:
                found.append(holder)
                pending.append(holder)
    return found


def instances(cls: type) -> list[Any]:
    """Return the live objects whose class is exactly `cls`."""
    return [candidate for candidate in referrers(cls) if type(candidate) is cls]


def active_frames() -> Iterator[FrameType]:
    """Yield the frames of all threads, innermost first."""
    for frame in sys._current_frames().values():
        current: FrameType | None = frame
        while current is not None:
            yield current
            current = current.f_back


def suspended(codes: Sequence[CodeType]) -> Iterator[Any]:
    """Yield the generators and coroutines that have begun to run the code and are suspended."""
    if not codes:
        return
    for holder in referrers(*codes):
        if isinstance(holder, GeneratorType) or hasattr(holder, "cr_frame") or hasattr(holder, "ag_frame"):
            yield holder

"""What the usual wrappers of functions hold: one table for all who look for functions in objects."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import CellType, FunctionType, MethodType
from typing import Any

__all__ = ["WRAPPERS", "content_of", "functions_in", "held_by"]

WRAPPERS: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    staticmethod: lambda method: (method.__func__,),
    classmethod: lambda method: (method.__func__,),
    MethodType: lambda method: (method.__func__,),
    property: lambda descriptor: (descriptor.fget, descriptor.fset, descriptor.fdel),
    functools.cached_property: lambda descriptor: (descriptor.func,),
    functools.partial: lambda partial: (partial.func,),
    functools.partialmethod: lambda partial: (partial.func,),
    functools._lru_cache_wrapper: lambda wrapper: (wrapper.__wrapped__,),
}
"""What an object of a type wraps."""


def held_by(value: object) -> tuple[Any, ...]:
    """Return what a wrapper holds, one of a derived type too; nothing if it is none."""
    for kind in type(value).__mro__:
        if kind in WRAPPERS:
            return WRAPPERS[kind](value)
    return ()


def functions_in(value: object) -> Iterator[FunctionType]:
    """Yield the functions that calling or reading a value leads to, through closures and the usual wrappers."""
    pending = [value]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, FunctionType):
            yield current
            pending.extend(map(content_of, current.__closure__ or ()))
            pending.append(current.__dict__.get("__wrapped__"))
            pending.extend(constant for constant in current.__code__.co_consts if isinstance(constant, FunctionType))
        else:
            pending.extend(held_by(current))


def content_of(cell: CellType) -> Any:
    """Return what a cell holds; None if it is empty."""
    try:
        return cell.cell_contents
    except ValueError:
        return None

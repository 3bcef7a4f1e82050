"""Functions that another one replaces: whoever holds the old one is served by the new."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import CellType, FunctionType, MethodType
from typing import Any

from dyntransform.reloading.functions.code import forwarding_code
from dyntransform.reloading.live.transaction import Transaction

__all__ = ["functions_in", "made_from", "succeed"]


def succeed(old: FunctionType, new: Callable[..., Any], transaction: Transaction) -> bool:
    """Have `old` pass every call on to `new`, which its definition makes now.

    Args:
        old: a function that was made by a definition.
        new: what the edited definition makes.
        transaction: takes the changes.

    Returns:
        Whether it does; not if `new` calls `old`, as with a decorator that wraps what its name held before.
    """
    if any(function is old for function in functions_in(new)):
        return False
    like = new.__code__ if isinstance(new, FunctionType) else old.__code__
    transaction.set_attribute(old, "__code__", forwarding_code(old.__code__.co_freevars, like, new))
    transaction.set_attribute(old, "__wrapped__", new)
    doc = getattr(new, "__doc__", None)
    if old.__doc__ is not doc:
        transaction.set_attribute(old, "__doc__", doc)
    return True


def made_from(value: Any, codes: set[int]) -> bool:
    """Whether a value is, or wraps, a function with one of these code objects (by id).

    That tells what a definition made from what was put in its place from outside.
    """
    return any(id(function.__code__) in codes for function in functions_in(value))


def functions_in(value: Any) -> Iterator[FunctionType]:
    """Yield the functions that calling `value` leads to through closures and the usual wrappers."""
    pending = [value]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, FunctionType):
            yield current
            pending.extend(_contents(current.__closure__ or ()))
            pending.append(current.__dict__.get("__wrapped__"))
            pending.extend(constant for constant in current.__code__.co_consts if isinstance(constant, FunctionType))
        elif isinstance(current, (staticmethod, classmethod, MethodType)):
            pending.append(current.__func__)
        elif isinstance(current, functools.partial):
            pending.append(current.func)
        elif isinstance(current, functools._lru_cache_wrapper):
            pending.append(current.__wrapped__)


def _contents(cells: tuple[CellType, ...]) -> Iterator[Any]:
    for cell in cells:
        try:
            yield cell.cell_contents
        except ValueError:  # empty
            continue

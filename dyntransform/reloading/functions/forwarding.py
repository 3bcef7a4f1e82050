"""Functions that another one replaces: whoever holds the old one is served by the new."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from dyntransform.reloading.functions.code import forwarding_code
from dyntransform.reloading.live.transaction import Transaction
from dyntransform.reloading.live.wrappers import functions_in

__all__ = ["made_from", "succeed"]


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

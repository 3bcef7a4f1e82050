"""Compare values without trusting their __eq__, and tell which can run no code of the project."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from dyntransform.cpython.lazy import is_unresolved
from dyntransform.reloading.live.transaction import MISSING

__all__ = ["is_inert", "same_value"]

_SIMPLE = (int, str, float, bool, bytes, complex, type(None), type(Ellipsis))
_FIXED = (tuple, frozenset)
_FROZEN_DICT: type | None = getattr(builtins, "frozendict", None)
"""Since Python 3.15 (PEP 814)."""
_CONTAINERS = (list, dict, set, bytearray, range, slice)


def same_value(one: Any, other: Any) -> bool:
    """Whether the two are the same object, or equal immutable values of the same plain type."""
    if one is other:
        return True
    kind = type(one)
    if one is MISSING or other is MISSING or kind is not type(other):
        return False
    if kind in (float, complex):
        return repr(one) == repr(other)  # 0.0 and -0.0 differ, nan does not
    if kind in _SIMPLE:
        return bool(one == other)
    if kind is tuple:
        return len(one) == len(other) and all(map(same_value, one, other))
    if kind is _FROZEN_DICT:
        return same_value(tuple(one.items()), tuple(other.items()))
    if kind is frozenset and len(one) == len(other):
        return all(type(part) in _SIMPLE for part in (*one, *other)) and one == other
    return False


def is_inert(value: Any, is_project: Callable[[str | None], bool]) -> bool:
    """Whether using the value cannot run code of the project.

    Args:
        value: what a name holds.
        is_project: tells whether the module of that name is project code.
    """
    kind = type(value)
    if kind in _SIMPLE or kind in _CONTAINERS or kind in _FIXED or kind is BuiltinFunctionType:
        return True
    if is_unresolved(value):
        return False
    if isinstance(value, ModuleType):
        return not is_project(value.__name__)
    if isinstance(value, (type, FunctionType)):
        return not is_project(value.__module__)
    return not is_project(kind.__module__) and kind.__module__ in (
        "builtins",
        "typing",
        "types",
        "enum",
        "re",
        "pathlib",
    )

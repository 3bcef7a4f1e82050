"""What a module says about its own reloads: functions called around them, and names that are kept.

A mark on the function is all there is; the engine looks for marked functions in the namespace of the module. A hook
that an edit removes or replaces is therefore gone, or another one, without further ado.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, TypeVar

__all__ = ["AFTER", "BEFORE", "KEPT", "after_reload", "before_reload", "hooks_of", "kept_names"]

AFTER = "after"
BEFORE = "before"
KEPT = "__dyn_keep__"
"""The module variable that lists the names which no edit touches."""

_MARK = "__dyn_hook__"
_Hook = TypeVar("_Hook", bound=Callable[..., Any])


def before_reload(function: _Hook) -> _Hook:
    """Have a module-level function called before an edit of its module is applied.

    Args:
        function: takes a `ReloadEvent`. If it raises, the edit is not applied, and `Report.error` says why.

    Returns:
        The same function.
    """
    return _marked(function, BEFORE)


def after_reload(function: _Hook) -> _Hook:
    """Have a module-level function called after an edit of its module was applied, or undone.

    Args:
        function: takes a `ReloadEvent`, whose report tells whether the edit was applied. What it raises is reported;
            the edit stays.

    Returns:
        The same function.
    """
    return _marked(function, AFTER)


def _marked(function: _Hook, when: str) -> _Hook:
    if not isinstance(function, FunctionType):
        message = f"{when}_reload decorates a function of a module, not {function!r}"
        raise TypeError(message)
    setattr(function, _MARK, (*getattr(function, _MARK, ()), when))
    return function


def hooks_of(namespace: Mapping[str, Any], when: str) -> list[Callable[[Any], object]]:
    """Return the hooks that a module defines itself, in the order of their names' first binding.

    Args:
        namespace: globals of the module.
        when: `BEFORE` or `AFTER`.
    """
    name = namespace.get("__name__")
    functions = {id(value): value for value in list(namespace.values()) if type(value) is FunctionType}
    return [
        function
        for function in functions.values()
        if when in function.__dict__.get(_MARK, ()) and function.__module__ == name
    ]


def kept_names(namespace: Mapping[str, Any]) -> frozenset[str]:
    """Return the names that the module lists in ``__dyn_keep__``; a single string is one name."""
    listed = namespace.get(KEPT)
    if listed is None:
        return _NONE
    if isinstance(listed, str):
        return frozenset([listed])
    return frozenset(name for name in listed if isinstance(name, str))


_NONE: frozenset[str] = frozenset()

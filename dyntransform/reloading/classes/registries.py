"""Containers that the making of a class writes to: plug-in lists, tables by name, the registry of a metaclass.

A class that is made again must not stand there twice, nor under its old name, and a failed edit must leave them as they
were.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from dyntransform.reloading.classes.making import functions_of
from dyntransform.reloading.live.values import same_value
from dyntransform.reloading.live.wrappers import content_of

__all__ = ["Registries"]

_KINDS = (list, dict, set, collections.deque)


class Registries:
    """The containers within reach of some functions, with their content.

    Args:
        functions: what is called when a class is made.
        classes: the classes that take part.
    """

    def __init__(self, functions: Iterable[FunctionType], classes: Iterable[type]) -> None:
        found = {id(each): each for function in functions for each in _reached(function)}
        for cls in classes:
            found.update({id(each): each for each in _containers(cls)})
        self._before = [(each, _content(each)) for each in found.values()]

    def restore(self) -> None:
        """Put back the content of then."""
        for container, content in self._before:
            if not _equal(_content(container), content):
                _fill(container, content)

    def settle(self, twin: type, cls: type) -> None:
        """Let the class stand where its twin was put, once, and in place of where it stood before."""
        for container, before in self._before:
            content = _content(container)
            if _equal(content, before):
                continue
            settled = _settled(content, before, twin, cls)
            if not _equal(content, settled):
                _fill(container, settled)


def _settled(content: list[Any], before: list[Any], twin: type, cls: type) -> list[Any]:
    """Return the entries (pairs, for a dict) that there would be if only the new version had been made."""
    made = [_mapped(entry, twin, cls) for entry in content if _mentions(entry, twin)]
    if len(made) == sum(_mentions(entry, cls) for entry in before):
        fresh = iter(made)
        kept = [next(fresh) if _mentions(entry, cls) else entry for entry in before]
        return kept + [one for one in content if not _mentions(one, twin) and not _listed(one, before)]
    mapped = [_mapped(entry, twin, cls) for entry in content]
    return mapped[: len(before)] + [one for one in mapped[len(before) :] if not _listed(one, before)]


def _mentions(entry: Any, cls: type) -> bool:
    return entry is cls or (type(entry) is tuple and any(_mentions(part, cls) for part in entry))


def _listed(entry: Any, entries: list[Any]) -> bool:
    return any(_same_entry(entry, known) for known in entries)


def _same_entry(one: Any, other: Any) -> bool:
    if type(one) is tuple and type(other) is tuple and len(one) == len(other):
        return all(map(_same_entry, one, other))
    return same_value(one, other)


def _mapped(entry: Any, twin: type, cls: type) -> Any:
    if entry is twin:
        return cls
    if type(entry) is tuple:
        return tuple(_mapped(part, twin, cls) for part in entry)
    return entry


# ------------------------------------------------------------------ which containers


def _reached(function: FunctionType) -> Iterator[Any]:
    for each in functions_of(function):
        for name in _names(each):
            yield from _containers(each.__globals__.get(name))
        for cell in each.__closure__ or ():
            yield from _containers(content_of(cell))


def _names(function: FunctionType) -> set[str]:
    pending = [function.__code__]
    names: set[str] = set()
    while pending:
        code = pending.pop()
        names.update(code.co_names)
        pending += [constant for constant in code.co_consts if isinstance(constant, type(code))]
    return names


def _containers(value: Any) -> Iterator[Any]:
    if isinstance(value, _KINDS):
        yield value
    elif isinstance(value, type):
        if value.__module__ != "builtins":
            yield from (each for each in vars(value).values() if isinstance(each, _KINDS))
    elif not isinstance(value, (ModuleType, FunctionType)):
        yield from (each for each in getattr(value, "__dict__", {}).values() if isinstance(each, _KINDS))


# ------------------------------------------------------------------ their content


def _content(container: Any) -> list[Any]:
    return list(container.items()) if isinstance(container, dict) else list(container)


def _equal(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(map(_same_entry, one, other))


def _fill(container: Any, content: list[Any]) -> None:
    if isinstance(container, list):
        container[:] = content
        return
    container.clear()
    add: Callable[[Any], None] = container.update if isinstance(container, (dict, set)) else container.extend
    add(content)

"""Snapshots of the state of a program, by identity: what a failed edit must leave as it was."""

from __future__ import annotations

import ast
import functools
import gc
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["Snapshot"]

_Parts = dict[str, Any]
_MISSING = object()
ast.dump(ast.Pass())  # in Python 3.15 this imports a module, which the engine's first call shall not do


class Snapshot:
    """Everything reachable from some modules, and what each object is made of.

    Args:
        names: of the modules.
    """

    def __init__(self, names: Sequence[str]) -> None:
        gc.collect()  # the namespace of a class that is gone, as one that got slots is, is emptied with it
        self._names = set(names)
        self._modules = dict(sys.modules)
        self._objects: dict[int, tuple[str, Any, _Parts]] = {}  # holds the objects, so that no id is used again
        for name in names:
            self._take(name, sys.modules[name])

    def _take(self, path: str, value: Any) -> None:
        parts = None if id(value) in self._objects else self._parts(value)
        if parts is None:
            return
        self._objects[id(value)] = (path, value, parts)
        for name, part in parts.items():
            if name != ".__builtins__":
                self._take(path + name, part)

    def _parts(self, value: Any) -> _Parts | None:
        """Return what an object is made of; None if it cannot change, or is none of the program's."""
        if isinstance(value, types.ModuleType):
            return _attributes(vars(value)) if value.__name__ in self._names else None
        if isinstance(value, type):
            return _class_parts(value) if value.__module__ in self._names else None
        for kind, parts in _PARTS:
            if isinstance(value, kind):
                return parts(value)
        if type(value).__module__ in self._names:
            return {**_attributes(_instance_values(value)), ".__class__": type(value)}
        return None

    def differences(self, later: Snapshot) -> list[str]:
        """Say what is not in a later snapshot as it is here."""
        found = _changed("sys.modules", self._modules, later._modules)
        for key, (path, _, parts) in self._objects.items():
            found += _changed(path, parts, later._objects[key][2] if key in later._objects else {})
        return found


def _changed(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [
        f"{path}{name} is not what it was"
        for name in sorted(before.keys() | after.keys())
        if before.get(name, _MISSING) is not after.get(name, _MISSING)
    ]


def _attributes(namespace: Mapping[str, Any]) -> _Parts:
    return {f".{name}": value for name, value in namespace.items()}


def _instance_values(value: Any) -> dict[str, Any]:
    slots = [name for base in type(value).__mro__ for name in vars(base).get("__slots__", ())]
    return {**getattr(value, "__dict__", {}), **{name: getattr(value, name, _MISSING) for name in slots}}


def _items(values: Sequence[Any]) -> _Parts:
    return {f"[{index}]": value for index, value in enumerate(values)}


def _class_parts(cls: type) -> _Parts:
    bases = {f".__bases__{index}": base for index, base in _items(cls.__bases__).items()}
    order = {f".__mro__{index}": base for index, base in _items(cls.__mro__).items()}
    return {**_attributes(vars(cls)), **bases, **order}


def _function_parts(function: types.FunctionType) -> _Parts:
    return {
        **_attributes(vars(function)),
        ".__code__": function.__code__,
        ".__defaults__": function.__defaults__,
        ".__kwdefaults__": function.__kwdefaults__,
        ".__doc__": function.__doc__,
        ".__name__": function.__name__,
        ".__qualname__": function.__qualname__,
        ".__annotations__": function.__annotations__,
        **{f".__closure__{index}": cell for index, cell in _items(function.__closure__ or ()).items()},
    }


def _cell_parts(cell: types.CellType) -> _Parts:
    try:
        return {".cell_contents": cell.cell_contents}
    except ValueError:
        return {}


_PARTS: list[tuple[Any, Callable[[Any], _Parts]]] = [
    (types.FunctionType, _function_parts),
    (types.CellType, _cell_parts),
    (types.MethodType, lambda method: {".__func__": method.__func__, ".__self__": method.__self__}),
    (functools.partial, lambda part: {".func": part.func, ".args": part.args, ".keywords": part.keywords}),
    ((staticmethod, classmethod), lambda member: {".__func__": member.__func__}),
    (property, lambda member: {".fget": member.fget, ".fset": member.fset, ".fdel": member.fdel}),
    ((list, tuple), _items),
    ((dict, types.MappingProxyType), lambda mapping: {f"[{key!r}]": value for key, value in mapping.items()}),
    ((set, frozenset), lambda values: {f"[{value!r}]": value for value in values}),
]

"""Describe everything that can be observed of a module, as plain values that can be compared across processes."""

from __future__ import annotations

import enum
import functools
import inspect
import itertools
import sys
import tokenize
import types
from collections.abc import Iterable
from typing import Any

from dyntransform.reloading.classes.kinds.slots import SideSlot
from dyntransform.runtime import DynamicClass

__all__ = ["describe", "describe_module", "differences"]

_OF_THE_IMPORT = {"__builtins__", "__cached__", "__file__", "__loader__", "__spec__", "__path__"}
_OF_THE_CLASS = {"__dict__", "__weakref__", "__firstlineno__", "__static_attributes__", "__classcell__"}
_DEPTH = 7


def describe_module(module: types.ModuleType) -> dict[str, Any]:
    """Describe all names of a module."""
    names = vars(module) | {"__annotations__": module.__annotations__}  # made when it is asked for
    return {
        name: describe(value)
        for name, value in sorted(names.items())
        if name not in _OF_THE_IMPORT and not name.startswith("_dyn_") and not _is_of_library(value)
    }


def _is_of_library(value: Any) -> bool:
    return inspect.ismodule(value) and value.__name__ in ("dataclasses", "enum", "functools")


def describe(value: Any, depth: int = 0) -> Any:
    """Describe a value: functions by what they return, classes by what their instances do."""
    if depth > _DEPTH:
        return "..."
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        return {"type": type(value).__name__, "items": [describe(item, depth + 1) for item in value]}
    if isinstance(value, dict):
        return {repr(key): describe(item, depth + 1) for key, item in value.items()}
    if isinstance(value, types.ModuleType):
        return f"module {value.__name__}"
    for kind, how in _WAYS:
        if isinstance(value, kind):
            return how(value, depth + 1)
    return _instance(value, depth + 1)


def _result(function: Any, depth: int) -> Any:
    try:
        return describe(function(), depth)
    except BaseException as error:  # noqa: BLE001 - what it raises is what it does
        return _error(error)


def _error(error: BaseException) -> Any:
    lines = []
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__")
        if name != __name__ and not _passes_on(trace.tb_frame.f_code):
            lines.append(f"{name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return {"raises": type(error).__name__, "says": str(error), "at": lines}


def _passes_on(code: types.CodeType) -> bool:
    """Whether the code only passes calls on, to a function with the closure that the new code needs."""
    return any(isinstance(constant, types.FunctionType) for constant in code.co_consts)


def _function(function: types.FunctionType, depth: int) -> Any:
    wrapped = getattr(function, "__wrapped__", None)
    if _passes_on(function.__code__):
        return describe(wrapped, depth)
    return {
        "name": function.__name__,
        "qualname": function.__qualname__,
        "module": function.__module__,
        "doc": function.__doc__ if wrapped is None else "of what it wraps",
        "annotations": describe(function.__annotations__, depth) if wrapped is None else "of what it wraps",
        "signature": str(inspect.signature(function)),
        "defaults": describe(function.__defaults__, depth),
        "keyword defaults": describe(function.__kwdefaults__, depth),
        "line": function.__code__.co_firstlineno,
        "source": _source(function),
        "attributes": sorted(set(vars(function)) - {"__wrapped__"}),
        "wraps": describe(wrapped, depth),
        "returns": _result(function, depth) if _can_call(function) else "needs arguments",
    }


def _source(function: types.FunctionType) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, SyntaxError, tokenize.TokenError):  # the file may hold what cannot be loaded
        return "no source"


def _can_call(function: Any) -> bool:
    """Whether it can be called without arguments."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    return len(function.__defaults__ or ()) == len(names)


def _class(cls: type, depth: int) -> Any:
    if cls.__module__ == "builtins":
        return cls.__name__
    names = vars(cls) | {"__annotations__": cls.__annotations__}  # made when it is asked for
    added = {name for name, value in names.items() if isinstance(value, SideSlot)}
    ours = {"__del__", "__new__"} if added else set()  # what the engine needs for slots that an edit added
    members = {
        name: describe(value, depth) if name not in added else f"slot {name}"
        for name, value in sorted(names.items())
        if name not in _OF_THE_CLASS | ours and not isinstance(value, enum.Enum)
    }
    return {
        "name": cls.__name__,
        "qualname": cls.__qualname__,
        "module": cls.__module__,
        "bases": [_class_name(base) for base in _without_ours(cls.__bases__)] or ["builtins.object"],
        "order": [_class_name(base) for base in _without_ours(cls.__mro__)],
        "members": members,
        "makes": _made(cls, depth),
    }


def _without_ours(classes: Iterable[type]) -> list[type]:
    """Leave out the base that a plain process does not have."""
    return [cls for cls in classes if cls is not DynamicClass]


def _class_name(cls: type) -> str:
    """Name a class, and say so if its name is another one's now."""
    found: Any = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    return f"{cls.__module__}.{cls.__qualname__}" + ("" if found is cls else " of before")


def _made(cls: type, depth: int) -> Any:
    try:
        made = cls()
    except BaseException as error:  # noqa: BLE001 - what it raises is what it does
        return _error(error)
    return {
        "fields": {name: _attribute(made, name, depth) for name in sorted(_fields(cls))},
        "attributes": describe(getattr(made, "__dict__", None), depth),
        "is": _instance(made, depth),
    }


def _fields(cls: type) -> set[str]:
    return {name for base in cls.__mro__ for name in vars(base).get("__annotations__", ())}


def _instance(value: Any, depth: int) -> Any:
    """Describe an instance without the fields it was made with: instances are not made again."""
    cls = type(value)
    if cls.__module__ in ("builtins", "functools", "typing"):
        return repr(value)
    found: dict[str, Any] = {"instance of": _class_name(cls), "n": _attribute(value, "n", depth)}
    for name in sorted({name for base in cls.__mro__[:-1] for name in vars(base)} - _fields(cls)):
        if not name.startswith("__"):
            found[name] = _attribute(value, name, depth)
    return found


def _attribute(value: Any, name: str, depth: int) -> Any:
    try:
        attribute = getattr(value, name)
    except BaseException as error:  # noqa: BLE001 - what it raises is what it does
        return _error(error)
    if isinstance(attribute, (types.MethodType, types.FunctionType)):
        return _result(attribute, depth)
    return describe(attribute, depth)


def _enum(cls: type[enum.Enum], depth: int) -> Any:
    return {
        "enum": cls.__qualname__,
        "line members": [[member.name, describe(member, depth)] for member in cls],
        "by value": [cls(member.value) is member for member in cls],
        "by name": sorted(cls.__members__),
    }


def _member(member: enum.Enum, depth: int) -> Any:
    return {"member": repr(member), "run": _attribute(member, "run", depth)}


def _coroutine(value: Any, depth: int) -> Any:
    try:
        value.send(None)
    except StopIteration as stop:
        return {"awaited": describe(stop.value, depth)}
    except BaseException as error:  # noqa: BLE001 - what it raises is what it does
        return _error(error)
    raise AssertionError(value)


_WAYS: list[tuple[Any, Any]] = [
    (enum.EnumMeta, _enum),
    (enum.Enum, _member),
    (type, _class),
    (types.FunctionType, _function),
    (
        types.MethodType,
        lambda method, depth: {"method of": type(method.__self__).__name__, "does": _result(method, depth)},
    ),
    (functools.partial, lambda part, depth: {"partial": _result(part, depth)}),
    (types.GeneratorType, lambda value, depth: {"yields": _result(lambda: list(itertools.islice(value, 5)), depth)}),
    (types.CoroutineType, _coroutine),
    (staticmethod, lambda member, depth: {"static": describe(member.__func__, depth)}),
    (classmethod, lambda member, _: {"of class": member.__func__.__code__.co_firstlineno}),
    (types.MemberDescriptorType, lambda member, _: f"slot {member.__name__}"),
    (property, lambda member, depth: {"property": describe(member.fget, depth), "doc": member.__doc__}),
]


def differences(one: Any, other: Any, path: str = "") -> Iterable[str]:
    """Say where two descriptions differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if key not in one or key not in other:
                yield f"{path}.{key} is only {'there' if key in one else 'expected'}"
            else:
                yield from differences(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{path}[{index}]")
    elif one != other or type(one) is not type(other):
        yield f"{path} is {one!r}, expected {other!r}"

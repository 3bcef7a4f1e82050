"""What takes part in the making of a class, and which members it looks at.

Decorators, metaclasses and ``__init_subclass__`` see a class once. When its members change they have to see it again if
they look at those members, and only then: a decorator that registers the class must not run for every new method.
Their code tells.
"""

from __future__ import annotations

import abc
import ast
import dis
import enum
import functools
import sys
import typing
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any

from dyntransform.reloading.functions.registrations import resolve
from dyntransform.reloading.model.code_tree import child_codes

__all__ = ["Creation", "functions_of", "stored_attributes"]

_INSPECTS = frozenset(
    {
        "__annotations__",
        "__dict__",
        "dir",
        "get_annotations",
        "get_type_hints",
        "getmembers",
        "getmembers_static",
        "getsource",
        "vars",
    }
)
"""Names in code that looks at all members."""

_DEPTH = 4
"""Calls of global functions are followed so far."""


class Creation:
    """The parties to the making of a class.

    Args:
        cls: the live class.
        decorators: the decorators of its statement.
        lookup: gives the value of a global name of its module.
        is_project: tells whether a module is project code.
    """

    def __init__(
        self,
        cls: type,
        decorators: Sequence[ast.expr],
        lookup: Callable[[str], Any],
        is_project: Callable[[str | None], bool],
    ) -> None:
        self._cls = cls
        self._metaclass = [
            function
            for base in type.__dict__["__mro__"].__get__(type(cls))
            if base not in _PLAIN and not _is_library(base)
            for name in ("__new__", "__init__", "__prepare__")
            for function in _functions(vars(base).get(name))
        ]
        self._hooks = [
            function
            for base in cls.__mro__[1:]
            if not _is_library(base)
            for function in _functions(vars(base).get("__init_subclass__"))
        ]
        self._decorators: list[FunctionType] = []
        self._unknown = False
        self.is_dataclass = False
        for expression in decorators:
            value = resolve(expression, lookup)
            name = getattr(value, "__module__", None)
            self.is_dataclass = self.is_dataclass or name == "dataclasses"
            if isinstance(value, FunctionType) and is_project(name):
                self._decorators.append(value)
            elif name is None or name.partition(".")[0] not in sys.stdlib_module_names:
                self._unknown = True
        self._any_decorator = bool(decorators)

    @property
    def functions(self) -> list[FunctionType]:
        """The functions of the program that are called when the class is made."""
        return [*self._metaclass, *self._hooks, *self._decorators]

    @property
    def is_plain(self) -> bool:
        """Whether nothing but its body gives the class functions."""
        return not (self.kind or self._metaclass or self._hooks or self._any_decorator)

    @functools.cached_property
    def kind(self) -> str:
        """The kind of class that the standard library makes in a way of its own; empty for all others."""
        if isinstance(self._cls, enum.EnumMeta):
            return "enum"
        if getattr(self._cls, "_is_protocol", False):
            return "protocol"
        if typing.is_typeddict(self._cls):
            return "typed dict"
        if issubclass(self._cls, tuple) and hasattr(self._cls, "_fields"):
            return "named tuple"
        return ""

    @functools.cached_property
    def transforms(self) -> bool:
        """Whether the members of the class may be others than those that its body bound."""
        if self.kind or self._unknown:
            return True
        return self._sees(frozenset())

    def depends(self, touched: frozenset[str], nested: frozenset[str], *, values: bool, annotations: bool) -> bool:
        """Whether the class must be made again.

        Args:
            touched: members that an edit changes; methods of which only the code changed are none.
            nested: classes in its body that changed.
            values: some of them are neither functions nor classes.
            annotations: the body's annotations change.
        """
        if not touched and not annotations:
            return bool(nested) and not self.kind and self._sees(nested)
        if "__slots__" in touched:
            return True
        special = any(name.startswith("_") and name.endswith("_") for name in touched)
        if self.kind == "enum":
            return values or special
        if self.kind == "protocol":
            return True
        if self.kind:
            return values or annotations
        if self._any_decorator and (values or annotations or special) and self._looks_by_library():
            return True
        return self._sees(touched | nested, annotations=annotations)

    def _looks_by_library(self) -> bool:
        return self.is_dataclass or self._unknown or not self._decorators

    def _sees(self, touched: frozenset[str], *, annotations: bool = False) -> bool:
        if any(_looks(function, touched) or _uses_namespace(function) for function in self._metaclass):
            return True
        return any(_looks(function, touched, annotations=annotations) for function in [*self._hooks, *self._decorators])


_PLAIN = (type, abc.ABCMeta, object)


def _is_library(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in sys.stdlib_module_names


def _functions(value: Any) -> Iterator[FunctionType]:
    value = getattr(value, "__func__", value)
    if isinstance(value, FunctionType):
        yield value


def functions_of(function: FunctionType) -> Iterator[FunctionType]:
    """Yield a function and the global functions that it calls, and those that they call."""
    seen: set[int] = set()
    pending = [(function, 0)]
    while pending:
        current, depth = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if depth < _DEPTH:
            for code in _codes(current.__code__):
                found = (current.__globals__.get(name) for name in code.co_names)
                pending += [(each, depth + 1) for each in found if isinstance(each, FunctionType)]


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for child in child_codes(code):
        yield from _codes(child)


def _looks(function: FunctionType, touched: frozenset[str], *, annotations: bool = False) -> bool:
    for each in functions_of(function):
        for code in _codes(each.__code__):
            names = {*code.co_names, *_texts(code.co_consts)}
            if names & touched or names & _INSPECTS or (annotations and "fields" in names):
                return True
    return False


def _texts(constants: tuple[Any, ...]) -> Iterator[str]:
    for constant in constants:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, (tuple, frozenset)):
            yield from _texts(tuple(constant))


def _uses_namespace(function: FunctionType) -> bool:
    """Whether a method of a metaclass does more with the namespace of the class than hand it on."""
    code = function.__code__
    if function.__name__ == "__prepare__" or code.co_argcount <= _NAMESPACE:
        return function.__name__ == "__prepare__"
    name = code.co_varnames[_NAMESPACE]
    uses = 0
    for instruction in dis.get_instructions(code):
        if instruction.opname.startswith("LOAD"):
            value = instruction.argval
            uses += list(value).count(name) if isinstance(value, tuple) else value == name
    return uses > 1


_NAMESPACE = 3
"""Position of the parameter: ``(metaclass or class, name, bases, namespace)``."""


def stored_attributes(function: FunctionType) -> Iterator[str]:
    """Yield the names of the attributes that a function, or one inside it, sets on anything."""
    for each in functions_of(function):
        for code in _codes(each.__code__):
            for instruction in dis.get_instructions(code):
                if instruction.opname == "STORE_ATTR":
                    yield instruction.argval
            if "setattr" in code.co_names:
                yield from _texts(code.co_consts)

"""What statements registered with the standard library: taken back when an edit removes them.

`functools.singledispatch` and abstract classes keep what was registered with them, and have no way to take it out. What
a registry of the program keeps is its own affair: the report says that it stays.
"""

from __future__ import annotations

import _abc
import abc
import ast
import builtins
import functools
import gc
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from dyntransform.reloading.live.transaction import Transaction
from dyntransform.reloading.model.code_tree import child_codes
from dyntransform.reloading.model.statement import Statement

__all__ = ["looks_at_signature", "resolve", "withdraw"]

_Lookup = Callable[[str], Any]
_IsMeant = Callable[[Any, Any], bool]


def withdraw(statement: Statement, lookup: _Lookup, made: Callable[[Any], bool], transaction: Transaction) -> bool:
    """Take back what a statement registered.

    Args:
        statement: a decorated definition, or a call of ``register``.
        lookup: gives the value of a name in its scope.
        made: tells whether the statement made a function or class that is registered.
        transaction: takes the changes.

    Returns:
        Whether all that it may have registered is known.
    """
    calls = list(_calls(statement.node))
    known = False
    for function, arguments in calls:
        if not isinstance(function, ast.Attribute) or function.attr != "register":
            continue
        owner = resolve(function.value, lookup)
        given = [_builtin_or(lookup, argument) for argument in arguments]
        is_meant = functools.partial(_is_meant, given, made if statement.is_definition else None)
        if isinstance(owner, functools.singledispatchmethod):
            owner = owner.dispatcher
        if isinstance(owner, FunctionType) and "_clear_cache" in vars(owner):
            _from_dispatch(owner, is_meant, transaction)
        elif isinstance(owner, abc.ABCMeta):
            _from_abstract(owner, is_meant, transaction)
        else:
            continue
        known = True
    return known and len(calls) == 1


def _calls(node: ast.stmt) -> Iterator[tuple[ast.expr, list[ast.expr]]]:
    """Yield what a statement calls that may register something, with the arguments."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call):
                yield decorator.func, decorator.args
            else:
                yield decorator, []
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield node.value.func, node.value.args


def _builtin_or(lookup: _Lookup, argument: ast.expr) -> Any:
    value = resolve(argument, lookup)
    return getattr(builtins, argument.id, None) if value is None and isinstance(argument, ast.Name) else value


def _is_meant(given: list[Any], made: Callable[[Any], bool] | None, key: Any, value: Any) -> bool:
    """Whether a registration of a value under a key is that of a call with these arguments, or of a decorator."""
    return (not given or any(key is each for each in given)) and (made is None or made(value))


def _from_dispatch(function: Any, is_meant: _IsMeant, transaction: Transaction) -> None:
    (registry,) = gc.get_referents(function.registry)  # the dict behind the proxy
    taken = {key: value for key, value in registry.items() if key is not object and is_meant(key, value)}
    if taken:
        transaction.derive(
            functools.partial(_take_out, registry, taken, function._clear_cache),
            functools.partial(_put_back, registry, taken, function._clear_cache),
        )


def _take_out(registry: dict[Any, Any], taken: dict[Any, Any], forget: Callable[[], None]) -> None:
    for key, value in taken.items():
        if registry.get(key) is value:
            del registry[key]
    forget()


def _put_back(registry: dict[Any, Any], taken: dict[Any, Any], forget: Callable[[], None]) -> None:
    registry.update(taken)
    forget()


def _from_abstract(base: abc.ABCMeta, is_meant: _IsMeant, transaction: Transaction) -> None:
    before = [cls for reference in _abc._get_dump(base)[0] if (cls := reference()) is not None]
    after = [cls for cls in before if not is_meant(cls, cls)]
    if len(after) != len(before):
        transaction.derive(
            functools.partial(_set_registered, base, after), functools.partial(_set_registered, base, before)
        )


def _set_registered(base: abc.ABCMeta, classes: list[type]) -> None:
    _abc._reset_registry(base)
    for each in base.__mro__:
        if isinstance(each, abc.ABCMeta):
            _abc._reset_caches(each)  # they keep what was asked
    for cls in classes:
        base.register(cls)


def looks_at_signature(node: ast.stmt, lookup: _Lookup) -> bool:
    """Whether a decorator of a function asks for its parameters or annotations, so that it has to see new ones."""
    for decorator in getattr(node, "decorator_list", ()):
        function = resolve(decorator, lookup)
        owner = getattr(function, "__self__", None)
        function = getattr(function, "__func__", function)
        if isinstance(owner, functools.singledispatchmethod):
            function = owner.dispatcher.register  # what its method only passes on to
        if isinstance(function, FunctionType) and _asks(function, made=isinstance(decorator, ast.Call)):
            return True
    return False


def _asks(function: FunctionType, *, made: bool) -> bool:
    """Look at what runs when it decorates: its own code, or for one that makes the decorator also that of the maker."""
    codes = [function.__code__, *(child_codes(function.__code__) if made else ())]
    names = {name for code in codes for name in code.co_names}
    called = [function.__globals__.get(name) for name in names]
    names.update(name for each in called if isinstance(each, FunctionType) for name in each.__code__.co_names)
    texts = {constant for code in codes for constant in code.co_consts if isinstance(constant, str)}
    return not _SIGNATURE.isdisjoint(names | texts)


_SIGNATURE = frozenset({"__annotations__", "get_annotations", "get_type_hints", "getfullargspec", "signature"})


def resolve(decorator: ast.expr, lookup: Callable[[str], Any]) -> Any:
    """Return what a decorator's name means, without calling anything; None if that cannot be told."""
    if isinstance(decorator, ast.Call):
        return resolve(decorator.func, lookup)
    if isinstance(decorator, ast.Name):
        return lookup(decorator.id)
    if isinstance(decorator, ast.Attribute):
        owner = resolve(decorator.value, lookup)
        return getattr(owner, decorator.attr, None) if owner is not None else None
    return None

"""Give live functions their new code."""

from __future__ import annotations

import ast
import functools
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any

from dyntransform.cpython.annotations import evaluator
from dyntransform.reloading.functions.closures import Scopes, cells_for, missing_variables
from dyntransform.reloading.live.transaction import Transaction
from dyntransform.reloading.live.values import same_value
from dyntransform.reloading.model.code_tree import Patch
from dyntransform.reloading.model.usage import reads_any
from dyntransform.reloading.planning.definitions import Function, FunctionEdit, default_names

__all__ = ["docstring", "forwarding_code", "held_defaults", "inner_defaults", "refresh_header", "retarget"]


def retarget(
    function: FunctionType,
    patch: Patch,
    cls: type | None,
    scopes: Callable[[], tuple[Scopes, Scopes]],
    transaction: Transaction,
) -> FunctionType | None:
    """Make a live function run the code of `patch`.

    Args:
        function: a function that runs ``patch.old``.
        patch: its new code.
        cls: the class that ``__class__`` means in a method of it.
        scopes: gives the scopes of the old and the new version of the module.
        transaction: takes the changes.

    Returns:
        The function that runs the new code: the same, or a new one to which the old forwards all calls because its
        closure cannot be changed. None if a variable is missing that its factory call did not keep.
    """
    code = patch.node.code
    if not missing_variables(function, code) and function.__code__.co_freevars == code.co_freevars:
        transaction.set_attribute(function, "__code__", code)
        _refresh_docstring(function, patch.old, code, transaction)
        return function
    cells = cells_for(function, code, cls, scopes)
    if cells is None:
        return None
    new = FunctionType(
        code,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        cells,
    )
    functools.update_wrapper(new, function)
    del new.__wrapped__  # type: ignore[attr-defined]
    new.__kwdefaults__ = function.__kwdefaults__
    if evaluator(function) is None:
        new.__annotations__ = function.__annotations__
    transaction.set_attribute(function, "__code__", forwarding_code(function.__code__.co_freevars, code, new))
    transaction.set_attribute(function, "__wrapped__", new)
    _refresh_docstring(new, patch.old, code, transaction)
    return new


def forwarding_code(free: tuple[str, ...], like: CodeType, target: Callable[..., Any]) -> CodeType:
    """Return code with the free variables `free` that passes every call on to `target`.

    The target is one of the constants, so the code cannot be marshalled; nothing does.
    """
    keep = f"if 0: {', '.join(free)}" if free else "pass"
    definition, body = _forms(like)
    text = f"def make({', '.join(free)}):\n  {definition} forward(*args, **kwargs):\n    {keep}\n    {body}\n"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        module = compile(text, like.co_filename, "exec", dont_inherit=True)
    (make,) = (constant for constant in module.co_consts if isinstance(constant, CodeType))
    forward = next(constant for constant in make.co_consts if isinstance(constant, CodeType))
    constants = tuple(target if constant == "target" else constant for constant in forward.co_consts)
    return forward.replace(
        co_consts=constants,
        co_name=like.co_name,
        co_qualname=like.co_qualname,
        co_firstlineno=like.co_firstlineno,
    )


_CALL = "'target'(*args, **kwargs)"


def _forms(like: CodeType) -> tuple[str, str]:
    """Return the definition and the body that make a function of the same kind: callers ask inspect for it."""
    if like.co_flags & inspect.CO_COROUTINE:
        return "async def", f"return await {_CALL}"
    if like.co_flags & inspect.CO_ASYNC_GENERATOR:
        return "async def", f"async for item in {_CALL}: yield item"
    if like.co_flags & inspect.CO_GENERATOR:
        return "def", f"return (yield from {_CALL})"
    return "def", f"return {_CALL}"


def _refresh_docstring(function: FunctionType, old: CodeType, new: CodeType, transaction: Transaction) -> None:
    before, after = docstring(old), docstring(new)
    if before != after and function.__doc__ == before:
        transaction.set_attribute(function, "__doc__", after)


def docstring(code: CodeType) -> str | None:
    """Return the docstring of the function that runs `code`."""
    first = code.co_consts[0] if code.co_consts else None
    return first if isinstance(first, str) else None


def refresh_header(
    function: FunctionType,
    made: FunctionType,
    edit: FunctionEdit,
    stale: frozenset[str],
    transaction: Transaction,
    given: Mapping[str, Any],
) -> list[str]:
    """Give a live function the defaults of a newly made one.

    Args:
        function: the live function.
        made: what the new ``def`` statement makes, without decorators.
        edit: how the statement changed; the defaults of other parameters are kept, with what they hold.
        stale: names whose value changed; a default that reads one is taken anew.
        transaction: takes the changes.
        given: the defaults that the definition gave before; a copy of its function that has others keeps those.

    Returns:
        What was changed, in words.
    """
    node = edit.new.node
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    before, after = held_defaults(function, edit), _default_values(made, _positional(made))
    fresh = edit.defaults | {name for name, default in default_names(node).items() if reads_any(default, stale)}
    own = {name for name, value in before.items() if not same_value(value, given.get(name, value))}
    fresh -= own
    values = {name: before[name] if name in before and name not in fresh else after[name] for name in after}
    done = []
    positional = tuple(values[name] for name in _positional(made) if name in values) or None
    keywords = {name: values[name] for name in made.__kwdefaults__ or () if name in values} or None
    if not _same(positional, function.__defaults__):
        transaction.set_attribute(function, "__defaults__", positional)
        done.append("defaults")
    if not _same(keywords, function.__kwdefaults__):
        transaction.set_attribute(function, "__kwdefaults__", keywords)
        done.append("keyword defaults")
    return done


def held_defaults(function: FunctionType, edit: FunctionEdit) -> dict[str, Any]:
    """Return the defaults that a function has, by the names of its parameters before an edit."""
    node = edit.old.node
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    return _default_values(function, [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)])


def inner_defaults(
    function: FunctionType, old: Function | ast.Lambda, new: Function | ast.Lambda
) -> tuple[tuple[Any, ...] | None, dict[str, Any] | None] | None:
    """Return the defaults of a closure made earlier under the new definition.

    What a default was computed from is gone with the call of the factory, so edited defaults count only if they are
    literals, and others stay what they are.

    Args:
        function: the closure.
        old: its definition before the edit.
        new: its definition now.

    Returns:
        Positional and keyword defaults; None if a new parameter has a default that cannot be known.
    """
    names = [argument.arg for argument in (*old.args.posonlyargs, *old.args.args)]
    held = _default_values(function, names)
    before, after = default_names(old), default_names(new)
    values = {}
    for name, default in after.items():
        if name in before and name in held and ast.dump(before[name]) == ast.dump(default):
            values[name] = held[name]
            continue
        try:
            values[name] = ast.literal_eval(default)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            if name not in held:
                return None
            values[name] = held[name]
    positional = [argument.arg for argument in (*new.args.posonlyargs, *new.args.args) if argument.arg in values]
    keywords = [argument.arg for argument in new.args.kwonlyargs if argument.arg in values]
    return tuple(values[name] for name in positional) or None, {name: values[name] for name in keywords} or None


def _same(one: Any, other: Any) -> bool:
    """Compare by identity of the values: they may have any __eq__."""
    if one is None or other is None or len(one) != len(other):
        return one is other
    if isinstance(one, dict):
        return list(one) == list(other) and all(one[name] is other[name] for name in one)
    return all(a is b for a, b in zip(one, other, strict=True))


def _default_values(function: FunctionType, names: Sequence[str]) -> dict[str, Any]:
    values = function.__defaults__ or ()
    return {**dict(zip(names[len(names) - len(values) :], values, strict=True)), **(function.__kwdefaults__ or {})}


def _positional(function: FunctionType) -> tuple[str, ...]:
    code = function.__code__
    return code.co_varnames[: code.co_argcount]

"""The syntax of what the machine found."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any, TypeAlias

from dyntransform.lifting.parts import Body, lazy_value
from dyntransform.lifting.values import Function, Lifted, UnknownCodeError

__all__ = ["ClassBody", "definition", "lambda_expression", "statement"]

ClassBody: TypeAlias = Callable[[CodeType], list[ast.stmt]]
"""Gives the statements in the code of a class."""


def statement(lifted: Lifted, class_body: ClassBody) -> ast.stmt:
    """Return the statement that does this.

    Raises:
        UnknownCodeError: there is none.
    """
    if lifted.definition is not None:
        name, made = lifted.definition
        return definition(name, made, class_body)
    if lifted.source is not None:
        source = lifted.source
        lazy: dict[str, Any] = {"is_lazy": int(source.is_lazy)} if "is_lazy" in ast.Import._fields else {}
        if source.names is None:
            return ast.Import(lifted.aliases, **lazy)
        return ast.ImportFrom(source.module or None, lifted.aliases, source.level, **lazy)
    if lifted.deleted:
        return ast.Delete(lifted.deleted)
    if lifted.value is not None:
        return ast.copy_location(ast.Expr(lifted.value), lifted.value)
    if not lifted.stores:
        raise UnknownCodeError
    return _assignment(lifted.stores)


def _assignment(stores: Sequence[tuple[ast.expr, Any]]) -> ast.stmt:
    value = stores[0][1]
    if isinstance(value, ast.BinOp) and getattr(value, "in_place", False):
        target = stores[0][0]
        if len(stores) != 1 or not _same_place(target, value.left):
            raise UnknownCodeError
        return ast.AugAssign(target, value.op, value.right)  # type: ignore[arg-type]  # it is one of those
    if all(each is value for _, each in stores):
        return ast.Assign([target for target, _ in stores], value)
    targets = [target for target, _ in stores]
    return ast.Assign([ast.Tuple(targets, ast.Store())], ast.Tuple([each for _, each in stores], ast.Load()))


def _same_place(target: ast.expr, left: ast.expr) -> bool:
    """Whether an in-place operation stores where it has read; what is evaluated once is the same node."""
    if isinstance(target, ast.Name):
        return isinstance(left, ast.Name) and left.id == target.id
    if isinstance(target, ast.Attribute):
        return isinstance(left, ast.Attribute) and left.value is target.value and left.attr == target.attr
    if isinstance(target, ast.Subscript):
        return isinstance(left, ast.Subscript) and left.value is target.value and left.slice is target.slice
    return False


def definition(name: str, made: Function, class_body: ClassBody) -> ast.stmt:
    """Return the statement that binds a function, a class or an alias to a name.

    Raises:
        UnknownCodeError: the name is not its own.
    """
    code = made.code
    if made.alias is not None:
        if name != code.co_name:
            raise UnknownCodeError
        target = ast.copy_location(ast.Name(name, ast.Store()), made.alias)
        alias: ast.stmt = getattr(ast, "TypeAlias")(target, made.type_params, made.alias)  # noqa: B009 - Python 3.12
        return ast.copy_location(alias, made.alias)
    if made.call is not None:
        node: ast.stmt = _class(name, made, class_body)
    else:
        if not _names(code.co_name, name):
            raise UnknownCodeError
        kind = ast.AsyncFunctionDef if code.co_flags & _ASYNC else ast.FunctionDef
        fields: dict[str, Any] = {
            "name": code.co_name,
            "args": _arguments(made),
            "body": [Body(code)],
            "decorator_list": made.decorators,
            "returns": made.annotations.get("return"),
        }
        node = kind(**fields, **_type_params(made))
    ast.copy_location(node, made.node)
    if not made.decorators:
        node.lineno = code.co_firstlineno
    return node


def _class(name: str, made: Function, class_body: ClassBody) -> ast.ClassDef:
    code = made.code
    assert made.call is not None
    if not _names(code.co_name, name):
        raise UnknownCodeError
    body = class_body(code)
    fields: dict[str, Any] = {
        "name": code.co_name,
        "bases": made.call.args,
        "keywords": made.call.keywords,
        "body": body or [ast.copy_location(ast.Pass(), made.node)],
        "decorator_list": made.decorators,
    }
    node = ast.ClassDef(**fields, **_type_params(made))
    node.code = code  # type: ignore[attr-defined]
    return node


def _type_params(made: Function) -> dict[str, Any]:
    return {"type_params": made.type_params} if "type_params" in ast.ClassDef._fields else {}


def _names(given: str, bound: str) -> bool:
    """Whether a definition binds its own name, which is mangled if it is private in a class."""
    return given == bound or (given.startswith("__") and bound.startswith("_") and bound.endswith(given))


def _arguments(made: Function) -> ast.arguments:
    code = made.code
    names = iter(code.co_varnames)

    def take(count: int) -> list[ast.arg]:
        return [_argument(name, made) for name in itertools.islice(names, count)]

    positional_only = take(code.co_posonlyargcount)
    positional = take(code.co_argcount - code.co_posonlyargcount)
    keywords = take(code.co_kwonlyargcount)
    many = take(1) if code.co_flags & _VARARGS else []
    rest = take(1) if code.co_flags & _VARKEYWORDS else []
    return ast.arguments(
        positional_only,
        positional,
        many[0] if many else None,
        keywords,
        [made.keywords.get(each.arg) for each in keywords],
        rest[0] if rest else None,
        list(made.defaults),
    )


def _argument(name: str, made: Function) -> ast.arg:
    return ast.copy_location(ast.arg(name, made.annotations.get(name)), made.node)


def lambda_expression(made: Function) -> ast.Lambda:
    """Return the expression that makes a function.

    Raises:
        UnknownCodeError: it is made by a statement.
    """
    if made.code.co_name != "<lambda>" or made.call is not None:
        raise UnknownCodeError
    node = ast.Lambda(_arguments(made), lazy_value(made.code))
    return ast.copy_location(node, made.node)


_VARARGS, _VARKEYWORDS, _ASYNC = 0x04, 0x08, 0x80 | 0x200

"""Operators, displays and formatted strings."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from dyntransform.lifting.parts import lazy_value
from dyntransform.lifting.stack import Stack
from dyntransform.lifting.values import Function, located

__all__ = ["Expressions", "as_slice", "constant"]


class Expressions(Stack):
    """The operations of which the outcome is an expression."""

    def _binary(self, operator: Any) -> None:
        name = operator.name
        if name == _SUBSCRIPT:
            self._subscript(None)
            return
        self._only(name.removeprefix("INPLACE_") in _BINARY)
        (left, right), start = self._expressions(2)
        node = ast.BinOp(left, _BINARY[name.removeprefix("INPLACE_")](), right)
        node.in_place = name.startswith("INPLACE_")  # type: ignore[attr-defined]
        self._push(node, start)

    def _subscript(self, _: Any) -> None:
        (holder, key), start = self._expressions(2)
        self._push(ast.Subscript(holder, key, ast.Load()), start)

    def _binary_slice(self, _: Any) -> None:
        (holder, low, high), start = self._expressions(3)
        self._push(ast.Subscript(holder, as_slice(low, high), ast.Load()), start)

    def _build_slice(self, count: Any) -> None:
        parts, start = self._expressions(count)
        self._push(as_slice(*parts), start)

    def _unary(self, operator: type[ast.unaryop]) -> None:
        value, start = self._expression()
        self._push(ast.UnaryOp(operator(), value), start)

    def _compare(self, operator: Any) -> None:
        (left, right), start = self._expressions(2)
        kind = _COMPARE.get(getattr(operator, "name", "").removesuffix("_CAST"))
        self._only(kind is not None)
        self._push(ast.Compare(left, [kind()], [right]), start)  # type: ignore[misc]

    def _is(self, inverted: Any) -> None:
        (left, right), start = self._expressions(2)
        self._push(ast.Compare(left, [ast.IsNot() if inverted else ast.Is()], [right]), start)

    def _contains(self, inverted: Any) -> None:
        (left, right), start = self._expressions(2)
        self._push(ast.Compare(left, [ast.NotIn() if inverted else ast.In()], [right]), start)

    def _to_bool(self, _: Any) -> None:
        follows = self._flow.instructions[self._index + 1]
        self._only(follows.name == "UNARY_NOT" or self._flow.targets[self._index + 1] is not None)

    # ------------------------------------------------------------------ displays

    def _build_sequence(self, kind: Callable[..., ast.expr], count: int) -> None:
        following = self._flow.instructions[self._index + 1]
        if getattr(following.arg, "name", "") == "INTRINSIC_TYPEALIAS":
            self._type_alias()
            return
        parts, start = self._expressions(count)
        self._push(kind(parts, ast.Load()) if kind is not ast.Set else ast.Set(parts), start)

    def _type_alias(self) -> None:
        value, _parameters, name = self._pop(), self._pop(), self._pop()
        self._only(isinstance(value.value, Function) and isinstance(name.value, ast.Constant))
        made = value.value
        made.alias = ast.copy_location(lazy_value(made.code), name.value)
        self._push(made, name.start)

    def _extend(self, depth: Any) -> None:
        value, _ = self._expression()
        self._only(0 < depth <= len(self._stack))
        entry = self._stack[-depth]
        holder = entry.value
        self._only(isinstance(holder, (ast.List, ast.Set)))
        if isinstance(value, ast.Tuple) and not holder.elts:
            new = value.elts
        elif isinstance(value, ast.Constant) and isinstance(value.value, frozenset) and not holder.elts:
            new = [constant(each) for each in sorted(value.value, key=repr)]
        else:
            new = [ast.Starred(value, ast.Load())]
        for each in new:
            located(each, self._instruction)
        holder.elts = [*holder.elts, *new]

    def _append(self, depth: Any) -> None:
        value, _ = self._expression()
        self._only(0 < depth <= len(self._stack))
        holder = self._stack[-depth].value
        self._only(isinstance(holder, (ast.List, ast.Set)))
        holder.elts = [*holder.elts, value]

    def _list_to_tuple(self) -> None:
        entry = self._pop()
        self._only(isinstance(entry.value, ast.List))
        self._push(ast.Tuple(entry.value.elts, ast.Load()), entry.start)

    def _build_map(self, count: Any) -> None:
        parts, start = self._expressions(2 * count)
        self._push(ast.Dict(parts[::2], parts[1::2]), start)  # type: ignore[arg-type]

    def _build_keyed_map(self, count: Any) -> None:
        keys, _ = self._expression()
        self._only(isinstance(keys, ast.Tuple))
        values, start = self._expressions(count)
        self._push(ast.Dict(keys.elts, values), start)  # type: ignore[attr-defined]

    def _map_add(self, depth: Any) -> None:
        (key, value), _start = self._expressions(2)
        holder = self._holder(depth)
        holder.keys, holder.values = [*holder.keys, key], [*holder.values, value]

    def _map_update(self, depth: Any) -> None:
        value, _ = self._expression()
        holder = self._holder(depth)
        if isinstance(value, ast.Dict) and None not in value.keys and self._instruction.name == "DICT_UPDATE":
            holder.keys, holder.values = [*holder.keys, *value.keys], [*holder.values, *value.values]
        else:
            holder.keys, holder.values = [*holder.keys, None], [*holder.values, value]

    def _holder(self, depth: int) -> ast.Dict:
        self._only(0 < depth <= len(self._stack))
        holder = self._stack[-depth].value
        self._only(isinstance(holder, ast.Dict))
        return holder  # type: ignore[no-any-return]

    def _build_string(self, count: Any) -> None:
        parts, start = self._expressions(count)
        pieces = [part for each in parts for part in (each.values if isinstance(each, ast.JoinedStr) else [each])]
        self._push(ast.JoinedStr(pieces), start)

    def _format_value(self, how: Any) -> None:
        spec = self._spec() if how & 4 else None
        value, start = self._expression()
        self._formatted(value, start, how & 3, spec)

    def _interpolation(self, how: Any) -> None:
        spec = self._spec() if how & 1 else None
        (value, text), start = self._expressions(2)
        self._only(isinstance(text, ast.Constant))
        kind = _CONVERSIONS[how >> 2]
        node = getattr(ast, "Interpolation")(value, text.value, kind, spec)  # type: ignore[attr-defined]  # noqa: B009 - Python 3.14
        self._push(node, start)

    def _template(self, _: Any) -> None:
        (strings, values), start = self._expressions(2)
        self._only(isinstance(strings, ast.Tuple) and isinstance(values, ast.Tuple))
        between = [*values.elts, None]  # type: ignore[attr-defined]
        pieces = [each for pair in zip(strings.elts, between, strict=True) for each in pair]  # type: ignore[attr-defined]
        parts = [each for each in pieces if each is not None and getattr(each, "value", None) != ""]
        self._push(getattr(ast, "TemplateStr")(parts), start)  # noqa: B009 - Python 3.14

    def _convert_value(self, conversion: Any) -> None:
        value, start = self._expression()
        value.conversion = int(conversion)  # type: ignore[attr-defined]
        self._push(value, start)

    def _format(self, *, has_spec: bool) -> None:
        spec = self._spec() if has_spec else None
        value, start = self._expression()
        self._formatted(value, start, vars(value).pop("conversion", 0), spec)

    def _spec(self) -> ast.JoinedStr:
        spec, _ = self._expression()
        return spec if isinstance(spec, ast.JoinedStr) else ast.copy_location(ast.JoinedStr([spec]), spec)

    def _formatted(self, value: ast.expr, start: int, conversion: int, spec: ast.JoinedStr | None) -> None:
        node = located(ast.FormattedValue(value, _CONVERSIONS[conversion], spec), self._instruction)
        self._push(ast.JoinedStr([node]), start)


def constant(value: Any) -> ast.expr:
    """Return the syntax of a constant, as the parser gives it where it can be told."""
    if type(value) is tuple:
        return ast.Tuple([constant(each) for each in value], ast.Load())
    if type(value) is slice:  # Python 3.14
        return as_slice(constant(value.start), constant(value.stop), constant(value.step))
    if type(value) in (int, float) and repr(value).startswith("-"):
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def as_slice(low: ast.expr, high: ast.expr, step: ast.expr | None = None) -> ast.Slice:
    """Return the syntax of a slice, of which absent parts are None in code."""

    def given(part: ast.expr | None) -> ast.expr | None:
        return None if isinstance(part, ast.Constant) and part.value is None else part

    return ast.Slice(given(low), given(high), given(step))


_CONVERSIONS = (-1, ord("s"), ord("r"), ord("a"))
_SUBSCRIPT = "SUBSCR"
"""Since Python 3.14 it is a binary operation."""

_BINARY: dict[str, type[ast.operator]] = {
    "ADD": ast.Add,
    "AND": ast.BitAnd,
    "FLOOR_DIVIDE": ast.FloorDiv,
    "LSHIFT": ast.LShift,
    "MATRIX_MULTIPLY": ast.MatMult,
    "MULTIPLY": ast.Mult,
    "REMAINDER": ast.Mod,
    "OR": ast.BitOr,
    "POWER": ast.Pow,
    "RSHIFT": ast.RShift,
    "SUBTRACT": ast.Sub,
    "TRUE_DIVIDE": ast.Div,
    "XOR": ast.BitXor,
}

_COMPARE: dict[str, type[ast.cmpop]] = {
    "LT": ast.Lt,
    "LE": ast.LtE,
    "EQ": ast.Eq,
    "NE": ast.NotEq,
    "GT": ast.Gt,
    "GE": ast.GtE,
}

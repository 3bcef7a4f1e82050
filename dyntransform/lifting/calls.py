"""Calls, and the definitions that are made by calls."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from types import CodeType
from typing import Any

from bytecode.instr import UNSET

from dyntransform.cpython.opcodes import NULL_ABOVE, is_evaluator
from dyntransform.lifting.expressions import Expressions
from dyntransform.lifting.values import GENERIC_BASE, BuildClass, Entry, Function, Null, UnknownCodeError, located

__all__ = ["Calls"]


class Calls(Expressions):
    """The operations that call, and that make functions and classes."""

    def _keyword_names(self, names: Any) -> None:
        self._keywords = names

    def _call(self, count: Any) -> None:
        names, self._keywords = self._keywords, ()
        self._call_with(int(count), names)

    def _call_keywords(self, count: Any) -> None:
        names, _ = self._expression()
        self._only(isinstance(names, ast.Tuple))
        self._call_with(int(count), tuple(each.value for each in names.elts))  # type: ignore[attr-defined]

    def _call_with(self, count: int, names: Sequence[str]) -> None:
        entries = [self._pop() for _ in range(count)][::-1]
        upper, lower = self._pop(), self._pop()
        null, function = (upper, lower) if NULL_ABOVE else (lower, upper)
        if null.value is not Null:
            function, entries = lower, [upper, *entries]
        made = function.value
        if isinstance(made, Function) and made.code.co_name.startswith("<generic parameters of "):
            self._only(self._make_generic is not None)
            given = [self._as_expression(entry) for entry in entries]
            starts = [null.start, function.start, *(one.start for one in entries)]
            self._push(self._make_generic(made, given), min(starts))  # type: ignore[misc]
            return
        if null.value is not Null:
            self._only(len(entries) == 1 and not names)
            self._call_one(function, entries[0])
            return
        start = min(null.start, function.start)
        if function.value is BuildClass:
            self._build_class(entries, names, start)
            return
        arguments = [self._as_expression(entry) for entry in entries]
        positional = arguments[: len(arguments) - len(names)]
        keywords = [
            ast.copy_location(ast.keyword(name, value), value)
            for name, value in zip(names, arguments[len(positional) :], strict=True)
        ]
        self._push(ast.Call(self._as_expression(function), positional, keywords), start)

    def _call_one(self, function: Entry, argument: Entry) -> None:
        """Call without a null: a decorator, or the function of a comprehension."""
        made = argument.value
        if isinstance(function.value, Function):
            self._only(function.value.code.co_name in _COMPREHENSIONS)
            piece = self._flow.range(function.start, self._index + 1)
            self._handlers.update(piece.handlers)
            self._push(self._opaque(piece), function.start)
            return
        self._only(isinstance(made, Function) and made.is_definition)
        made.decorators.insert(0, self._as_expression(function))
        self._push(made, function.start)

    def _call_unpacked(self, flags: Any) -> None:
        keywords = self._pop().value if flags is UNSET or flags & 1 else None
        keywords = None if keywords is Null else keywords  # there is a place for them in any case since Python 3.14
        entry = self._pop()
        arguments = self._as_expression(entry)
        upper, lower = self._pop(), self._pop()
        null, function = (upper, lower) if NULL_ABOVE else (lower, upper)
        self._only(null.value is Null and (keywords is None or isinstance(keywords, ast.expr)))
        spread = arguments.elts if isinstance(arguments, ast.Tuple) else [ast.Starred(arguments, ast.Load())]
        named = []
        if isinstance(keywords, ast.Dict):
            for key, value in zip(keywords.keys, keywords.values, strict=True):
                self._only(key is None or isinstance(key, ast.Constant))
                named.append(ast.keyword(None if key is None else key.value, value))  # type: ignore[attr-defined]
        elif keywords is not None:
            named.append(ast.keyword(None, keywords))
        if function.value is BuildClass:
            raise UnknownCodeError
        call = ast.Call(self._as_expression(function), list(spread), named)
        self._push(call, min(null.start, function.start))

    # ------------------------------------------------------------------ definitions

    def _make_function(self, flags: Any) -> None:
        entry = self._pop()
        self._only(isinstance(entry.value, CodeType))
        made = Function(entry.value, located(ast.Constant(None), self._instruction))
        start = entry.start
        given = flags if isinstance(flags, int) else 0
        for flag in (8, 4, 2, 1):
            if flag & given:
                attribute = self._pop()
                start = attribute.start
                self._set_attribute(made, flag, attribute)
        self._push(made, start)

    def _set_function_attribute(self, flag: Any) -> None:
        made, attribute = self._pop(), self._pop()
        self._only(isinstance(made.value, Function))
        self._set_attribute(made.value, int(flag), attribute)
        self._push(made.value, attribute.start)

    def _set_attribute(self, made: Function, flag: int, attribute: Entry) -> None:
        if flag == _CLOSURE:
            return  # follows from the code
        if flag == _ANNOTATE:
            self._only(isinstance(attribute.value, Function) and is_evaluator(attribute.value.code))
            made.annotate = attribute.value.code
            return
        value = self._as_expression(attribute)
        if flag == _DEFAULTS:
            self._only(isinstance(value, ast.Tuple))
            made.defaults = value.elts  # type: ignore[attr-defined]
        elif flag == _KEYWORD_DEFAULTS:
            self._only(isinstance(value, ast.Dict))
            made.keywords = {key.value: each for key, each in zip(value.keys, value.values, strict=True)}  # type: ignore[attr-defined]
        else:
            self._only(isinstance(value, ast.Tuple))
            parts = value.elts  # type: ignore[attr-defined]
            made.annotations = {key.value: each for key, each in zip(parts[::2], parts[1::2], strict=True)}

    def _load_build_class(self, _: Any) -> None:
        self._push(BuildClass)

    def _build_class(self, entries: list[Entry], names: Sequence[str], start: int) -> None:
        body, _name, *rest = entries
        self._only(isinstance(body.value, Function))
        rest = [entry for entry in rest if entry.value is not GENERIC_BASE]
        arguments = [self._as_expression(entry) for entry in rest]
        positional = arguments[: len(arguments) - len(names)]
        keywords = [
            ast.copy_location(ast.keyword(name, value), value)
            for name, value in zip(names, arguments[len(positional) :], strict=True)
        ]
        made = body.value
        made.call = located(ast.Call(made.node, positional, keywords), self._instruction)
        self._push(made, start)


_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
_DEFAULTS, _KEYWORD_DEFAULTS, _CLOSURE, _ANNOTATE = 1, 2, 8, 16

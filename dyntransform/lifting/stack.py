"""The stack of the machine: entries with the place where their code begins, and code that is not straight."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, TypeAlias

from dyntransform.lifting.flow import Flow, Range
from dyntransform.lifting.parts import Part, facts_of, structure
from dyntransform.lifting.values import Entry, Function, Lifted, UnknownCodeError, located

__all__ = ["MakeGeneric", "MakeLambda", "Stack"]

MakeLambda: TypeAlias = Callable[[Function], ast.expr]
MakeGeneric: TypeAlias = Callable[[Function, list[ast.expr]], Function]


class Stack:
    """Steps through a piece of the main line; subclasses know the operations.

    Args:
        flow: the code.
        make_lambda: gives the expression for a function that is not bound to its name.
        make_generic: gives the definition that the function of a scope of type parameters makes.
    """

    def __init__(
        self,
        flow: Flow,
        make_lambda: MakeLambda,
        make_generic: MakeGeneric | None = None,
    ) -> None:
        self._flow = flow
        self._make_lambda = make_lambda
        self._make_generic = make_generic
        self._operations: dict[str, Callable[[Any, Any], None]] = {}

    def lift(self, piece: Range) -> Lifted:
        """Return what a statement does.

        Raises:
            UnknownCodeError: that cannot be told.
        """
        self._run(piece)
        if self._stack or set(piece.handlers) != self._handlers:
            raise UnknownCodeError
        return self._done

    def value(self, piece: Range) -> ast.expr:
        """Return the expression that a piece computes.

        Raises:
            UnknownCodeError: that cannot be told.
        """
        self._run(piece)
        value, _ = self._expression()
        if self._stack or self._done != Lifted():
            raise UnknownCodeError
        return value

    def _begin(self, stop: int) -> None:
        self._stack: list[Entry] = []
        self._done = Lifted()
        self._keywords: tuple[str, ...] = ()
        self._stored: dict[int, list[ast.expr]] = {}
        self._handlers: set[int] = set()
        self._stop = stop

    def _run(self, piece: Range) -> None:
        self._begin(piece.stop)
        index = piece.start
        while index < piece.stop:
            index = self._step(index)

    def _step(self, index: int) -> int:
        instruction = self._flow.instructions[index]
        if self._flow.targets[index] is not None or instruction.name == "LOAD_FAST_AND_CLEAR":
            return self._part(index)
        operation = self._operations.get(instruction.name)
        if operation is None:
            raise UnknownCodeError(instruction.name)
        self._index = index
        self._instruction = instruction
        operation(self, instruction.arg)
        return index + 1

    # ------------------------------------------------------------------ the stack

    def _push(self, value: Any, start: int | None = None) -> None:
        if isinstance(value, ast.expr) and not hasattr(value, "lineno"):
            located(value, self._instruction)
        self._stack.append(Entry(value, self._index if start is None else start))

    def _pop(self) -> Entry:
        if not self._stack:
            raise UnknownCodeError
        return self._stack.pop()

    def _expression(self) -> tuple[ast.expr, int]:
        """Take an expression from the stack, and where its code begins."""
        entry = self._pop()
        return self._as_expression(entry), entry.start

    def _as_expression(self, entry: Entry) -> ast.expr:
        value = entry.value
        if isinstance(value, Function):
            value = self._make_lambda(value)
        if not isinstance(value, ast.expr):
            raise UnknownCodeError
        targets = self._stored.pop(id(value), None)
        if targets is None:
            return value
        if len(targets) != 1 or not isinstance(targets[0], ast.Name):
            raise UnknownCodeError
        self._done.stores = [one for one in self._done.stores if one[0] is not targets[0]]
        return ast.copy_location(ast.NamedExpr(targets[0], value), value)

    def _expressions(self, count: int) -> tuple[list[ast.expr], int]:
        entries = [self._pop() for _ in range(count)][::-1]
        return [self._as_expression(entry) for entry in entries], entries[0].start if entries else self._index

    # ------------------------------------------------------------------ what is not straight

    def _part(self, index: int) -> int:
        """Take the smallest whole expression around a jump as it is."""
        self._only(self._flow.instructions[index].name != "FOR_ITER")  # a statement; a comprehension begins before it
        depths = self._flow.depths
        for start in sorted({entry.start for entry in self._stack}, reverse=True):
            end = self._closed(start, index + 1, depths[start] + 1)
            if end is not None:
                piece = self._flow.range(start, end)
                self._handlers.update(piece.handlers)
                self._stack = [entry for entry in self._stack if entry.start < start]  # it has made the others
                self._index, self._instruction = index, self._flow.instructions[index]
                self._push(self._opaque(piece), start)
                return end
        raise UnknownCodeError

    def _closed(self, start: int, end: int, depth: int) -> int | None:
        """Return where an expression ends that begins at `start` and goes at least to `end`."""
        begin = start
        while True:
            for index in range(begin, end):
                target = self._flow.targets[index]
                if target is not None:
                    if target < start:
                        return None
                    end = max(end, target)
            if end > self._stop:
                return None
            if all((self._flow.targets[index] or 0) <= end for index in range(start, end)):
                here = self._flow.depths.get(end)
                if here == depth:
                    return end
                if here is None or here < depth:
                    return None
                end += 1

    def _opaque(self, piece: Range) -> ast.expr:
        listing = self._flow.listing(piece)
        facts = facts_of(self._flow.instructions[index] for index in piece.indexes)
        return Part(listing, facts, structure(listing))

    @staticmethod
    def _only(condition: bool) -> None:  # noqa: FBT001 - reads as an assertion
        if not condition:
            raise UnknownCodeError

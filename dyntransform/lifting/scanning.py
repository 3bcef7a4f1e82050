"""What is seen of a compound statement: what is in it, and what it does with names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from dyntransform.lifting.exits import is_return
from dyntransform.lifting.flow import Flow, Range
from dyntransform.lifting.machine import Machine
from dyntransform.lifting.parts import Facts, facts_of
from dyntransform.lifting.syntax import lambda_expression
from dyntransform.lifting.values import UnknownCodeError

__all__ = ["Scan"]

_LAST = {
    "DELETE_ATTR",
    "DELETE_SUBSCR",
    "IMPORT_STAR",
    "POP_TOP",
    "STORE_ATTR",
    "STORE_GLOBAL",
    "STORE_NAME",
    "STORE_SLICE",
    "STORE_SUBSCR",
}
"""The last instructions of simple statements."""


class Scan:
    """What is seen of a compound statement.

    Args:
        flow: the code around.
        piece: where it stands.
    """

    def __init__(self, flow: Flow, piece: Range) -> None:
        self._flow = flow
        self._piece = piece
        self._indexes = piece.indexes
        self._inside = set(self._indexes)

    def _next(self, index: int) -> list[int]:
        instruction = self._flow.instructions[index]
        following = [] if instruction.is_final() else [index + 1]
        target = self._flow.targets[index]
        return [*following, target] if target is not None else following

    def _leaders(self) -> set[int]:
        """Return where straight code begins."""
        leaders = {self._piece.start, *self._piece.handlers[:1]}
        for index in self._indexes:
            target = self._flow.targets[index]
            if target is not None:
                leaders.update((target, index + 1))
            elif self._flow.instructions[index].is_final():
                leaders.add(index + 1)
        leaders.update(handler.target for handler in self._flow.handlers_of(self._indexes))
        return leaders

    def pieces(self) -> Iterator[Range]:
        """Yield straight pieces that may be whole statements: the shortest ones that leave the stack as it was."""
        leaders = self._leaders()
        begin = self._piece.start
        for index in self._indexes:
            if index in leaders:
                begin = index
            if self._flow.instructions[index].name in _LAST:
                start = self._start_of(index, begin)
                if start is not None:
                    yield Range(start, index + 1)

    def _start_of(self, last: int, begin: int) -> int | None:
        """Return where the code begins that makes what the instruction `last` takes from the stack."""
        missing = 0
        for index in range(last, begin - 1, -1):
            taken, given = self._flow.instructions[index].pre_and_post_stack_effect(jump=False)
            missing = max(0, missing - given) - taken
            if missing == 0:
                return index
        return None

    def test(self) -> ast.expr | None:
        """Return the condition that the statement begins with, if it is a simple one."""
        for index in range(self._piece.start, self._piece.stop):
            if self._flow.targets[index] is not None:
                stop = index - (self._flow.instructions[index - 1].name == "TO_BOOL")
                try:
                    return Machine(self._flow, lambda_expression).value(Range(self._piece.start, stop))
                except UnknownCodeError:
                    return None
        return None

    def facts(self) -> Facts:
        """Return what the statement does with names; a name is read if it may not have been bound before."""
        plain = facts_of(self._flow.instructions[index] for index in self._indexes)
        bound = self._bound_before()
        reads: set[str] = set()
        for index in self._indexes:
            here = facts_of([self._flow.instructions[index]])
            reads |= here.reads - bound.get(index, frozenset())
        mutates = {name for index, name in self._updated() if name not in bound.get(index, ())}
        return Facts(
            frozenset(reads),
            frozenset(chain for chain in plain.attributes if chain[0] in reads),
            plain.binds,
            self._always,
            frozenset(mutates & reads),
            plain.calls,
            plain.makes_code,
        )

    def _bound_before(self) -> dict[int, frozenset[str]]:
        """Return the names that are certainly bound before each instruction: a forward analysis of the flow."""
        every = frozenset(
            str(self._flow.instructions[index].arg)
            for index in self._indexes
            if self._flow.instructions[index].name == "STORE_NAME"
        )
        bound = dict.fromkeys(self._indexes, every)
        bound[self._piece.start] = frozenset()
        ends = [every]
        pending = [self._piece.start]
        seen: set[int] = set()
        while pending:
            index = pending.pop()
            first = index not in seen
            seen.add(index)
            instruction = self._flow.instructions[index]
            after = bound[index]
            if instruction.name == "STORE_NAME":
                after |= {str(instruction.arg)}
            elif instruction.name == "DELETE_NAME":
                after -= {str(instruction.arg)}
            for handler in self._flow.handlers_of([index]):
                self._reach(handler.target, bound[index], bound, pending, seen)
            for following in self._next(index):
                if following in self._inside:
                    self._reach(following, after, bound, pending, seen)
                else:
                    ends.append(after)
            if first and not self._next(index) and is_return(instruction):
                ends.append(after)
        self._always = frozenset.intersection(*ends) if len(ends) > 1 else frozenset()
        return bound

    def _reach(
        self, index: int, names: frozenset[str], bound: dict[int, frozenset[str]], pending: list[int], seen: set[int]
    ) -> None:
        if index not in bound:
            return
        new = bound[index] & names
        if new != bound[index] or index not in seen:
            bound[index] = new
            pending.append(index)

    def _updated(self) -> Iterator[tuple[int, str]]:
        """Yield names of what is changed in part, or has a method called whose result is dropped, and where."""
        for piece in self.pieces():
            try:
                lifted = Machine(self._flow, lambda_expression).lift(piece)
            except UnknownCodeError:
                continue
            changed = [
                target for target, value in lifted.stores if _root(target) is not target or _is_count(target, value)
            ]
            changed += [target for target in lifted.deleted if _root(target) is not target]
            if isinstance(lifted.value, ast.Call) and isinstance(lifted.value.func, ast.Attribute):
                changed.append(lifted.value.func)
            for target in changed:
                root = _root(target)
                if isinstance(root, ast.Name):
                    yield piece.start, root.id


def _root(node: ast.expr) -> ast.expr:
    """Return what an attribute or item is taken from in the end."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node


def _is_count(target: ast.expr, value: Any) -> bool:
    return isinstance(target, ast.Name) and getattr(value, "in_place", False) is True

"""Turn the marks on a tree into the code that runs.

A read of a name imported in a function becomes ``(R(key, y) if R is not None else y)``, R being a builtin that is None
until an edit replaced a value which a running function may still hold. All new nodes have the position of the name they
stand for, so tracebacks, carets and line events are those of the original. Links and class bases need no code: the
engine reads the links from the cache entry, and it edits classes in place without the base (see docs/design.md).

A read that is itself what is tested (``if y:``) becomes the only part of an f-string, which compiles to that part and
nothing else. The compiler turns conditional expressions that are tested into jumps, and the jumps would show: Python
3.11 goes on with the position of the comparison, so that a failing ``assert y`` had a caret, and with the lookup asked,
they make line events in Python 3.13.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from dyntransform.transform.decide import Decisions, Source

__all__ = ["REPLACED", "lower"]

REPLACED = "__dyn_replaced__"
"""The builtins name of R. A builtin is found when code runs with other globals, and costs what a global does."""


def lower(tree: ast.AST, decisions: Decisions) -> None:
    """Rewrite the marked names of `tree` in place."""
    if decisions.reads:
        _Lowering(decisions.reads).visit(tree)


class _Lowering(ast.NodeTransformer):
    def __init__(self, reads: dict[ast.Name, tuple[Source, ...]]) -> None:
        self._reads = reads
        self._tested: set[ast.Name] = set()

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Note what a node tests, before it is reached."""
        if isinstance(node, _TESTING):
            self._tested.update(_tested(node))
        return super().generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        sources = self._reads.get(node)
        if sources is None:
            return node
        at = ast.Name(REPLACED, ast.Load())
        again = ast.Name(node.id, ast.Load())
        key = ast.Constant(sources)  # type: ignore[arg-type]  # the compiler takes tuples
        lookup = ast.Call(ast.Name(REPLACED, ast.Load()), [key, again], [])
        test = ast.Compare(at, [ast.IsNot()], [ast.Constant(None)])
        lowered = ast.IfExp(test, lookup, node)  # in this order what is usual does not jump over what is rare
        whole = ast.JoinedStr([lowered]) if node in self._tested else lowered
        for new in ast.walk(whole):
            if new is not node:
                ast.copy_location(new, node)
        return whole


_TESTING = (ast.If, ast.While, ast.Assert, ast.IfExp, ast.comprehension, ast.match_case)


def _tested(node: ast.AST) -> Iterator[ast.Name]:
    """Yield the names whose truth decides where a node goes on."""
    pending = [getattr(node, "test", None), getattr(node, "guard", None), *getattr(node, "ifs", ())]
    while pending:
        match pending.pop():
            case ast.Name() as name:
                yield name
            case ast.BoolOp(values=values):
                pending += values
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                pending.append(operand)
            case ast.IfExp(body=body, orelse=orelse):
                pending += [body, orelse]

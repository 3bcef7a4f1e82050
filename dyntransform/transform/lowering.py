"""Turn the marks on a tree into the code that runs.

A read of a name imported in a function becomes ``(R(key, y) if R is not None else y)``, R being a builtin that is None
until an edit replaced a value which a running function may still hold. All new nodes have the position of the name they
stand for, so tracebacks, carets and line events are those of the original. Links and class bases need no code: the
engine reads the links from the cache entry, and it edits classes in place without the base (see docs/design.md).
"""

from __future__ import annotations

import ast

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
        for new in ast.walk(lowered):
            if new is not node:
                ast.copy_location(new, node)
        return lowered

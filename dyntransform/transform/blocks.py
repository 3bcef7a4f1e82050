"""Statements, and the statements in them."""

from __future__ import annotations

import ast
import bisect
from collections.abc import Iterator

__all__ = ["STATEMENT_LISTS", "bound", "has_line_of", "outside_functions", "statement_lists"]

STATEMENT_LISTS = frozenset({"body", "orelse", "finalbody", "handlers", "cases"})
"""Fields of nodes that have statements in them."""


def statement_lists(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """Yield the statement lists of a module or compound statement, in the order of the source.

    Args:
        node: one that has some of `STATEMENT_LISTS`.
    """
    yield getattr(node, "body", [])
    for part in [*getattr(node, "handlers", ()), *getattr(node, "cases", ())]:
        yield part.body
    yield getattr(node, "orelse", [])
    yield getattr(node, "finalbody", [])


def has_line_of(node: ast.stmt, lines: list[int]) -> bool:
    """Whether one of the lines is among those of a statement, with its decorators; others need not be looked into.

    Args:
        node: the statement.
        lines: numbers, in order.
    """
    decorators = getattr(node, "decorator_list", None)
    index = bisect.bisect_left(lines, decorators[0].lineno if decorators else node.lineno)
    return index < len(lines) and lines[index] <= (node.end_lineno or node.lineno)


def outside_functions(body: list[ast.stmt], *, classes: bool = True) -> Iterator[ast.stmt]:
    """Yield statements and those in their blocks, in no order: not those of functions, those of classes if asked."""
    scopes = _FUNCTIONS if classes else (*_FUNCTIONS, ast.ClassDef)
    pending = list(body)
    while pending:
        statement = pending.pop()
        yield statement
        if STATEMENT_LISTS.intersection(statement._fields) and not isinstance(statement, scopes):
            pending += [inner for block in statement_lists(statement) for inner in block]


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds, or updates: as a definition, an import, or with targets."""
    if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
        yield statement.name
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name for alias in statement.names)
    if isinstance(statement, ast.AnnAssign) and statement.value is None:
        return
    targets: list[ast.expr | None] = [*getattr(statement, "targets", ()), getattr(statement, "target", None)]
    targets += [item.optional_vars for item in getattr(statement, "items", ())]
    while targets:
        match targets.pop():
            case ast.Name(name):
                yield name
            case ast.Tuple(parts) | ast.List(parts):
                targets += parts
            case ast.Starred(part):
                targets.append(part)

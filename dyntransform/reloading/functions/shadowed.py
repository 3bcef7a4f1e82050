"""What a definition made that a later one of the same name covered: handlers and hooks that are all called ``_``."""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import FunctionType
from typing import Any

from dyntransform.reloading.live.transaction import MISSING
from dyntransform.reloading.model.statement import Statement

__all__ = ["covered_function"]


def covered_function(
    covered: Statement, cover: Statement, held: Any, live: Callable[[Statement], list[FunctionType]]
) -> Any:
    """Return the function that a decorated definition bound before a later one took its name.

    That the decorators gave back the function itself is told by the later definition, which has the same.

    Args:
        covered: the earlier definition, in the version that runs.
        cover: the definition that bound the name last.
        held: what the name holds.
        live: gives the functions that a definition made.

    Returns:
        The function; MISSING if there is none, several, or what the decorators returned cannot be told.
    """
    decorators = [_called(statement) for statement in (covered, cover)]
    if not decorators[0] or decorators[0] != decorators[1]:
        return MISSING
    functions = live(covered)
    if len(functions) != 1 or not any(held is function for function in live(cover)):
        return MISSING
    return functions[0]


def _called(statement: Statement) -> list[str]:
    """Return the decorators of a function without their arguments: ``app.route`` of ``@app.route("/")``."""
    decorators = getattr(statement.node, "decorator_list", []) if statement.kind is not ast.ClassDef else []
    return [ast.dump(each.func if isinstance(each, ast.Call) else each) for each in decorators]

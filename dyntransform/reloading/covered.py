"""What a definition made that a later one of the same name covered: handlers and hooks that are all called ``_``."""

from __future__ import annotations

import ast
from types import FunctionType
from typing import TYPE_CHECKING, Any

from dyntransform.reloading.module_edit import ModuleEdit, definition_node
from dyntransform.reloading.source import Statement
from dyntransform.reloading.transaction import MISSING

if TYPE_CHECKING:
    from dyntransform.reloading.patching import Patching

__all__ = ["covered_function"]


def covered_function(edit: ModuleEdit, covered: Statement, cover: Statement, held: Any, patching: Patching) -> Any:
    """Return the function that a decorated definition bound before a later one took its name.

    That the decorators gave back the function itself is told by the later definition, which has the same.

    Args:
        edit: the module.
        covered: the earlier definition, in the version that runs.
        cover: the definition that bound the name last.
        held: what the name holds.
        patching: knows the live functions.

    Returns:
        The function; MISSING if there is none, several, or what the decorators returned cannot be told.
    """
    name = covered.name
    decorators = [_called(statement) for statement in (covered, cover)]
    if not decorators[0] or decorators[0] != decorators[1]:
        return MISSING
    live = [_live(edit, statement, name, patching) for statement in (covered, cover)]
    if len(live[0]) != 1 or not any(held is function for function in live[1]):
        return MISSING
    return live[0][0]


def _called(statement: Statement) -> list[str]:
    """Return the decorators of a function without their arguments: ``app.route`` of ``@app.route("/")``."""
    decorators = getattr(statement.node, "decorator_list", []) if statement.kind is not ast.ClassDef else []
    return [ast.dump(each.func if isinstance(each, ast.Call) else each) for each in decorators]


def _live(edit: ModuleEdit, statement: Statement, name: str, patching: Patching) -> list[FunctionType]:
    node = definition_node(edit.old_codes[statement], name)
    return patching.live(edit, node.code) if node is not None else []

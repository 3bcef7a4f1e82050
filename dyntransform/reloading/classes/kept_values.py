"""What the statements of a class body bound that are not executed again when the class is made again."""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import FunctionType
from typing import Any

from dyntransform.reloading.classes.kinds import fields
from dyntransform.reloading.classes.making import Creation
from dyntransform.reloading.classes.merge import is_slot
from dyntransform.reloading.live.transaction import MISSING
from dyntransform.reloading.model.statement import Statement, is_docstring
from dyntransform.reloading.planning.definitions import ClassEdit, FunctionEdit
from dyntransform.reloading.planning.pairing import Pair
from dyntransform.transform.scopes import mangled

__all__ = ["KeptValues"]


class KeptValues:
    """The values of unchanged statements, as far as the live class, or what made it, still has them.

    Args:
        cls: the live class.
        change: how its statement changed.
        creation: what takes part in making it.
        live_function: gives the function of a method by name, wherever it is held.
    """

    def __init__(
        self,
        cls: type,
        change: ClassEdit,
        creation: Creation,
        live_function: Callable[[str], FunctionType | None],
    ) -> None:
        self._cls = cls
        self._change = change
        self._creation = creation
        self._live_function = live_function

    def of(self, pair: Pair) -> dict[str, Any] | None:
        """Return the values by name; None if the statement has to be executed to know."""
        statement = pair.new
        if is_docstring(statement.node):
            return None
        inner = self._change.edits.get(statement)
        if inner is not None:
            return self._definition(statement, plain=isinstance(inner, FunctionEdit))
        return self._plain(statement)

    def _definition(self, statement: Statement, *, plain: bool) -> dict[str, Any] | None:
        name = statement.name
        value = self._live(name)
        if self._creation.kind == "enum" and isinstance(value, self._cls):
            return None
        undecorated = plain and not statement.node.decorator_list  # type: ignore[attr-defined]
        if (undecorated and not isinstance(value, (FunctionType, staticmethod, classmethod))) or name == "__new__":
            value = self._live_function(name) or value
        return {name: value} if value is not MISSING else {}

    def _plain(self, statement: Statement) -> dict[str, Any] | None:
        node = statement.node
        if statement.annotated and (not isinstance(node, ast.AnnAssign) or node.value is None):
            return None  # a value alone would lose its annotation
        if self._creation.is_dataclass and not self._creation.transforms:
            value = fields.recovered(self._cls, node)
            if value is not MISSING:
                return {node.target.id: value}  # type: ignore[attr-defined]
        if self._creation.transforms and statement.usage.binds:
            return None
        found = {name: self._live(name) for name in sorted(statement.usage.binds)}
        values = {name: value for name, value in found.items() if value is not MISSING and not is_slot(value)}
        return None if isinstance(node, ast.AnnAssign) and not values else values

    def _live(self, name: str) -> Any:
        return vars(self._cls).get(mangled(name, self._change.new.name), MISSING)

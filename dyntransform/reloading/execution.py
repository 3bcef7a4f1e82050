"""Execute statements of an edited module, in a copy of its namespace as long as nothing of the edit is live."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any

from dyntransform.reloading.bindings import KEPT_NOTE, Bindings
from dyntransform.reloading.diff import Pair, is_definition
from dyntransform.reloading.imports import ImportCheck
from dyntransform.reloading.module_edit import ModuleEdit
from dyntransform.reloading.ordering import Ordering
from dyntransform.reloading.report import Action
from dyntransform.reloading.source import Statement
from dyntransform.reloading.succession import made_from, succeed
from dyntransform.reloading.transaction import MISSING
from dyntransform.reloading.values import is_inert, same_value
from dyntransform.runtime.hooks import kept_names

if TYPE_CHECKING:
    from dyntransform.reloading.edit import Edit

__all__ = ["Execution"]


class Execution:
    """Runs statements for an edit.

    Args:
        edit: the edit.
        bindings: takes the names whose value changes.
        ordering: tells what is project code.

    Attributes:
        executed: place and name of each statement that ran live, so that what it did elsewhere cannot be taken back.
    """

    def __init__(self, edit: Edit, bindings: Bindings, ordering: Ordering) -> None:
        self._edit = edit
        self._transaction = edit.transaction
        self._bindings = bindings
        self._ordering = ordering
        self._imports = ImportCheck(set(edit.edits))
        self.executed: list[str] = []

    def run(self, module: ModuleEdit, index: int, pair: Pair, action: Action, *, quiet: bool = False) -> None:
        """Execute a top-level statement, and take over the names that it changes.

        Args:
            module: its module.
            index: its position.
            pair: the statement.
            action: what the report calls it.
            quiet: it is only run for what another statement needs: its names do not count as changed.
        """
        statement = pair.new
        before = dict(self._transaction.view(module.namespace))
        kept = kept_names(before) & before.keys() & statement.usage.binds
        if kept and kept == statement.usage.binds:
            self._edit.note(module, statement.name, Action.WAITS, statement.first_line, KEPT_NOTE)
            return
        after = self._execute(module, statement)
        after.update({name: before[name] for name in kept})
        literal = _literal(pair.old)
        for name in after.keys() | before.keys():
            old, new = before.get(name, MISSING), after.get(name, MISSING)
            if name in kept:
                self._transaction.set_item(module.namespace, name, old)
                continue
            changed = new is not old and not same_value(old, new)
            if new is MISSING:
                self._transaction.delete_item(module.namespace, name)
            elif new is not old:
                self._transaction.set_item(module.namespace, name, new if changed else old)
            if changed and not quiet:
                self._bindings.rebind(module, name, old, literal, index)
                self._succeed(module, name, old, new)
        if action is Action.RAN and statement.usage.binds and not statement.usage.binds & before.keys():
            action = Action.ADDED
        if not quiet:
            self._edit.note(module, statement.name, action, statement.first_line)

    def _execute(self, module: ModuleEdit, statement: Statement) -> dict[str, Any]:
        """Execute a statement; return the namespace as it is then."""
        code = module.code(statement)
        if self.must_be_live(module, [statement]):
            self._transaction.commit()
        namespace = module.namespace
        self._transaction.save(namespace)
        view = self._transaction.view(namespace)
        if self._transaction.live:
            self.executed.append(f"{module.state.path}:{statement.first_line}: {statement.name}")
            exec(code, namespace)
        elif statement.usage.makes_code:
            made: dict[str, Any] = {}
            exec(code, namespace, made)  # what it makes keeps the real namespace
            return {**view, **made}
        else:
            view = dict(view)
            exec(code, view)
        return dict(view)

    def _succeed(self, module: ModuleEdit, name: str, old: Any, new: Any) -> None:
        """Serve those who hold the function that a definition of this name made before."""
        if isinstance(old, FunctionType) and callable(new) and not isinstance(new, type):
            definition = next((one for one in reversed(module.old_statements) if name in one.usage.binds), None)
            if definition is not None and is_definition(definition.node):
                codes = {id(node.code) for node in module.old_codes[definition]}
                codes |= {id(node.code) for nodes in module.codes for node in nodes if node.code.co_name == name}
                if made_from(old, codes):
                    succeed(old, new, self._transaction)

    def must_be_live(self, module: ModuleEdit, statements: Sequence[Statement]) -> bool:
        """Whether executing the statements may run code, or give it values, that the edit changes."""
        if self._transaction.live:
            return False
        view = self._transaction.view(module.namespace)
        for statement in statements:
            usage = statement.usage
            if usage.makes_code and any((module.name, name) in self._bindings.changed for name in usage.reads):
                return True
            if not all(is_inert(view[name], self._ordering.is_project) for name in usage.reads if name in view):
                return True
            if self._imports.reaches_edit(statement.node, module.namespace):
                return True
        return False

    def make(self, module: ModuleEdit, statement: Statement) -> FunctionType:
        """Execute a function definition without its decorators, and without binding it."""
        node = statement.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if self.must_be_live(module, [statement]):
            self._transaction.commit()
        code = module.source.compile([_undecorated(node)])
        made: dict[str, Any] = {}
        exec(code, self._transaction.view(module.namespace), made)
        function = made[node.name]
        assert isinstance(function, FunctionType)
        return function


def _literal(statement: Statement | None) -> Any:
    node = statement.node if statement is not None else None
    value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    if value is None:
        return MISSING
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return MISSING


def _undecorated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
    fields = {field: value for field, value in ast.iter_fields(node) if field != "decorator_list"}
    return ast.copy_location(type(node)(**fields, decorator_list=[]), node)

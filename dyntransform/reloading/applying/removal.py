"""Statements that an edit removes: what they registered is taken back where that can be known, else reported."""

from __future__ import annotations

import ast
import functools
from types import CodeType, FrameType, FunctionType

from dyntransform.reloading.classes.find import live_class
from dyntransform.reloading.functions.forwarding import made_from
from dyntransform.reloading.functions.registrations import withdraw
from dyntransform.reloading.live import heap
from dyntransform.reloading.model.report import Action
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.module_diff import ModuleEdit, definition_node
from dyntransform.reloading.session import Session

__all__ = ["Removal"]


_STAYS = "removed: what it did stays until a restart"


class Removal:
    """The effects of statements that are gone, or are to run anew.

    Args:
        session: the edit that is being applied.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._transaction = session.transaction

    def take_back(self, module: ModuleEdit) -> None:
        """Take back what the removed statements of a module registered; report what stays."""
        for statement in module.pairing.removed:
            if not statement.usage.calls or statement.is_import or self.withdraw(module, statement):
                continue
            if statement.is_definition:
                if statement.node.decorator_list:  # type: ignore[attr-defined]
                    report = functools.partial(self._report_definition, module, statement)
                    self._transaction.afterwards_do(report)
            elif statement.usage.mutates & module.namespace.keys() - module.pairing.removed_names:
                self._session.note(module, statement.name, Action.WAITS, None, _STAYS)

    def withdraw(self, module: ModuleEdit, statement: Statement, new: Statement | None = None) -> bool:
        """Take back what a statement of the old version registered; return whether that is all that it may have.

        Args:
            module: the module.
            statement: the statement.
            new: what takes its place: its functions run the code of that, once the edit is live.
        """
        if not statement.usage.calls:
            return True
        view = self._transaction.view(module.namespace)
        nodes = [*module.old_codes[statement], *(module.codes_of(new) if new is not None else ())]
        codes = {id(node.code) for node in nodes}
        is_class = statement.kind is ast.ClassDef
        cls = live_class(view.get(statement.name), module.name, statement) if is_class else None
        return withdraw(statement, view.get, lambda value: value is cls or made_from(value, codes), self._transaction)

    def _report_definition(self, module: ModuleEdit, statement: Statement) -> None:
        self._session.let_go()
        node = definition_node(module.old_codes[statement], statement.name)
        kinds = _holders(node.code) if node is not None else []
        if kinds:
            note = f"removed: what its decorators registered stays, held by {', '.join(kinds)}"
            self._session.note(module, statement.name, Action.WAITS, None, note)


def _holders(code: CodeType) -> list[str]:
    """Return the kinds of what holds the functions that run some code; frames are those of the engine."""
    functions = tuple(one for one in heap.referrers(code) if type(one) is FunctionType)
    holders = heap.referrers(*functions) if functions else []
    # Python 3.13 shows the arguments of calls as well.
    return sorted(
        {
            type(one).__name__
            for one in holders
            if not isinstance(one, FrameType) and not (type(one) is tuple and one == functions)
        }
    )

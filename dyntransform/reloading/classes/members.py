"""The members of a live class: set, replaced and removed."""

from __future__ import annotations

import ast
from types import FunctionType
from typing import Any

from dyntransform.cpython.annotations import CLASS_ANNOTATIONS, CLASS_EVALUATOR, evaluator_in
from dyntransform.cpython.features import DEFERRED_ANNOTATIONS
from dyntransform.reloading.classes.body import Body
from dyntransform.reloading.classes.held_methods import serve_holders
from dyntransform.reloading.classes.site import ClassSite
from dyntransform.reloading.functions import annotations as evaluators
from dyntransform.reloading.live.transaction import MISSING
from dyntransform.reloading.live.values import same_value
from dyntransform.reloading.model.report import Action
from dyntransform.reloading.model.statement import Statement, docstring, same_scope
from dyntransform.reloading.planning.class_plan import BodyPlan
from dyntransform.reloading.planning.pairing import Kind
from dyntransform.transform.scopes import mangled

__all__ = ["MemberEdit"]


class MemberEdit:
    """Sets and removes members of a live class.

    Args:
        site: the class statement.
        cls: the class.
        plan: what the edit does to the body.
    """

    def __init__(self, site: ClassSite, cls: type, plan: BodyPlan) -> None:
        self._site = site
        self._transaction = site.session.transaction
        self._cls = cls
        self._change = site.change
        self._plan = plan

    def apply(self, made: dict[str, Any]) -> None:
        """Take over what the executed statements bound."""
        values, evaluator = made.pop("__annotations__", {}), made.pop(CLASS_EVALUATOR, None)
        for name, value in made.items():
            if name not in self._plan.covered:
                self._set(name, value)
        for name in sorted((self._plan.removed | self._no_longer_bound(made)) & vars(self._cls).keys()):
            if name not in ("__doc__", "__module__", "__qualname__"):
                self._transaction.delete_attribute(self._cls, name)
                self._note(name, Action.REMOVED, None)
        self._hash()
        self._docstring()
        if self._plan.annotations and DEFERRED_ANNOTATIONS and not self._change.new.future_annotations:
            self._deferred_annotations(evaluator)
        elif self._plan.annotations:
            self._annotations(values)

    def _no_longer_bound(self, made: dict[str, Any]) -> frozenset[str]:
        """Return the members that an executed block bound before and, taking another way, does not bind now."""
        blocks = [pair for pair in self._plan.runs if pair.new.is_block and pair.old is not None]
        others = {name for pair in self._change.body.pairs if pair not in blocks for name in pair.new.usage.binds}
        before = {name for pair in blocks for name in pair.old.usage.binds - others}  # type: ignore[union-attr]
        return frozenset(mangled(name, self._site.name) for name in before) - made.keys()

    def _note(self, name: str, action: Action, line: int | None) -> None:
        self._site.session.note(self._site.module, f"{self._site.qualname}.{name}", action, line)

    def _set(self, name: str, value: Any) -> None:
        old = vars(self._cls).get(name, MISSING)
        if same_value(old, value):
            return
        if name == "__new__" and isinstance(value, FunctionType):
            value = staticmethod(value)
        elif name in ("__init_subclass__", "__class_getitem__") and isinstance(value, FunctionType):
            value = classmethod(value)
        self._transaction.set_attribute(self._cls, name, value)
        serve_holders(self._site, self._plan, name, old, value)
        set_name = getattr(type(value), "__set_name__", None)
        if set_name is not None:
            set_name(value, self._cls, name)
        pair = self._plan.pair_of(name)
        if pair is not None:
            action = Action.ADDED if old is MISSING else Action.UPDATED
            if pair.kind == Kind.SAME:
                action = Action.RERAN
            self._note(name, action, pair.new.first_line)

    def _hash(self) -> None:
        """A class that defines __eq__ alone has __hash__ None (data model, object.__hash__)."""
        if not self._plan.touched & {"__eq__", "__hash__"} or "__hash__" in self._plan.new_names:
            return
        if "__eq__" in self._plan.new_names:
            self._transaction.set_attribute(self._cls, "__hash__", None)
        elif vars(self._cls).get("__hash__", MISSING) is None:
            self._transaction.delete_attribute(self._cls, "__hash__")

    def _docstring(self) -> None:
        versions = self._change.old, self._change.new
        old, new = (docstring([part.node for part in statement.body[:1]]) for statement in versions)
        if old != new and self._cls.__doc__ == old:
            self._transaction.set_attribute(self._cls, "__doc__", new)
            place = self._change.new.first_line
            self._site.session.note(self._site.module, self._site.qualname, Action.UPDATED, place, "docstring")

    def _annotations(self, made: dict[str, Any]) -> None:
        """Order them as the new source does; those that something else put there come last."""
        current = dict(vars(self._cls).get("__annotations__", {}))
        old, new = _annotated(self._change.old, self._plan.name), _annotated(self._change.new, self._plan.name)
        values = {**current, **made}
        ordered = {name: values[name] for name in new if name in values}
        others = {name: value for name, value in values.items() if name not in {*old, *new}}
        self._transaction.set_attribute(self._cls, "__annotations__", {**ordered, **others})

    def _deferred_annotations(self, executed: FunctionType | None) -> None:
        """Give the class what evaluates the annotations in its body now.

        Args:
            executed: what evaluates those of the executed statements.
        """
        cls = self._cls
        before, now = Body(self._site).evaluators()
        if now is not None:
            held = evaluator_in(vars(cls), CLASS_EVALUATOR)
            former = before.code if before is not None else None
            known, places = evaluators.come_to(held, former), evaluators.come_to(executed)
            for pair in self._change.body.pairs:
                old = evaluators.variables(pair.old) if pair.old is not None and pair not in self._plan.runs else []
                pairs = zip(old, evaluators.variables(pair.new), strict=False)
                places |= {evaluators.place(new) for one, new in pairs if evaluators.place(one) in known}
            new = evaluators.for_class(now.code, cls, self._site.module.namespace, places)
            self._transaction.set_attribute(cls, CLASS_EVALUATOR, new)
        elif CLASS_EVALUATOR in vars(cls):
            self._transaction.delete_attribute(cls, CLASS_EVALUATOR)
        evaluators.forget(evaluators.namespace_of(cls), CLASS_ANNOTATIONS, self._transaction)


def _annotated(statement: Statement, name: str) -> list[str]:
    nodes = [node for part in statement.body for node in same_scope(part.node) if isinstance(node, ast.AnnAssign)]
    return [mangled(node.target.id, name) for node in nodes if isinstance(node.target, ast.Name)]

"""Which statements of a class body an edit executes, and which members it touches."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator, Sequence
from types import FunctionType
from typing import Any

from dyntransform.cpython.annotations import CLASS_ANNOTATIONS, CLASS_EVALUATOR, evaluator_in
from dyntransform.cpython.features import DEFERRED_ANNOTATIONS
from dyntransform.reloading.classes.body import Body, entry_name, is_docstring
from dyntransform.reloading.classes.held_methods import serve_holders
from dyntransform.reloading.classes.site import ClassSite
from dyntransform.reloading.functions import annotations as evaluators
from dyntransform.reloading.live.transaction import MISSING
from dyntransform.reloading.live.values import same_value
from dyntransform.reloading.model.report import Action
from dyntransform.reloading.model.statement import Statement, docstring, same_scope
from dyntransform.reloading.model.usage import reads_any
from dyntransform.reloading.planning.body_reruns import at_their_place, run_together
from dyntransform.reloading.planning.definitions import ClassEdit, FunctionEdit
from dyntransform.reloading.planning.pairing import Kind, Pair, is_definition

__all__ = ["BodyPlan", "MemberEdit", "last_binders", "plan_body"]


@dataclasses.dataclass(frozen=True)
class BodyPlan:
    """What an edit does to the body of a class.

    Attributes:
        name: the name of the class, which private names take in.
        runs: the statements to execute, in order.
        removed: members that the old version bound and the new one does not.
        unbound: members that no statement binds before the executed ones do: these do not see what the class has.
        old_names: members that the old version binds.
        new_names: members that the new version binds.
        values: something else than functions, classes and the docstring changes.
        annotations: the annotations of the class change.
        nested: names of nested classes that changed.
        covered: names of executed statements that keep the value of a later one, which is not executed.
        changed: anything but places and comments changed.
        several: the class may have been made by another statement of the same block.
    """

    name: str
    runs: tuple[Pair, ...]
    removed: frozenset[str]
    unbound: frozenset[str]
    old_names: frozenset[str]
    new_names: frozenset[str]
    values: bool
    annotations: bool
    nested: frozenset[str]
    covered: frozenset[str]
    changed: bool
    several: bool = False

    @property
    def touched(self) -> frozenset[str]:
        """The members that change; methods of which only the code changed are none."""
        return self.binds | self.removed

    @property
    def binds(self) -> frozenset[str]:
        """The members that the executed statements bind."""
        return frozenset(entry_name(name, self.name) for pair in self.runs for name in pair.new.usage.binds)

    def pair_of(self, entry: str) -> Pair | None:
        """Return the executed statement that binds a member."""
        found = None
        for pair in self.runs:
            if any(entry_name(name, self.name) == entry for name in pair.new.usage.binds):
                found = pair
        return found


def plan_body(change: ClassEdit, stale: frozenset[str], lost: frozenset[Statement]) -> BodyPlan:
    """Decide what is executed: edited statements, and what reads a value that changed.

    Args:
        change: how the class statement changed.
        stale: names whose value changed.
        lost: edited methods whose members were replaced from outside: their statements run.
    """
    lost |= at_their_place(change)
    runs = tuple(_runs(change, stale, lost))
    while not (together := run_together(change.body, runs)) <= {pair.new for pair in runs}:
        lost |= together
        runs = tuple(_runs(change, stale, lost))
    name = change.new.name
    body = change.body
    others = [
        statement
        for statement in (*(pair.new for pair in runs), *body.removed)
        if not is_definition(statement.node) and not is_docstring(statement.node)
    ]
    nested = [
        pair.new.name for pair in body.pairs if isinstance(pair.new.node, ast.ClassDef) and pair.kind == Kind.DEFINITION
    ]
    own = [pair for pair in body.pairs if pair.kind != Kind.SAME and pair.new.name not in nested]
    return BodyPlan(
        name,
        runs,
        frozenset(entry_name(each, name) for each in body.removed_names),
        frozenset(entry_name(each, name) for each in _first_bound(body.pairs, runs)),
        frozenset(entry_name(each, name) for statement in change.old.body for each in statement.usage.binds),
        frozenset(entry_name(each, name) for statement in change.new.body for each in statement.usage.binds),
        values=bool(others),
        annotations=any(one.annotated for one in others) or change.new.usage.asks_for(stale),
        nested=frozenset(nested),
        covered=frozenset(entry_name(each, name) for each in _covered(body.pairs, runs)),
        changed=bool(own or runs or body.removed or change.decorated or change.bases),
    )


def _runs(change: ClassEdit, stale: frozenset[str], lost: frozenset[Statement]) -> list[Pair]:
    body = change.body
    rebound = last_binders(list(change.old.body))
    final = {name: pair for pair in body.pairs for name in pair.new.usage.binds}
    runs: list[Pair] = []
    changed = set(body.removed_names)  # what reads them fails, as in a new process
    for pair in body.pairs:
        usage = pair.new.usage
        uncovered = any(
            final[name] is pair and pair.old is not None and rebound.get(name) is not pair.old for name in usage.binds
        )
        if _wanted(pair, change, frozenset(usage.loads & (changed | stale)), lost, uncovered=uncovered):
            runs.append(pair)
            changed |= usage.binds
    return runs


def _covered(pairs: Sequence[Pair], runs: Sequence[Pair]) -> Iterator[str]:
    """Yield the names of executed statements that a later one binds for certain, which is not executed."""
    final = {name: pair for pair in pairs if not pair.new.is_block for name in pair.new.usage.binds}
    for name, pair in final.items():
        if pair not in runs and any(name in one.new.usage.binds for one in runs):
            yield name


def _first_bound(pairs: Sequence[Pair], runs: Sequence[Pair]) -> Iterator[str]:
    """Yield the names that an executed statement binds first."""
    first = {name: pair for pair in reversed(pairs) for name in pair.new.usage.binds}
    for name, pair in first.items():
        if pair in runs:
            yield name


def last_binders(statements: list[Statement]) -> dict[str, Statement]:
    """Return, for each name, the statement that binds it last."""
    return {name: statement for statement in statements for name in statement.usage.binds}


def _wanted(
    pair: Pair, change: ClassEdit, stale: frozenset[str], lost: frozenset[Statement], *, uncovered: bool
) -> bool:
    """Whether to execute a statement.

    `uncovered`: another statement bound its name last in the old version.
    """
    inner = change.edits.get(pair.new)
    if uncovered or pair.new in lost:
        return True
    if isinstance(inner, FunctionEdit):
        decorators = getattr(inner.new.node, "decorator_list", [])
        return inner.decorated or any(reads_any(part, stale) for part in decorators)
    if inner is not None:
        return False
    if pair.kind == Kind.NEW and is_docstring(pair.new.node):
        return False
    return bool(stale) or pair.kind in (Kind.NEW, Kind.EDITED)


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
        return frozenset(entry_name(name, self._site.name) for name in before) - made.keys()

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
    return [entry_name(node.target.id, name) for node in nodes if isinstance(node.target, ast.Name)]

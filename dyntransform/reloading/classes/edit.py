"""Edit a class that lives: its members in place, or the class made again and taken over, or replaced."""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Collection
from types import FunctionType
from typing import Any

from dyntransform.reloading.classes.body import Body
from dyntransform.reloading.classes.kept_values import KeptValues
from dyntransform.reloading.classes.kinds import slots
from dyntransform.reloading.classes.making import Creation
from dyntransform.reloading.classes.members import MemberEdit
from dyntransform.reloading.classes.rebasing import rebase
from dyntransform.reloading.classes.rebuild import Remaking
from dyntransform.reloading.classes.site import ClassSite
from dyntransform.reloading.functions.annotations import ask_again, evaluators_of_class
from dyntransform.reloading.functions.forwarding import made_from
from dyntransform.reloading.functions.registrations import looks_at_signature, withdraw
from dyntransform.reloading.functions.shadowed import covered_function
from dyntransform.reloading.live import derived, heap
from dyntransform.reloading.live.transaction import MISSING
from dyntransform.reloading.live.wrappers import functions_in
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.model.usage import reads_any
from dyntransform.reloading.planning.class_plan import BodyPlan, last_binders, plan_body
from dyntransform.reloading.planning.definitions import ClassEdit, FunctionEdit
from dyntransform.reloading.planning.module_diff import definition_node
from dyntransform.reloading.planning.pairing import Kind
from dyntransform.reloading.planning.reruns import Scope, run_together
from dyntransform.transform.scopes import mangled

__all__ = ["ClassWork"]


class ClassWork:
    """The edit of one live class.

    Args:
        site: its statement.
        cls: the class.
    """

    def __init__(self, site: ClassSite, cls: type) -> None:
        self._site = site
        self._session = site.session
        self._module = site.module
        self._change = site.change
        self._transaction = site.session.transaction
        self._node = site.node
        self._body = Body(site)
        self._cls = cls

    @functools.cached_property
    def _creation(self) -> Creation:
        view = self._transaction.view(self._module.namespace)
        return Creation(self._cls, self._node.decorator_list, view.get, self._session.is_project)

    def apply(self, *, touched: bool) -> None:
        """Make the class what the new statement says.

        Args:
            touched: the statement reads a value that changed.
        """
        stale = self._session.stale_names(self._module, self._change.new, self._site.index) if touched else frozenset()
        lost = self._replaced_from_outside() | self._seen_by_decorators() | self._lacking()
        plan = plan_body(self._change, stale, lost)
        bound = frozenset(name for pair in plan.runs for name in pair.new.usage.binds)
        late = {one for one in self._change.edits if one.usage.reads & bound}
        early = self._change.edits.keys() - late
        self._functions(early, stale)
        nested = self._nested(early, touched=touched)
        outdated = self._session.outdated.pop(id(self._cls), None) is not None
        remake = self._has_to_be_made_again(plan, stale) or outdated or not self._rebased()
        covered = {} if remake else self._covered(plan)
        self._withdraw(plan, covered)
        if remake:
            self._cls = self._remaking(plan).make_again()
        elif plan.changed:
            self._set_members(plan, covered)
        if late:
            self._transaction.commit()
            self._functions(late - {pair.new for pair in plan.runs}, stale | bound)
            nested = self._nested(late, touched=touched) or nested
        if remake or plan.changed or nested:
            self._finish(plan, remade=remake)
        else:
            self._place(changed=False)

    def _finish(self, plan: BodyPlan, *, remade: bool) -> None:
        bases = remade or self._change.bases
        derived.refresh(self._cls, self._transaction, bases=bases, names=plan.old_names ^ plan.new_names)
        ask_again(evaluators_of_class(self._cls, plan.touched), self._transaction)
        self._session.class_changed(self._cls, self._module, self._site.qualname, self._change.new.first_line)
        self._place(changed=True)

    def succeed(self, made: type, bodies: Collection[Statement] = ()) -> type:
        """Take over what another statement made of the class; return the class that its instances have then.

        Args:
            made: the class that it made.
            bodies: what stands in the bodies of all statements that may have made either, if these are several.
        """
        if bodies:
            plan = plan_body(self._change, frozenset(), frozenset(self._change.new.body))
            names = frozenset(mangled(name, self._site.name) for one in bodies for name in one.usage.binds)
            plan = dataclasses.replace(plan, old_names=names, new_names=names, several=True)
        else:
            plan = plan_body(self._change, frozenset(), frozenset())
        self._cls = Remaking(self._site, self._cls, plan, {}).adopt(made)
        self._finish(plan, remade=True)
        return self._cls

    def _set_members(self, plan: BodyPlan, covered: dict[str, Any]) -> None:
        made = dict(covered)
        statements = [pair.new for pair in plan.runs if mangled(pair.new.name, self._site.name) not in made]
        if statements:
            made |= self._body.execute(self._cls, statements, plan.removed | plan.unbound)
        MemberEdit(self._site, self._cls, plan).apply(made)

    def _covered(self, plan: BodyPlan) -> dict[str, Any]:
        """Return the registered methods that a later one of the same name covered: they are not registered again."""
        last = last_binders(list(self._change.old.body))
        seen, found = self._seen_by_decorators(), {}
        for pair in plan.runs:
            inner = self._change.edits.get(pair.new)
            if pair.old is None or pair.new in seen or not isinstance(inner, FunctionEdit) or inner.decorated:
                continue
            name = mangled(pair.new.name, self._site.name)
            value = covered_function(pair.old, last[pair.new.name], vars(self._cls).get(name), self._made_by)
            if value is not MISSING and last[pair.new.name] is not pair.old:
                found[name] = value
        return found

    def _made_by(self, statement: Statement) -> list[FunctionType]:
        """Return the functions that a method statement of the old version made."""
        node = self._body.old_node_of(statement)
        return self._session.live(self._module, node.code) if node is not None else []

    # ------------------------------------------------------------------ whether members can be set

    def _has_to_be_made_again(self, plan: BodyPlan, stale: frozenset[str]) -> bool:
        head = [*self._node.decorator_list, *self._node.bases, *(keyword.value for keyword in self._node.keywords)]
        if self._change.decorated or any(reads_any(part, stale) for part in head):
            return True
        if not plan.binds.isdisjoint(slots.slot_names(self._cls)):  # a class variable in the way of a slot
            return True
        return self._creation.depends(plan.touched, plan.nested, values=plan.values, annotations=plan.annotations)

    def _rebased(self) -> bool:
        """Give the class the bases of its new statement; return whether it has them."""
        return not self._change.bases or (not self._creation.kind and rebase(self._site, self._cls))

    def _remaking(self, plan: BodyPlan) -> Remaking:
        if self._session.must_be_live(self._module, [self._change.new]):
            self._transaction.commit()
        values = KeptValues(self._cls, self._change, self._creation, self._live_function)
        pairs = self._change.body.pairs
        found = {pair.new: values.of(pair) for pair in pairs if pair not in plan.runs}
        known = {statement: value for statement, value in found.items() if value is not None}
        runs = run_together(
            Scope(self._change.body, self._change.old.body),
            lambda forced: (pair for pair in pairs if pair.new not in known or pair.new in forced),
        )
        kept = {pair.new: known[pair.new] for pair in pairs if pair not in runs}
        return Remaking(self._site, self._cls, plan, kept)

    # ------------------------------------------------------------------ methods and nested classes

    def _functions(self, statements: Collection[Statement], stale: frozenset[str]) -> None:
        """Evaluate changed defaults and annotations of methods."""
        for statement, change in self._change.edits.items():
            if not isinstance(change, FunctionEdit) or change.decorated or statement not in statements:
                continue
            if not change.header and not statement.usage.loads & stale:
                continue
            old = self._body.old_node_of(change.old)
            made = self._body.function(self._cls, statement)
            if old is not None and made is not None:
                self._session.refresh_header(self._module, change, old.code, made, stale)

    def _replaced_from_outside(self) -> frozenset[Statement]:
        """Return the edited methods whose members hold something else: their statements win now."""
        final = last_binders([pair.new for pair in self._change.body.pairs])
        found = set()
        for pair in self._change.body.pairs:
            name = pair.new.name
            if pair.kind != Kind.DEFINITION or isinstance(pair.new.node, ast.ClassDef) or final[name] is not pair.new:
                continue
            value = vars(self._cls).get(mangled(name, self._site.name), MISSING)
            if made_from(value, self._body.codes(name)):
                continue
            decorated = bool(pair.new.node.decorator_list or self._node.decorator_list)  # type: ignore[attr-defined]
            plain = isinstance(value, (FunctionType, staticmethod, classmethod, property))
            if plain or not (decorated or self._creation.transforms):
                found.add(pair.new)
        return frozenset(found)

    def _lacking(self) -> frozenset[Statement]:
        """Return the methods whose functions cannot take their new code: their statements make new ones."""
        members = vars(self._cls)
        held = {one: members.get(mangled(one.name, self._site.name)) for one in self._change.edits}
        return frozenset(one for one, value in held.items() if any(map(self._session.lacks, functions_in(value))))

    def _seen_by_decorators(self) -> frozenset[Statement]:
        """Return the methods with new parameters or annotations for which their decorators ask."""
        edits = self._change.edits.items()
        changed = [one for one, change in edits if isinstance(change, FunctionEdit) and change.signature]
        return frozenset(one for one in changed if looks_at_signature(one.node, self._lookup))

    def _lookup(self, name: str) -> Any:
        """Return the value of a name in the body."""
        view = self._transaction.view(self._module.namespace)
        return vars(self._cls).get(mangled(name, self._site.name), view.get(name))

    def _withdraw(self, plan: BodyPlan, covered: Collection[str]) -> None:
        """Take back what methods registered that are gone or are to register anew."""
        runs = [pair for pair in plan.runs if mangled(pair.new.name, self._site.name) not in covered]
        replaced = [(pair.old, pair.new) for pair in runs if pair.old is not None and pair.kind != Kind.SAME]
        for statement, new in (*((one, None) for one in self._change.body.removed), *replaced):
            nodes = [self._body.old_node_of(statement)] if statement.is_definition else []
            nodes += [self._body.new_node_of(new)] if new is not None and new.is_definition else []
            codes = {id(node.code) for node in nodes if node is not None}
            if statement.usage.calls:
                withdraw(statement, self._lookup, functools.partial(made_from, codes=codes), self._transaction)

    def _live_function(self, name: str) -> FunctionType | None:
        """Return the function of a method that something wraps."""
        node = self._body.new_node(name)
        if node is None:
            return None
        return next((one for one in heap.referrers(node.code) if type(one) is FunctionType), None)

    def _nested(self, statements: Collection[Statement], *, touched: bool) -> bool:
        """Edit classes in the body; return whether one of them took another's place."""
        replaced = False
        for statement, change in self._change.edits.items():
            if isinstance(change, ClassEdit) and statement in statements:
                inner = vars(self._cls).get(mangled(statement.name, self._site.name))
                if isinstance(inner, type):
                    work = ClassWork(self._site.inner(change), inner)
                    work.apply(touched=touched)
                    replaced = replaced or work._cls is not inner
        return replaced

    def _place(self, *, changed: bool) -> None:
        """Tell `inspect` where the class is now, and what its methods set (Python 3.13)."""
        line = vars(self._cls).get("__firstlineno__")
        if line is None or (line == self._change.new.first_line and not changed):
            return
        node = definition_node(self._module.codes[self._site.index], self._site.path[0])
        for part in self._site.path[1:]:
            node = definition_node(node.children, part) if node is not None else None
        for name, value in derived.code_attributes(node.code).items() if node is not None else ():
            if vars(self._cls).get(name) != value:
                self._transaction.set_attribute(self._cls, name, value)

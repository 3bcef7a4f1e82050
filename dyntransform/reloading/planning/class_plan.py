"""Which statements of a class body an edit executes, and which members it touches."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator, Sequence

from dyntransform.reloading.model.statement import Statement, is_docstring
from dyntransform.reloading.model.usage import reads_any
from dyntransform.reloading.planning.definitions import ClassEdit, FunctionEdit, evaluated
from dyntransform.reloading.planning.pairing import Kind, Pair, is_definition
from dyntransform.reloading.planning.reruns import Scope, run_together
from dyntransform.transform.scopes import mangled

__all__ = ["BodyPlan", "last_binders", "plan_body"]


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
        return frozenset(mangled(name, self.name) for pair in self.runs for name in pair.new.usage.binds)

    def pair_of(self, entry: str) -> Pair | None:
        """Return the executed statement that binds a member."""
        found = None
        for pair in self.runs:
            if any(mangled(name, self.name) == entry for name in pair.new.usage.binds):
                found = pair
        return found


def plan_body(change: ClassEdit, stale: frozenset[str], lost: frozenset[Statement]) -> BodyPlan:
    """Decide what is executed: edited statements, and what reads a value that changed.

    Args:
        change: how the class statement changed.
        stale: names whose value changed.
        lost: edited methods whose members were replaced from outside: their statements run.
    """
    scope = Scope(change.body, change.old.body)
    lost |= {*scope.overtaken(), *_at_their_place(change, scope)}
    runs = run_together(scope, lambda forced: _runs(change, stale, lost | forced))
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
        frozenset(mangled(each, name) for each in body.removed_names),
        frozenset(mangled(each, name) for each in _first_bound(body.pairs, runs)),
        frozenset(mangled(each, name) for statement in change.old.body for each in statement.usage.binds),
        frozenset(mangled(each, name) for statement in change.new.body for each in statement.usage.binds),
        values=bool(others),
        annotations=any(one.annotated for one in others) or change.new.usage.asks_for(stale),
        nested=frozenset(nested),
        covered=frozenset(mangled(each, name) for each in _covered(body.pairs, runs)),
        changed=bool(own or runs or body.removed or change.decorated or change.bases),
    )


def _at_their_place(change: ClassEdit, scope: Scope) -> Iterator[Statement]:
    """Yield the methods whose edited headers read names that later statements change: they are made anew."""
    for index, pair in enumerate(scope.pairs):
        evaluates = evaluated([change.edits[pair.new]]) if pair.new in change.edits else ()
        if pair.new.kind is not ast.ClassDef and any(max(scope.users.get(name, [0])) > index for name in evaluates):
            yield pair.new


def _runs(change: ClassEdit, stale: frozenset[str], lost: frozenset[Statement]) -> Iterator[Pair]:
    changed = set(change.body.removed_names)  # what reads them fails, as in a new process
    for pair in change.body.pairs:
        usage = pair.new.usage
        if pair.new in lost or _wanted(pair, change, frozenset(usage.loads & (changed | stale))):
            yield pair
            changed |= usage.binds


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


def _wanted(pair: Pair, change: ClassEdit, stale: frozenset[str]) -> bool:
    """Whether a statement has to be executed for itself, or for a value that changed."""
    inner = change.edits.get(pair.new)
    if isinstance(inner, FunctionEdit):
        decorators = getattr(inner.new.node, "decorator_list", [])
        return inner.decorated or any(reads_any(part, stale) for part in decorators)
    if inner is not None:
        return False
    if pair.kind == Kind.NEW and is_docstring(pair.new.node):
        return False
    return bool(stale) or pair.kind in (Kind.NEW, Kind.EDITED)

"""Statements that must run together, though not all of them changed.

They are found by reaching definitions. The *chain* of a name at a place makes the value that the name has there: the
last statement above the place that binds the name without its earlier value, and all below that one that bind the name,
make it from itself (``N += A``) or mutate its object (``REG.append(A)``). What does so runs again only with its chain,
since otherwise it would have its effect twice.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.definitions import DefinitionEdit, evaluated
from dyntransform.reloading.planning.pairing import Kind, Pair, Pairing
from dyntransform.runtime.hooks import kept_names

__all__ = ["Facts", "Scope", "UpdateGroups", "run_together", "update_groups"]


@dataclasses.dataclass(frozen=True)
class Scope:
    """The statements of a module or a class body, by what they do to names; places are positions in the new version.

    Attributes:
        pairing: the two versions.
        old: the statements of the old version, in order.
        stars: names that star imports give, by place.
        ran: statements that the edit has been at already; they are new no more.
    """

    pairing: Pairing
    old: Sequence[Statement]
    stars: Mapping[int, frozenset[str]] = dataclasses.field(default_factory=dict)
    ran: Container[Statement] = ()

    @functools.cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """The statements of the new version."""
        return self.pairing.pairs

    @functools.cached_property
    def users(self) -> Mapping[str, Sequence[int]]:
        """By name, the statements that bind it, make it from itself or mutate its object."""
        found: dict[str, list[int]] = {}
        for place, pair in enumerate(self.pairs):
            usage = pair.new.usage
            mutated = usage.mutates if not pair.new.is_definition else frozenset()  # its body is edited in place
            for name in usage.binds | usage.self_dependent | mutated | self.stars.get(place, frozenset()):
                found.setdefault(name, []).append(place)
        return found

    def is_written(self, pair: Pair) -> bool:
        """Whether a statement is new or edited, and the edit has not been at it."""
        return pair.kind in (Kind.NEW, Kind.EDITED) and pair.new not in self.ran

    def binder(self, name: str, place: int) -> int | None:
        """Return the reaching definition: the last statement above a place that binds a name."""
        above = (at for at in reversed(self.users.get(name, ())) if at < place)
        binds = (at for at in above if name in self.pairs[at].new.usage.binds or name in self.stars.get(at, ()))
        return next(binds, None)

    def rebinders(self, name: str, place: int) -> list[int]:
        """Return the statements below a place that give a name another value."""
        below = [(at, self.pairs[at].new.usage) for at in self.users.get(name, ()) if at > place]
        return [at for at, usage in below if name in usage.binds or name in usage.self_dependent]

    def chain(self, name: str, place: int) -> list[int]:
        """Return the chain of a name at a place; it is empty if nothing above the place binds the name."""
        base = self.binder(name, place)
        while base is not None and name in self.pairs[base].new.usage.self_dependent:
            base = self.binder(name, base)
        if base is None:
            return []
        mutations = [at for at in self.users[name] if at > base and self._makes(name, at)]
        return [base, *sorted({*self.rebinders(name, base), *mutations})]

    def needs(self, place: int) -> frozenset[str]:
        """Return the names that must hold, when a statement runs, what they hold at its place in the text.

        A new or edited statement that mutates an object (``REG.append(1)``) runs by itself: that is what was written.
        """
        pair = self.pairs[place]
        usage = pair.new.usage
        needed = frozenset(name for name in usage.reads - usage.self_dependent if self.rebinders(name, place))
        own = (
            usage.self_dependent | usage.binds if pair.new.is_block else usage.self_dependent
        )  # a block may leave a name as it was
        if pair.old is None and self.is_written(pair):  # below all others it goes on from what the names have
            return needed | {name for name in own if self.users[name][-1] > place}
        if not self.is_written(pair) and not pair.new.is_definition:
            needed |= {name for name in usage.mutates if self._makes(name, place)}
        return needed | own | (pair.old.usage.self_dependent if pair.old is not None else frozenset())

    def overtaken(self) -> Iterator[Statement]:
        """Yield what binds a name for a reader, or at the end, where another statement did so in the old version."""
        partners = {pair.new: pair.old for pair in self.pairs}
        if [old for old in partners.values() if old is not None] == list(self.old):
            return  # none moved, none is gone
        before, after = _reaching(self.old), _reaching(partners)
        for new, found in after.items():
            former = before[partners[new] if new is not None else None]
            if new is None or not (new.is_definition and partners[new] is not None):
                yield from (one for name, one in found.items() if partners[one] not in (None, former.get(name)))

    def _makes(self, name: str, place: int) -> bool:
        """Whether the object of a name is another one once its chain has run; not if it is imported or defined."""
        binder = self.binder(name, place)
        return binder is not None and not (self.pairs[binder].new.is_import or self.pairs[binder].new.is_definition)


def _reaching(statements: Iterable[Statement]) -> dict[Statement | None, dict[str, Statement]]:
    """Return what binds the names that each statement depends on, and all names at the end, by None."""
    bound: dict[str, Statement] = {}
    found: dict[Statement | None, dict[str, Statement]] = {}
    for statement in statements:
        usage = statement.usage
        names = usage.reads | usage.binds if statement.is_block else usage.reads
        found[statement] = {name: bound[name] for name in names & bound.keys()}
        bound.update(dict.fromkeys(usage.binds, statement))
    return {**found, None: bound}


def run_together(scope: Scope, wanted: Callable[[frozenset[Statement]], Iterable[Pair]]) -> tuple[Pair, ...]:
    """Return the statements of a class body that run, so that each finds in its names what it would in a new process.

    Args:
        scope: the body.
        wanted: gives the statements that are to run, of which some must.
    """
    forced: set[Statement] = set()
    while True:
        runs = tuple(wanted(frozenset(forced)))
        chains = [
            (name, len(scope.pairs)) for statement in scope.pairing.removed for name in statement.usage.self_dependent
        ]
        bound: set[str] = set()
        for place, pair in enumerate(scope.pairs):
            if not bound.isdisjoint(pair.new.usage.mutates | pair.new.usage.self_dependent):
                forced.add(pair.new)
            if pair in runs:
                bound |= pair.new.usage.binds
                chains += [(name, place) for name in scope.needs(place)]
        forced.update(scope.pairs[at].new for name, place in chains for at in scope.chain(name, place))
        if forced <= {pair.new for pair in runs}:
            return runs


@dataclasses.dataclass(frozen=True)
class Facts:
    """What only the running module can tell.

    Attributes:
        namespace: its globals.
        is_touched: whether a statement, at a place, reads a value that changed already.
        may_run: why a statement must not run now; empty if it may.
        edits_of: how the definitions that a statement makes changed.
        overridden: imported names whose source changed, and which hold what the module made of them.
    """

    namespace: Mapping[str, Any]
    is_touched: Callable[[int, Pair], bool] = lambda _place, _pair: False
    may_run: Callable[[Pair], str] = lambda _pair: ""
    edits_of: Callable[[Pair], Iterable[DefinitionEdit]] = lambda _pair: ()
    overridden: Collection[str] = ()


@dataclasses.dataclass
class UpdateGroups:
    """The statements of a module that run for the sake of others, or because of them.

    Attributes:
        forced: statements that have to run, whether they changed or not.
        quiet: those of them whose names do not count as changed: they only serve another statement.
        imported: names that import statements have to give again, by place; their other names stay as they are.
        impossible: updates that should run again and cannot, with the reason.
        skipped: the statements of `impossible`.
    """

    forced: set[Statement] = dataclasses.field(default_factory=set)
    quiet: set[Statement] = dataclasses.field(default_factory=set)
    imported: dict[int, set[str]] = dataclasses.field(default_factory=dict)
    impossible: list[tuple[Pair, str]] = dataclasses.field(default_factory=list)
    skipped: set[Statement] = dataclasses.field(default_factory=set)


def update_groups(scope: Scope, facts: Facts) -> UpdateGroups:
    """Find the statements of a module that must run together."""
    return _Search(scope, facts).find()


class _Search:
    def __init__(self, scope: Scope, facts: Facts) -> None:
        self._scope = scope
        self._facts = facts
        self._kept = kept_names(facts.namespace)
        self._groups = UpdateGroups()
        self._changed: dict[str, int] = {}
        """Names whose value changes, and the first place where it does."""

    def find(self) -> UpdateGroups:
        scope, groups = self._scope, self._groups
        if not all(pair.new in scope.ran for pair in scope.pairs):
            groups.forced.update(one for one in scope.overtaken() if one not in scope.ran)
            for statement in scope.pairing.removed:
                self._restart(statement.usage.self_dependent, len(scope.pairs))
        for place, pair in enumerate(scope.pairs if self._facts.overridden else ()):
            self._restart(pair.new.usage.self_dependent.intersection(self._facts.overridden), place)
        known = None
        while known != (known := (dict(self._changed), len(groups.forced), len(groups.skipped), len(groups.imported))):
            for place, pair in enumerate(scope.pairs):
                if pair.new not in groups.skipped and not self._facts.may_run(pair):  # nothing has to run for these
                    self._look_at(place, pair)
        return groups

    def _look_at(self, place: int, pair: Pair) -> None:
        scope, statement = self._scope, pair.new
        if statement not in self._groups.forced and not scope.is_written(pair):
            changed = any(at < place and name in statement.usage.reads for name, at in self._changed.items())
            touched = changed or self._facts.is_touched(place, pair)
            if statement.is_definition:  # it is edited in place, with what it evaluates there
                first = statement not in scope.ran and not pair.same_text
                names = evaluated(self._facts.edits_of(pair)) if first else frozenset()
                names |= statement.usage.reads if touched else frozenset()
                self._restart((name for name in names if scope.rebinders(name, place)), place)
                return
            if not touched or self._is_refused(place, pair):
                return
            self._groups.forced.add(statement)
        usage = statement.usage
        if statement not in self._groups.quiet:
            for name in usage.binds:
                self._change(name, place)
                self._groups.forced.update(scope.pairs[at].new for at in scope.rebinders(name, place))
        self._restart(scope.needs(place), place)
        self._restart(usage.reads - self._facts.namespace.keys(), place, quiet=True)  # the module deletes them

    def _is_refused(self, place: int, pair: Pair) -> bool:
        """Whether a statement mutates what the module cannot make again; that is reported."""
        for name in sorted(pair.new.usage.mutates):
            binder = self._scope.binder(name, place)
            if name in self._kept:
                why = f"it updates {name!r}, which the module keeps: __dyn_keep__"
            elif binder is None or self._scope.pairs[binder].new.is_import:
                why = f"it updates {name!r}, which is not bound in this module; run it by hand, or restart"
            else:
                continue
            self._groups.impossible.append((pair, why))
            self._groups.skipped.add(pair.new)
            return True
        return False

    def _restart(self, names: Iterable[str], place: int, *, quiet: bool = False) -> None:
        """Have the chains of names run; quietly, if the names are there only for the time that a statement runs."""
        scope, groups = self._scope, self._groups
        for name in names:
            chain = [scope.pairs[at] for at in scope.chain(name, place)]
            if not chain or name in self._kept or (quiet and scope.is_written(chain[0])):
                continue
            if quiet:  # others that read them have their values
                groups.quiet.update(pair.new for pair in chain if not scope.is_written(pair))
            base = scope.pairs.index(chain[0])
            if chain[0].new.kind is ast.ImportFrom or name not in chain[0].new.usage.binds:
                del chain[0]  # its other names stay as they are
                groups.imported.setdefault(base, set()).add(name)
                if not quiet:
                    self._change(name, base)
            groups.forced.update(pair.new for pair in chain)

    def _change(self, name: str, place: int) -> None:
        self._changed[name] = min(place, self._changed.get(name, place))

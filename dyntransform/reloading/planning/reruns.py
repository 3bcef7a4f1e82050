"""Statements that must run together, though not all of them changed.

What counts on from an earlier value (``N += A``, ``REG.append(A)``) is executed again only together with the statement
that binds the name and the updates between, since otherwise it would count twice. A block that may bind a name or not
runs together with what binds it before. A statement that needs a name which its module deletes at the end (``del
helper``) runs between the statement that binds it and the one that deletes it.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from types import MappingProxyType

from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.definitions import evaluated
from dyntransform.reloading.planning.module_diff import ModuleEdit
from dyntransform.reloading.planning.pairing import Kind, Pair
from dyntransform.runtime.hooks import kept_names

__all__ = ["UpdateGroups", "update_groups"]


@dataclasses.dataclass
class UpdateGroups:
    """What follows from updates.

    Attributes:
        forced: statements that have to run although they did not change.
        quiet: those of them whose names do not count as changed: they only serve another statement.
        imported: names that import statements have to give again, by position; their other names stay as they are.
        impossible: updates that should run again and cannot, with the reason.
        skipped: the statements of `impossible`.
    """

    forced: set[Statement] = dataclasses.field(default_factory=set)
    quiet: set[Statement] = dataclasses.field(default_factory=set)
    imported: dict[int, set[str]] = dataclasses.field(default_factory=dict)
    impossible: list[tuple[Pair, str]] = dataclasses.field(default_factory=list)
    skipped: set[Statement] = dataclasses.field(default_factory=set)


def update_groups(
    edit: ModuleEdit,
    is_touched: Callable[[ModuleEdit, int, Pair], bool],
    passed: Iterable[str] = (),
    stars: Mapping[int, frozenset[str]] = MappingProxyType({}),
    ran: Container[Statement] = (),
) -> UpdateGroups:
    """Find the statements that must run together.

    A new or edited statement that changes an object (``REG.append(1)``) runs by itself: that is what was written. One
    that counts on (``N += 1``) starts again from the binding.

    Args:
        edit: the module.
        is_touched: tells whether a statement reads a value that changed already.
        passed: imported names whose source changed, and which the module may have counted on from.
        stars: names that star imports give, by position of the statement.
        ran: statements that the edit has been at already; they are new no more.
    """
    return _Finder(edit, is_touched, stars, ran).find(passed)


class _Finder:
    def __init__(
        self,
        edit: ModuleEdit,
        is_touched: Callable[[ModuleEdit, int, Pair], bool],
        stars: Mapping[int, frozenset[str]],
        ran: Container[Statement],
    ) -> None:
        self._edit = edit
        self._stars = stars
        self._ran = ran
        self._pairs = edit.pairing.pairs
        self._is_touched = is_touched
        self._kept = kept_names(edit.namespace)
        self._groups = UpdateGroups()
        self._changed: dict[str, int] = {}
        """Names whose value changes, and the first statement that changes it."""

    def find(self, passed: Iterable[str]) -> UpdateGroups:
        groups = self._groups
        if self._edit.edited and not all(pair.new in self._ran for pair in self._pairs):
            self._rebound_binders()
            for statement in self._edit.pairing.removed:
                for name in statement.usage.counts:
                    self._start_again(name, len(self._pairs))
        for name in passed:
            for index, pair in enumerate(self._pairs):
                if name in pair.new.usage.counts:
                    self._start_again(name, index)
        while True:
            before = dict(self._changed), len(groups.skipped), len(groups.forced), len(groups.imported)
            for index, pair in enumerate(self._pairs):
                if pair.new not in groups.skipped:
                    self._look_at(index, pair)
            if (self._changed, len(groups.skipped), len(groups.forced), len(groups.imported)) == before:
                return groups

    def _look_at(self, index: int, pair: Pair) -> None:
        if self._edit.may_run(pair):
            return  # it does not run now, so nothing has to run for it
        usage = pair.new.usage
        forced = pair.new in self._groups.forced
        if pair.new.is_definition and not forced and not (pair.kind == Kind.NEW and self._is_written(pair)):
            if not pair.same_text and pair.new not in self._ran:
                self._at_its_place(index, evaluated(self._edit.edits_of(pair)))
            return
        written = self._is_written(pair) or forced
        touched = any(self._changed.get(name, index) < index for name in usage.reads)
        touched = touched or self._is_touched(self._edit, index, pair)
        if touched and not written:
            if not self._together(index, pair):
                return
            self._groups.forced.add(pair.new)
        if not written and not touched:
            return
        if pair.new not in self._groups.quiet:
            self._change(usage.binds, index)
            self._later_binders(index, usage.binds)
        self._count_on(index, pair)
        if pair.new.is_block and pair.old is not None:
            self._earlier_binders(index, usage.binds)
        self._temporaries(index, usage.reads)
        self._at_its_place(index, usage.reads - usage.counts)

    def _at_its_place(self, index: int, names: Iterable[str]) -> None:
        """Have names that are bound again below a statement hold what they hold at its place when it reads them."""
        for name in names:
            if self._is_bound_after(name, index):
                self._up_to(name, index)

    def _is_written(self, pair: Pair) -> bool:
        return pair.kind in (Kind.NEW, Kind.EDITED) and pair.new not in self._ran

    def _count_on(self, index: int, pair: Pair) -> None:
        """A new or edited statement that counts on starts from the binding; at the end a new one goes on from there."""
        counts = pair.new.usage.counts
        if not self._is_written(pair):
            return
        if pair.kind == Kind.NEW:
            counts = frozenset(
                name for name in counts if self._is_bound_after(name, index) or self._is_lost(name, index)
            )
        elif pair.old is not None:
            counts |= pair.old.usage.counts
        for name in counts:
            self._start_again(name, index)

    def _is_lost(self, name: str, index: int) -> bool:
        """Whether a name holds what a statement gave it that is no longer the last one before a place."""
        binder = self._binder(name, index)
        old = [statement for statement in self._edit.old_statements if name in statement.usage.binds]
        return binder is not None and bool(old) and self._pairs[binder].old is not old[-1]

    def _is_bound_after(self, name: str, index: int) -> bool:
        return any(name in later.new.usage.binds | later.new.usage.counts for later in self._pairs[index + 1 :])

    def _up_to(self, name: str, index: int) -> None:
        """Have a name hold again what it holds at a place, and afterwards what later statements make of it."""
        binder = self._binder(name, index)
        if binder is not None and name not in self._kept:
            if name in self._pairs[binder].new.usage.counts:
                self._start_again(name, index)
            self._bind_again(binder, name)
            self._change([name], binder)
            self._later_binders(binder, frozenset([name]))

    def _bind_again(self, index: int, name: str) -> None:
        """Have a statement bind a name again; an import need not bind its other names for that."""
        if self._pairs[index].new.kind is ast.ImportFrom or name not in self._pairs[index].new.usage.binds:
            self._groups.imported.setdefault(index, set()).add(name)
        else:
            self._groups.forced.add(self._pairs[index].new)

    def _change(self, names: Iterable[str], index: int) -> None:
        for name in names:
            self._changed[name] = min(index, self._changed.get(name, index))

    def _later_binders(self, index: int, names: frozenset[str]) -> None:
        """A name that several statements bind has what the last of them gives it."""
        for pair in self._pairs[index + 1 :]:
            if (pair.new.usage.binds | pair.new.usage.counts) & names:
                self._groups.forced.add(pair.new)

    def _earlier_binders(self, index: int, names: frozenset[str]) -> None:
        """A block that does not bind a name this time leaves what it was before."""
        for name in names:
            binder = self._binder(name, index)
            if binder is not None and name not in self._kept:
                self._bind_again(binder, name)

    def _temporaries(self, index: int, reads: frozenset[str]) -> None:
        """Names that the module deletes after use are bound again for the time they are needed."""
        for name in reads:
            if name in self._edit.namespace:
                continue
            binder = self._binder(name, index)
            if binder is None or self._pairs[binder].kind in (Kind.NEW, Kind.EDITED):
                continue
            self._bind_again(binder, name)
            self._groups.quiet.add(self._pairs[binder].new)
            for pair in self._pairs[index + 1 :]:
                if name in pair.new.usage.binds:
                    self._groups.forced.add(pair.new)
                    self._groups.quiet.add(pair.new)

    def _together(self, index: int, pair: Pair) -> bool:
        """Have the binding statements of the updated names run too; if that is not possible, say why."""
        updates = sorted(pair.new.usage.updates)
        why = next(filter(None, (self._why_not(name, index) for name in updates)), "")
        if why:
            self._groups.impossible.append((pair, why))
            self._groups.skipped.add(pair.new)
            return False
        for name in updates:
            self._start_again(name, index, definitions=False)
        for name in pair.new.usage.counts:
            self._start_again(name, index)
        return True

    def _why_not(self, name: str, index: int) -> str:
        """Return why an update of the name cannot run again; empty if it can."""
        if name in self._kept:
            return f"it updates {name!r}, which the module keeps: __dyn_keep__"
        binder = self._binder(name, index)
        if binder is None or self._pairs[binder].new.is_import:
            return f"it updates {name!r}, which is not bound in this module; run it by hand, or restart"
        return ""

    def _start_again(self, name: str, before: int, *, definitions: bool = True) -> None:
        """Have the statement that binds a name run, and so all its updates; definitions and imports if wanted."""
        binder = self._base(name, before)
        if binder is None or name in self._kept:
            return
        pair = self._pairs[binder]
        if (pair.new.is_definition or pair.new.is_import) and not definitions:
            return
        self._bind_again(binder, name)
        self._change([name], binder)
        for later in self._pairs[binder + 1 :]:
            usage = later.new.usage
            if name in usage.binds | usage.updates | usage.counts and not later.new.is_definition:
                self._groups.forced.add(later.new)

    def _base(self, name: str, before: int) -> int | None:
        """Return the statement that binds a name without counting on from what it was."""
        found = self._binder(name, before)
        while found is not None and name in self._pairs[found].new.usage.counts:
            found = self._binder(name, found)
        return found

    def _binder(self, name: str, before: int) -> int | None:
        for index in range(before - 1, -1, -1):
            if name in self._pairs[index].new.usage.binds or name in self._stars.get(index, ()):
                return index
        return None

    def _rebound_binders(self) -> None:
        """Force the statement that binds a name last, if another one did so in the old version."""
        old_last: dict[str, Statement] = {}
        for statement in self._edit.old_statements:
            old_last.update(dict.fromkeys(statement.usage.binds, statement))
        new_last: dict[str, Pair] = {}
        for pair in self._pairs:
            new_last.update(dict.fromkeys(pair.new.usage.binds, pair))
        for name, pair in new_last.items():
            if pair.old is not None and pair.old is not old_last.get(name) and name in old_last:
                self._force(pair)
        if _moved(self._pairs, self._edit.old_statements):
            self._other_sources()

    def _other_sources(self) -> None:
        """Force what reads a name that, after statements changed places, another one binds before it."""
        old = _sources(self._edit.old_statements)
        new = _sources([pair.new for pair in self._pairs])
        pairs = {pair.new: pair for pair in self._pairs}
        for pair in self._pairs:
            if pair.old is None or pair.new.is_definition:
                continue
            for name in pair.new.usage.reads & new[pair.new].keys():
                source = pairs[new[pair.new][name]]
                if source.old is not None and old[pair.old].get(name) is not source.old:
                    self._force(source)
                    self._force(pair)

    def _force(self, pair: Pair) -> None:
        if pair.new in self._ran:
            return
        self._groups.forced.add(pair.new)
        self._change(pair.new.usage.binds, self._pairs.index(pair))


def _moved(pairs: Sequence[Pair], old: Sequence[Statement]) -> bool:
    """Whether statements that both versions have come in another order, or one between them is gone."""
    position = {statement: index for index, statement in enumerate(old)}
    kept = [position[pair.old] for pair in pairs if pair.old is not None]
    return kept != list(range(len(old)))


def _sources(statements: Sequence[Statement]) -> dict[Statement, dict[str, Statement]]:
    """Return, for each statement, which one bound each name that it reads."""
    bound: dict[str, Statement] = {}
    found = {}
    for statement in statements:
        found[statement] = {name: bound[name] for name in statement.usage.reads if name in bound}
        bound.update(dict.fromkeys(statement.usage.binds, statement))
    return found

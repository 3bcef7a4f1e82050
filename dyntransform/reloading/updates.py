"""Statements that update what an earlier one bound: ``N += A``, ``REG.append(A)``, ``TABLE[k] = v``.

Such a statement is executed again only together with the statement that binds the name and the updates between, since
otherwise it would count twice.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable

from dyntransform.reloading.diff import Kind, Pair, is_definition
from dyntransform.reloading.module_edit import ModuleEdit
from dyntransform.reloading.source import Statement

__all__ = ["UpdateGroups", "update_groups"]


@dataclasses.dataclass
class UpdateGroups:
    """What follows from updates.

    Attributes:
        forced: statements that have to run although they did not change.
        impossible: updates that should run again and cannot, with the reason.
        skipped: the statements of `impossible`.
    """

    forced: set[Statement] = dataclasses.field(default_factory=set)
    impossible: list[tuple[Pair, str]] = dataclasses.field(default_factory=list)
    skipped: set[Statement] = dataclasses.field(default_factory=set)


def update_groups(edit: ModuleEdit, is_touched: Callable[[ModuleEdit, int, Pair], bool]) -> UpdateGroups:
    """Find the statements that must run together.

    Args:
        edit: the module.
        is_touched: tells whether a statement reads a value that changed already.
    """
    groups = UpdateGroups()
    pairs = edit.pairing.pairs
    runs: set[int] = set()
    will_change = _rebound_binders(edit, groups)
    changed: set[str] = set()
    for statement in (*edit.pairing.removed, *(pair.old for pair in pairs if pair.kind == Kind.EDITED and pair.old)):
        for name in statement.usage.updates:
            will_change |= _force(edit, name, len(pairs), groups)
    while True:
        before = len(will_change), len(changed), len(groups.skipped)
        for index, pair in enumerate(pairs):
            usage = pair.new.usage
            own = pair.kind in (Kind.NEW, Kind.EDITED) or pair.new in groups.forced
            triggers = bool(usage.reads & changed) and not is_definition(pair.new.node)
            if own or triggers or is_touched(edit, index, pair):
                runs.add(index)
                if not is_definition(pair.new.node):
                    changed |= usage.binds | usage.updates
                if not own and usage.updates and pair.new not in groups.skipped:
                    _together(edit, index, pair, runs, groups, will_change)
        if (len(will_change), len(changed), len(groups.skipped)) == before:
            return groups
        changed |= will_change


def _together(
    edit: ModuleEdit, index: int, pair: Pair, runs: set[int], groups: UpdateGroups, will_change: set[str]
) -> None:
    """Have the binding statements of the updated names run too, or say why that is not possible."""
    for name in pair.new.usage.updates:
        binder = _binder(edit, name, index)
        if binder is None or isinstance(edit.pairing.pairs[binder].new.node, (ast.Import, ast.ImportFrom)):
            why = f"it updates {name!r}, which is not bound in this module; run it by hand, or restart"
            groups.impossible.append((pair, why))
            groups.skipped.add(pair.new)
            return
        if not is_definition(edit.pairing.pairs[binder].new.node) and binder not in runs:
            will_change |= _force(edit, name, index, groups)


def _force(edit: ModuleEdit, name: str, before: int, groups: UpdateGroups) -> set[str]:
    """Have the statement that binds a name run, and so all its updates, which read it."""
    binder = _binder(edit, name, before)
    if binder is None:
        return set()
    pair = edit.pairing.pairs[binder]
    if isinstance(pair.new.node, (ast.Import, ast.ImportFrom)) or is_definition(pair.new.node):
        return set()
    groups.forced.add(pair.new)
    for later in edit.pairing.pairs[binder + 1 :]:
        if name in later.new.usage.updates:
            groups.forced.add(later.new)
    return {name}


def _binder(edit: ModuleEdit, name: str, before: int) -> int | None:
    for index in range(before - 1, -1, -1):
        if name in edit.pairing.pairs[index].new.usage.binds:
            return index
    return None


def _rebound_binders(edit: ModuleEdit, groups: UpdateGroups) -> set[str]:
    """Force the statement that binds a name last, if another one did so in the old version."""
    names: set[str] = set()
    old_last: dict[str, Statement] = {}
    for statement in edit.old_codes:
        old_last.update(dict.fromkeys(statement.usage.binds, statement))
    new_last: dict[str, Pair] = {}
    for pair in edit.pairing.pairs:
        new_last.update(dict.fromkeys(pair.new.usage.binds, pair))
    for name, pair in new_last.items():
        if pair.old is not None and pair.old is not old_last.get(name) and name in old_last:
            groups.forced.add(pair.new)
            names.add(name)
    return names

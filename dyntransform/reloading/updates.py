"""Statements that update what an earlier one bound: ``N += A``, ``REG.append(A)``, ``TABLE[k] = v``.

Such a statement is executed again only together with the statement that binds the name and the updates between, since
otherwise it would count twice.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Iterable

from dyntransform.reloading.diff import Kind, Pair, is_definition
from dyntransform.reloading.module_edit import ModuleEdit
from dyntransform.reloading.source import Statement
from dyntransform.runtime.hooks import kept_names

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

    A new or edited statement that changes an object (``REG.append(1)``) runs by itself: that is what was written. One
    that counts on (``N += 1``) starts again from the binding.

    Args:
        edit: the module.
        is_touched: tells whether a statement reads a value that changed already.
    """
    groups = UpdateGroups()
    pairs = edit.pairing.pairs
    changed = _rebound_binders(edit, groups)
    for statement in (*edit.pairing.removed, *(pair.old for pair in pairs if pair.kind == Kind.EDITED and pair.old)):
        if isinstance(statement.node, ast.AugAssign):
            for name in statement.usage.updates:
                _force(edit, name, len(pairs), groups, changed)
    while True:
        before = dict(changed), len(groups.skipped)
        for index, pair in enumerate(pairs):
            usage = pair.new.usage
            if is_definition(pair.new.node) or pair.new in groups.skipped:
                continue
            written = pair.kind in (Kind.NEW, Kind.EDITED) or pair.new in groups.forced
            read = {name for name in usage.reads if changed.get(name, index) < index}
            if not written and (read or is_touched(edit, index, pair)):
                _together(edit, index, pair, groups, changed)
            if written or read or is_touched(edit, index, pair):
                _earliest(changed, usage.binds, index)
                _later_binders(edit, index, usage.binds, groups)
        if (changed, len(groups.skipped)) == before:
            return groups


def _earliest(changed: dict[str, int], names: Iterable[str], index: int) -> None:
    for name in names:
        changed[name] = min(index, changed.get(name, index))


def _later_binders(edit: ModuleEdit, index: int, names: frozenset[str], groups: UpdateGroups) -> None:
    """A name that several statements bind has what the last of them gives it."""
    for pair in edit.pairing.pairs[index + 1 :]:
        if pair.new.usage.binds & names:
            groups.forced.add(pair.new)


def _together(edit: ModuleEdit, index: int, pair: Pair, groups: UpdateGroups, changed: dict[str, int]) -> None:
    """Have the binding statements of the updated names run too, or say why that is not possible."""
    for name in pair.new.usage.updates:
        binder = _binder(edit, name, index)
        why = ""
        if name in kept_names(edit.namespace):
            why = f"it updates {name!r}, which the module keeps: __dyn_keep__"
        elif binder is None or isinstance(edit.pairing.pairs[binder].new.node, (ast.Import, ast.ImportFrom)):
            why = f"it updates {name!r}, which is not bound in this module; run it by hand, or restart"
        if why:
            groups.impossible.append((pair, why))
            groups.skipped.add(pair.new)
            return
        _force(edit, name, index, groups, changed)


def _force(edit: ModuleEdit, name: str, before: int, groups: UpdateGroups, changed: dict[str, int]) -> None:
    """Have the statement that binds a name run, and so all its updates."""
    binder = _binder(edit, name, before)
    if binder is None or name in kept_names(edit.namespace):
        return
    pair = edit.pairing.pairs[binder]
    if isinstance(pair.new.node, (ast.Import, ast.ImportFrom)) or is_definition(pair.new.node):
        return
    groups.forced.add(pair.new)
    _earliest(changed, [name], binder)
    for later in edit.pairing.pairs[binder + 1 :]:
        if name in later.new.usage.updates and not is_definition(later.new.node):
            groups.forced.add(later.new)


def _binder(edit: ModuleEdit, name: str, before: int) -> int | None:
    for index in range(before - 1, -1, -1):
        if name in edit.pairing.pairs[index].new.usage.binds:
            return index
    return None


def _rebound_binders(edit: ModuleEdit, groups: UpdateGroups) -> dict[str, int]:
    """Force the statement that binds a name last, if another one did so in the old version."""
    changed: dict[str, int] = {}
    old_last: dict[str, Statement] = {}
    for statement in edit.old_codes:
        old_last.update(dict.fromkeys(statement.usage.binds, statement))
    new_last: dict[str, Pair] = {}
    for pair in edit.pairing.pairs:
        new_last.update(dict.fromkeys(pair.new.usage.binds, pair))
    for name, pair in new_last.items():
        if pair.old is not None and pair.old is not old_last.get(name) and name in old_last:
            groups.forced.add(pair.new)
            changed[name] = edit.pairing.pairs.index(pair)
    return changed

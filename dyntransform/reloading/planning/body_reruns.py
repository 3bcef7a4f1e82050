"""Statements of a class body that must run together, as those of a module do (see `updates`)."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.definitions import ClassEdit, evaluated
from dyntransform.reloading.planning.pairing import Kind, Pair, Pairing

__all__ = ["at_their_place", "executed_with", "run_together"]


def run_together(body: Pairing, runs: Collection[Pair]) -> frozenset[Statement]:
    """Find what must run besides: a name that a statement counts on from starts again where it is bound.

    Args:
        body: the statements of the body.
        runs: those to be executed.
    """
    pairs = body.pairs
    indexes = [index for index, pair in enumerate(pairs) if pair in runs]
    counted = [(index, name) for index in indexes for name in _counted(pairs, index)]
    counted += [(len(pairs), name) for statement in body.removed for name in statement.usage.counts]
    return frozenset(statement for index, name in counted for statement in _started_again(pairs, index, name))


def executed_with(body: Pairing, kept: Collection[Statement]) -> frozenset[Statement]:
    """Find what cannot be left out of the body of a class that is made again, since other statements are executed.

    Args:
        body: the statements of the body.
        kept: those that were to be left out; their names have the values that the class has.
    """
    found: set[Statement] = set()
    while True:
        runs = [pair for pair in body.pairs if pair.new not in kept or pair.new in found]
        more = run_together(body, runs) | {
            later.new
            for index, pair in enumerate(body.pairs)
            if pair in runs
            for later in body.pairs[index + 1 :]
            if not pair.new.usage.binds.isdisjoint(later.new.usage.updates | later.new.usage.counts)
        }
        more = more & set(kept)
        if more <= found:
            return frozenset(found)
        found |= more


def at_their_place(change: ClassEdit) -> frozenset[Statement]:
    """Return the methods whose edited headers read names that later statements bind again: they are made anew.

    Args:
        change: how the class statement changed.
    """
    pairs = change.body.pairs
    return frozenset(
        pair.new
        for index, pair in enumerate(pairs)
        if pair.new in change.edits
        and pair.new.kind is not ast.ClassDef
        and any(_changes(later, name) for name in evaluated([change.edits[pair.new]]) for later in pairs[index + 1 :])
    )


def _counted(pairs: Sequence[Pair], index: int) -> frozenset[str]:
    """Return the names that have to be, when a statement runs, what they were at its place."""
    pair = pairs[index]
    usage = pair.new.usage
    later = frozenset(name for one in pairs[index + 1 :] for name in one.new.usage.binds | one.new.usage.counts)
    others = (usage.reads - usage.counts) & later
    if pair.kind == Kind.NEW:  # at the end it goes on from what the class has
        later |= frozenset(name for one in pairs[index + 1 :] for name in one.new.usage.updates)
        return others | usage.counts & later
    if pair.kind == Kind.SAME:
        plain = usage.updates - usage.counts  # changing a function or class does not make it anew
        return others | usage.counts | frozenset(name for name in plain if not _is_defined(pairs[:index], name))
    return others | usage.counts | (pair.old.usage.counts if pair.old is not None else frozenset())


def _is_defined(pairs: Sequence[Pair], name: str) -> bool:
    """Whether a definition is what bound a name last."""
    binders = [pair for pair in pairs if name in pair.new.usage.binds]
    return bool(binders) and binders[-1].new.is_definition


def _started_again(pairs: Sequence[Pair], index: int, name: str) -> Iterator[Statement]:
    """Yield the statement that binds a name without counting on, and all that change the name after it."""
    binders = (at for at in range(index - 1, -1, -1) if name in pairs[at].new.usage.binds - pairs[at].new.usage.counts)
    base = next(binders, None)
    if base is not None:
        yield pairs[base].new
        yield from (later.new for later in pairs[base + 1 :] if _changes(later, name))


def _changes(pair: Pair, name: str) -> bool:
    usage = pair.new.usage
    return name in usage.binds | usage.counts | usage.updates

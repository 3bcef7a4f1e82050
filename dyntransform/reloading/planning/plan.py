"""What an edit does about one statement: decided from its two versions and the names that changed, and a value.

Which values an edit changes is only known while it is applied, so a plan is made a statement at a time, with what is
known by then. `applying.edit` carries the steps out, and `preview` prints them with names that may change.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from dyntransform.reloading.model.report import Action
from dyntransform.reloading.model.usage import reads_any
from dyntransform.reloading.planning.definitions import ClassEdit, DefinitionEdit, FunctionEdit
from dyntransform.reloading.planning.pairing import Kind, Pair

__all__ = [
    "Annotate",
    "BindAgain",
    "EditClass",
    "Move",
    "PatchCode",
    "Refuse",
    "RunStatement",
    "Situation",
    "Step",
    "Wait",
    "plan_statement",
]


@dataclasses.dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a statement besides its two versions, when an edit comes to it.

    Attributes:
        first: the edit comes to it for the first time.
        stale: names that it reads when it is executed, and whose value changed since it last was.
        together: it has to be executed with others although it did not change; see `reruns`.
        quiet: it is executed only for what others need: its names do not count as changed.
        hindrance: why it must not be executed now; empty if it may.
        outdated: some classes have to be made again although their statements did not change.
        lost: removed names without which it certainly fails.
    """

    first: bool = True
    stale: frozenset[str] = frozenset()
    together: bool = False
    quiet: bool = False
    hindrance: str = ""
    outdated: bool = False
    lost: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class RunStatement:
    """Execute the statement.

    Attributes:
        action: what the report calls it.
        names: those whose values changed, if that is why.
        quiet: its names do not count as changed.
    """

    action: Action
    names: frozenset[str] = frozenset()
    quiet: bool = False


@dataclasses.dataclass(frozen=True)
class BindAgain:
    """Bind what the definition made before to its name again; only if that is not there any more, take other steps.

    Attributes:
        otherwise: these, and none of those that follow.
    """

    otherwise: tuple[Step, ...]


@dataclasses.dataclass(frozen=True)
class PatchCode:
    """Give the live functions of a definition their new code; unless in a block, new defaults and annotations as well.

    Attributes:
        edit: how the definition changed.
        stale: names read by its header whose value changed.
        run: what the report calls it if decorators, and so the statement, have to be executed; None if they have not.
    """

    edit: FunctionEdit
    stale: frozenset[str]
    run: Action | None


@dataclasses.dataclass(frozen=True)
class EditClass:
    """Make a live class what its statement says.

    Attributes:
        edit: how the statement changed.
        stale: names that it reads and whose value changed.
    """

    edit: ClassEdit
    stale: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Annotate:
    """Evaluate the annotation of a variable that keeps its value."""


@dataclasses.dataclass(frozen=True)
class Move:
    """Tell on which lines the definition is now, of which nothing else changed."""


@dataclasses.dataclass(frozen=True)
class Wait:
    """Leave the statement for later.

    Attributes:
        reason: why it must not be executed now.
    """

    reason: str


@dataclasses.dataclass(frozen=True)
class Refuse:
    """Leave the statement as it is, for good.

    Attributes:
        reason: why it cannot be executed.
    """

    reason: str


Edits: TypeAlias = Callable[[Pair], Sequence[DefinitionEdit]]
Step: TypeAlias = RunStatement | BindAgain | PatchCode | EditClass | Annotate | Move | Wait | Refuse


def plan_statement(pair: Pair, edits: Edits, situation: Situation) -> tuple[Step, ...]:
    """Decide what is done about a statement.

    Args:
        pair: its two versions.
        edits: gives the edits of the definition that a statement is, or of those in it if it is a block.
        situation: what else is known.

    Returns:
        The steps, in order; none if all stays as it is.
    """
    if situation.lost:
        return (Refuse(f"it reads {', '.join(sorted(situation.lost))}, which is removed"),)
    if situation.quiet:
        return (RunStatement(Action.RERAN, quiet=True),)
    if not pair.new.is_definition or pair.old is None:
        return (*_of_block(pair, edits, situation), *_executed(pair, situation))
    in_place = tuple(_in_place(pair, edits, situation))
    if not situation.together:
        return in_place
    run = tuple(_executed(pair, situation))
    return run if situation.hindrance else (BindAgain(run), *in_place)


def _in_place(pair: Pair, edits: Edits, situation: Situation) -> Iterator[Step]:
    """Yield what is done about a definition that both versions have."""
    assert pair.old is not None
    if situation.stale or (situation.first and (not pair.same_text or situation.outdated)):
        yield from _definitions(pair, edits, situation.stale)
    elif situation.first and pair.old.first_line != pair.new.first_line:
        yield Move()


def _of_block(pair: Pair, edits: Edits, situation: Situation) -> Iterator[Step]:
    """Yield what is done about the definitions in a block, which is not executed for them."""
    if situation.first and pair.kind == Kind.BLOCK:
        yield from _definitions(pair, edits, frozenset())


def _definitions(pair: Pair, edits: Edits, stale: frozenset[str]) -> Iterator[Step]:
    for edit in edits(pair):
        if isinstance(edit, ClassEdit):
            yield EditClass(edit, stale)
        elif edit.new is not pair.new:  # in a block, code is all that changes
            yield PatchCode(edit, frozenset(), None)
        else:
            node = edit.new.node
            assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            if edit.decorated:
                yield PatchCode(edit, stale, Action.RAN)
            else:
                again = any(reads_any(decorator, stale) for decorator in node.decorator_list)
                yield PatchCode(edit, stale, Action.RERAN if again else None)


def _executed(pair: Pair, situation: Situation) -> Iterator[Step]:
    """Yield what is done to execute a statement: because it is written, or what it reads or goes with changed."""
    if situation.first and pair.kind == Kind.ANNOTATED and not situation.hindrance:
        yield Annotate()
    if situation.first and pair.kind in (Kind.NEW, Kind.EDITED) and not _is_text(pair.new.node):
        yield Wait(situation.hindrance) if situation.hindrance else RunStatement(Action.RAN)
    elif (situation.stale or situation.together) and not situation.hindrance:
        yield RunStatement(Action.RERAN, situation.stale)


def _is_text(node: ast.stmt) -> bool:
    """Whether the statement is a string alone: a docstring, or a comment."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)

"""Plans: two versions of a statement in, steps out; nothing runs."""

from __future__ import annotations

import pytest

from dyntransform.reloading.model.reading import read_source
from dyntransform.reloading.model.report import Action
from dyntransform.reloading.planning.definitions import ClassEdit, DefinitionEdit, definition_edit, inner_edits
from dyntransform.reloading.planning.pairing import Kind, Pair, compare
from dyntransform.reloading.planning.plan import (
    Annotate,
    BindAgain,
    EditClass,
    Move,
    PatchCode,
    Refuse,
    RunStatement,
    Situation,
    Step,
    Wait,
    plan_statement,
)
from dyntransform.transform.decide import Options

AGAIN = Situation(first=False)


def edits_of(pair: Pair) -> list[DefinitionEdit]:
    """The edits of a definition, or of those in a block."""
    if pair.old is not None and pair.new.is_definition:
        return [definition_edit(pair.old, pair.new)]
    return inner_edits(pair) if pair.kind == Kind.BLOCK else []


def planned(old: str, new: str, situation: Situation = Situation()) -> tuple[Step, ...]:  # noqa: B008 - it is frozen
    """Plan what is done about the last statement of the new version."""
    before, after = (read_source(text.encode(), "m.py", Options()) for text in (old, new))
    return plan_statement(compare(before.statements, after.statements).pairs[-1], edits_of, situation)


@pytest.mark.parametrize(
    ("old", "new", "situation", "steps"),
    [
        ("", "A = 1", Situation(), [RunStatement(Action.RAN)]),
        ("A = 1", "A = 2", Situation(), [RunStatement(Action.RAN)]),
        ("A = 1", "A = 2", AGAIN, []),
        ("A = 1", "A = 1  # why", Situation(), []),
        ("A = 1", "A = 2", Situation(hindrance="later"), [Wait("later")]),
        ("", "'''Text.'''", Situation(), []),
        ("A = B", "A = B", Situation(stale=frozenset("B")), [RunStatement(Action.RERAN, frozenset("B"))]),
        ("A = B", "A = B", Situation(stale=frozenset("B"), hindrance="later"), []),
        ("A += 1", "A += 1", Situation(together=True), [RunStatement(Action.RERAN)]),
        ("A = 1", "A = 1", Situation(together=True, quiet=True), [RunStatement(Action.RERAN, quiet=True)]),
        ("A = B", "A = B", Situation(lost=frozenset("B")), [Refuse("it reads B, which is removed")]),
        ("a: int = 1", "a: str = 1", Situation(), [Annotate()]),
        ("a: int = 1", "a: str = 1", Situation(hindrance="later"), []),
        ("def f(): pass", "\ndef f(): pass", Situation(), [Move()]),
        ("def f(): pass", "\ndef f(): pass", AGAIN, []),
        ("def f(): pass", "def f(): pass", Situation(together=True), [BindAgain((RunStatement(Action.RERAN),))]),
        ("def f(): pass", "def f(): pass", Situation(together=True, hindrance="later"), []),
        ("", "def f(): pass", Situation(), [RunStatement(Action.RAN)]),
    ],
)
def test_statements(old: str, new: str, situation: Situation, steps: list[Step]) -> None:
    """What is written is executed, and so is what reads values that changed or goes with others."""
    assert list(planned(old, new, situation)) == steps


@pytest.mark.parametrize(
    ("old", "new", "stale", "run"),
    [
        ("def f(): return 1", "def f(): return 2", "", None),
        ("@d\ndef f(): return 1", "@d\ndef f(): return 2", "", None),
        ("@d\ndef f(): pass", "@e\ndef f(): pass", "", Action.RAN),
        ("@d(A)\ndef f(): return 1", "@d(A)\ndef f(): return 2", "A", Action.RERAN),
        ("def f(x=A): pass", "def f(x=A): pass", "A", None),
    ],
)
def test_functions(old: str, new: str, stale: str, run: Action | None) -> None:
    """A function gets new code in place; its statement is executed for its decorators alone."""
    (step,) = planned(old, new, Situation(stale=frozenset(stale)))
    assert isinstance(step, PatchCode)
    assert (step.run, step.stale) == (run, frozenset(stale))


def test_classes() -> None:
    """A class is edited, and never executed for what changed in it."""
    (step,) = planned("class C:\n x = 1", "class C:\n x = 2")
    assert isinstance(step, EditClass)
    assert isinstance(step.edit, ClassEdit)
    assert not step.stale
    (step,) = planned("class C:\n x = A", "class C:\n x = A", Situation(stale=frozenset("A")))
    assert step == EditClass(step.edit, frozenset("A"))  # type: ignore[union-attr]


def test_classes_that_are_outdated() -> None:
    """Where a class has to be made again, statements that did not change are looked at."""
    assert planned("class C: pass", "class C: pass") == ()
    assert isinstance(planned("class C: pass", "class C: pass", Situation(outdated=True))[0], EditClass)


def test_definitions_in_blocks() -> None:
    """Functions in a block change with their code alone; classes are edited; the block is not executed."""
    old = "if x:\n def f(): return 1\n class C:\n  y = 1"
    patch, step = planned(old, old.replace("1", "2"))
    assert isinstance(patch, PatchCode)
    assert (patch.edit.new.name, patch.run) == ("f", None)
    assert isinstance(step, EditClass)
    assert step.edit.new.name == "C"


def test_definition_that_goes_with_others_and_changed() -> None:
    """It binds its name again, and changes in place; if what it made is gone, it is executed and no more."""
    again, patch = planned("def f(): return 1", "def f(): return 2", Situation(together=True))
    assert again == BindAgain((RunStatement(Action.RERAN),))
    assert isinstance(patch, PatchCode)

"""Which statements run again, told from two texts: no program runs."""

from __future__ import annotations

import pytest

from dyntransform.reloading.model.reading import read_source
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.class_plan import plan_body
from dyntransform.reloading.planning.definitions import class_edit, definition_edit
from dyntransform.reloading.planning.pairing import compare
from dyntransform.reloading.planning.reruns import Facts, Scope, UpdateGroups, run_together, update_groups
from dyntransform.transform.decide import Options


def statements(text: str) -> list[Statement]:
    """The statements of a text; ``;`` and ``|`` begin a new line."""
    lines = text.replace("; ", "\n").replace(" | ", "\n    ") + "\n"
    return read_source(lines.encode(), "m.py", Options()).statements


def scope_of(old: str, new: str = "", **known) -> Scope:
    """The two versions of a module, or one that did not change."""
    before = statements(old)
    return Scope(compare(before, statements(new) if new else before), before, **known)


def groups_of(scope: Scope, *, changed: str = "", missing: str = "", keep: str = "", **known) -> UpdateGroups:
    """What runs again in a module.

    Args:
        scope: its versions.
        changed: names that have another value already.
        missing: names that the module deletes.
        keep: names that it keeps.
        known: other facts.
    """
    bound = {name for pair in scope.pairs for name in pair.new.usage.binds} - set(missing.split())
    facts = Facts(
        {**dict.fromkeys(bound), "__dyn_keep__": keep.split()},
        is_touched=lambda _place, pair: not pair.new.usage.reads.isdisjoint(changed.split()),
        **known,
    )
    return update_groups(scope, facts)


def texts(scope: Scope, chosen) -> list[str]:
    """The first lines of statements, in order."""
    return [pair.new.lines[0] for pair in scope.pairs if pair.new in chosen]


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        ("N = 1; N = 2; x = N", [1]),
        ("N = 1; N += 1; x = N; N += 2", [0, 1, 3]),
        ("N = 1; N = N + 1; x = N; N = 5", [0, 1, 3]),
        ("R = []; R.append(1); x = R; R[0] = 2", [0, 1, 3]),
        ("def R(): pass; R.a = 1; x = R", [0]),
        ("from m import R; R.append(1); x = R", [0]),
        ("from m import R; R += [1]; x = R", [0, 1]),
        ("x = N", []),
    ],
)
def test_chain(text, chain):
    """The base is the last binding that does not need the earlier value; all that changes the name follows."""
    scope = scope_of(text)
    (place,) = (place for place, pair in enumerate(scope.pairs) if pair.new.name == "x")
    assert scope.chain("N" if "N" in text else "R", place) == chain


@pytest.mark.parametrize(
    ("text", "changed", "forced"),
    [
        ("N = 1; N += A; x = A", "A", ["N = 1", "N += A", "x = A"]),
        ("R = []; R.append(A); S = []", "A", ["R = []", "R.append(A)"]),
        ("x = A; y = x; z = 1", "A", ["x = A", "y = x"]),
        ("N = 1; x = N + A; N = 2", "A", ["N = 1", "x = N + A", "N = 2"]),
        ("N = 1; N = N + 1; if A: N = 5", "A", ["N = 1", "N = N + 1", "if A: N = 5"]),
        ("a = []; b = []; a[:], b[:] = A, A", "A", ["a = []", "b = []", "a[:], b[:] = A, A"]),
        ("def f(x=A): pass; f.x = 1", "A", []),
        ("N = 1; def f(x=A, y=N): pass; N = 2", "A", ["N = 1", "N = 2"]),
    ],
)
def test_statements_that_read_a_changed_value(text, changed, forced):
    """They run with their chains, and so does what reads the names that they bind."""
    scope = scope_of(text)
    assert texts(scope, groups_of(scope, changed=changed).forced) == forced


@pytest.mark.parametrize(
    ("old", "new", "forced"),
    [
        ("N = 1; N += 1", "N = 1; N += 2", ["N = 1", "N += 2"]),
        ("N = 1", "N = 1; N += 1", []),
        ("N = 1; N = 5", "N = 1; N += 1; N = 5", ["N = 1", "N += 1", "N = 5"]),
        ("N = 1; N = 5", "N = 1; N = N + 1", ["N = 1", "N = N + 1"]),
        ("N = 1; N += 1", "N = 1", ["N = 1"]),
        ("R = []; R.append(1)", "R = []; R.append(2)", []),
        ("N = 1; N = 5", "N = 1", ["N = 1"]),
        ("N = 1; N = 5", "N = 1; if 0: N = 2", ["N = 1", "if 0: N = 2"]),
        ("N = 1; x = N; N = 3", "N = 1; if 0: N = 2; x = N; N = 3", ["N = 1", "if 0: N = 2", "x = N", "N = 3"]),
        ("N = 1; x = N; N = 3", "N = 1; N = 3; x = N", ["N = 3", "x = N"]),
        ("N = 1; def f(x=0): pass; N = 3", "N = 1; def f(x=N): pass; N = 3", ["N = 1", "N = 3"]),
    ],
)
def test_statements_around_an_edit(old, new, forced):
    """What an edited statement needs at its place, and what the name has afterwards, is made again."""
    scope = scope_of(old, new)
    assert texts(scope, groups_of(scope, edits_of=lambda pair: [definition_edit(pair.old, pair.new)]).forced) == forced


def test_statements_that_ran():
    """They are new no more: nothing runs again for their sake."""
    old, new = "N = 1; N += 1; R = 1", "N = 1; N += 2; R = 1"
    scope = scope_of(old, new)
    ran = Scope(scope.pairing, scope.old, ran={pair.new for pair in scope.pairs})
    assert groups_of(ran) == UpdateGroups()


def test_deleted_names():
    """A name that the module deletes is there again, quietly, for the time that it is needed."""
    scope = scope_of("h = []; h.append(1); x = h; y = h; del h", "h = []; h.append(1); x = h, 2; y = h; del h")
    found = groups_of(scope, missing="h")
    assert texts(scope, found.forced) == ["h = []", "h.append(1)", "del h"]
    assert found.quiet == found.forced


def test_imported_names():
    """An import gives the one name again that is needed; a star import too."""
    scope = scope_of("from m import M, N; N += A")
    found = groups_of(scope, overridden=["N"])
    assert found.imported == {0: {"N"}}
    assert texts(scope, found.forced) == ["N += A"]
    scope = scope_of("from m import *; N += A", stars={0: frozenset({"M", "N"})})
    assert groups_of(scope, overridden=["N"]).imported == {0: {"N"}}


@pytest.mark.parametrize(
    ("text", "keep", "why"),
    [
        ("from m import R; R.append(A)", "", "it updates 'R', which is not bound in this module"),
        ("R.append(A)", "", "it updates 'R', which is not bound in this module"),
        ("R = []; R.append(A)", "R", "it updates 'R', which the module keeps: __dyn_keep__"),
    ],
)
def test_refused(text, keep, why):
    """What mutates an object that the module cannot make again is not run again, but reported."""
    scope = scope_of(text)
    found = groups_of(scope, changed="A", keep=keep)
    ((pair, reason),) = found.impossible
    assert pair is scope.pairs[-1]
    assert reason.startswith(why)
    assert found.skipped == {pair.new}
    assert not found.forced


def test_statements_that_may_not_run():
    """Nothing runs again for what does not run now."""
    scope = scope_of("N = 1; N += A")
    assert groups_of(scope, changed="A", may_run=lambda _pair: "not now") == UpdateGroups()


@pytest.mark.parametrize(
    ("old", "new", "runs"),
    [
        ("N = 1 | N += 1 | x = 0", "N = 1 | N += 2 | x = 0", ["    N = 1", "    N += 2"]),
        ("N = 1 | N = 5", "N = 1 | N = N + 1", ["    N = 1", "    N = N + 1"]),
        ("x = 0 | if 1: x = 1", "x = 0 | if 0: x = 1", ["    x = 0", "    if 0: x = 1"]),
        ("a = 1 | b = a | a = 2", "a = 1 | a = 2 | b = a", ["    a = 2", "    b = a"]),
        ("R = [] | R.append(1)", "R = [] | R.append(2)", ["    R.append(2)"]),
        (
            "a = 1 | def f(s, x=0): pass | a = 2",
            "a = 1 | def f(s, x=a): pass | a = 2",
            ["    a = 1", "    def", "    a = 2"],
        ),
    ],
)
def test_class_bodies(old, new, runs):
    """The statements of a class body run together as those of a module do."""
    (before,), (after,) = statements(f"class C: | {old}"), statements(f"class C: | {new}")
    plan = plan_body(class_edit(before, after), frozenset(), frozenset())
    assert [pair.new.lines[0][: len(run)] for pair, run in zip(plan.runs, runs, strict=True)] == runs


def test_values_that_a_class_made_again_cannot_keep():
    """Of what runs, names are made from themselves and objects mutated once more."""
    scope = scope_of("N = 1; N += 1; R = []; R.append(1); x = 0")
    first = scope.pairs[0]
    runs = run_together(scope, lambda forced: [one for one in scope.pairs if one is first or one.new in forced])
    assert texts(scope, [pair.new for pair in runs]) == ["N = 1", "N += 1"]

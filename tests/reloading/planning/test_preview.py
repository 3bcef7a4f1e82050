"""plan: what saving a file would do, told from the sources."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dyntransform import Action
from dyntransform.importing.roots import Roots
from dyntransform.reloading.planning.preview import Plan, plan


def planned(folder: Path, old: str, new: str, **others: str) -> Plan:
    """Plan an edit of m.py, with other modules beside it."""
    path = folder / "m.py"
    path.write_text(new)
    for name, text in others.items():
        (folder / f"{name}.py").write_text(text)
    return plan(path, old.encode(), new.encode(), Roots([folder]))


def steps(plan: Plan) -> list[tuple[str, str, str]]:
    """The steps without places and notes."""
    return [(step.action, step.module, step.name) for step in plan.steps]


def test_function_body(tmp_path):
    """A changed body is an update in place."""
    assert steps(planned(tmp_path, "def f(): return 1\n", "def f(): return 2\n")) == [(Action.UPDATED, "m", "f")]


@pytest.mark.parametrize(("old", "new"), [("# dyntransform: off\n", ""), ("", "# dyntransform: off\n")])
def test_a_file_that_opted_out(tmp_path, old, new):
    """An edit of a file that is left alone cannot be made live."""
    result = planned(tmp_path, old + "A = 1\n", new + "A = 2\n", user="from m import A\nB = A\n")
    assert steps(result) == [(Action.REFUSED, "m", "")]
    assert not result.applicable


def test_importers_that_opted_out(tmp_path):
    """A module that is left alone does not follow what it imports."""
    result = planned(tmp_path, "A = 1\n", "A = 2\n", user="# dyntransform: off\nfrom m import A\nB = A\n")
    assert {step.module for step in result.steps} == {"m"}


def test_comments_do_nothing(tmp_path):
    """An edit of comments and spacing has no steps, and can be applied."""
    result = planned(tmp_path, "A = 1\n", "# why\nA  =  1\n")
    assert steps(result) == []
    assert result.applicable


def test_dependents_across_modules(tmp_path):
    """What reads a changed constant may run again, through from-imports, modules and star imports, transitively."""
    result = planned(
        tmp_path,
        "A = 1\nB = A + 1\n",
        "A = 2\nB = A + 1\n",
        n="from m import B as C\nD = C * 2\n",
        o="import m\nE = m.A\n",
        p="from n import *\nF = D\n",
    )
    assert steps(result) == [
        (Action.RAN, "m", "A"),
        (Action.RERAN, "m", "B"),
        (Action.REBOUND, "n", "C"),
        (Action.RERAN, "n", "D"),
        (Action.RERAN, "o", "E"),
        (Action.REBOUND, "p", "C"),
        (Action.REBOUND, "p", "D"),
        (Action.RERAN, "p", "F"),
    ]
    assert result.applicable


def test_members_of_a_class(tmp_path):
    """Methods are updated, attributes added and removed, one by one."""
    result = planned(
        tmp_path,
        "class C:\n    a = 1\n    def f(self): return 1\n",
        "class C:\n    b = 1\n    def f(self): return 2\n",
    )
    assert steps(result) == [
        (Action.REMOVED, "m", "C.a"),
        (Action.ADDED, "m", "C.b"),
        (Action.UPDATED, "m", "C.f"),
    ]


def test_functions_in_blocks(tmp_path):
    """They are updated as others are."""
    text = "if True:\n    def f(): return 1\nelse:\n    def g(): return 1\n"
    assert steps(planned(tmp_path, text, text.replace("1", "2"))) == [
        (Action.UPDATED, "m", "f"),
        (Action.UPDATED, "m", "g"),
    ]


def test_docstrings(tmp_path):
    """Those of modules and classes are updated, and are no statements."""
    text = '"""One."""\nclass C:\n    """One."""\n    x = 1\n'
    result = planned(tmp_path, text, text.replace("One", "Two"))
    assert steps(result) == [(Action.UPDATED, "m", "__doc__"), (Action.UPDATED, "m", "C")]


def test_statements_that_go_together(tmp_path):
    """What counts on from a value runs again with what binds it."""
    text = "A = 1\nN = 0\nN += A\n"
    assert steps(planned(tmp_path, text, text.replace("A = 1", "A = 2"))) == [
        (Action.RAN, "m", "A"),
        (Action.RERAN, "m", "N"),
        (Action.RERAN, "m", "N"),
    ]


def test_statements_that_a_decorated_function_is_counted_in(tmp_path):
    """Steps stand in the order in which they happen: what binds a name comes before what counts on from it."""
    text = "def d(f): return f\nREG = []\n@d\ndef f(): pass\nREG.append(f)\n"
    assert steps(planned(tmp_path, text, text.replace("@d\n", "@d\n@d\n"))) == [
        (Action.RERAN, "m", "REG"),
        (Action.RAN, "m", "f"),
        (Action.RERAN, "m", "REG"),
    ]


def test_syntax_error(tmp_path):
    """Invalid text could not be applied."""
    result = planned(tmp_path, "A = 1\n", "A = (\n")
    assert isinstance(result.error, SyntaxError)
    assert not result.applicable


def test_importer_of_a_removed_name(tmp_path):
    """A module that imported a removed name keeps what it has, as under a reload; the import is named."""
    result = planned(tmp_path, "A = 1\n", "B = 1\n", n="from m import A as a\n")
    told = [(step.module, step.name, step.action) for step in result.steps]
    assert ("n", "a", Action.WAITS) in told
    assert ("m", "A", Action.REMOVED) in told
    assert result.applicable


def test_importers_of_a_removed_name_in_blocks_and_classes(tmp_path):
    """An import in a class body keeps what it has, as does one with a way out, which would not fail at a restart."""
    user = "class C:\n    from m import A\ntry:\n    from m import A\nexcept ImportError:\n    A = 0\n"
    result = planned(tmp_path, "A = 1\n", "B = 1\n", n=user)
    kept = "still imported from m: it keeps what it has"
    told = [(step.name, step.note) for step in result.steps if step.action is Action.WAITS]
    assert told == [("C.A", f"{kept}, and would fail at a restart"), ("A", kept)]


def test_function_that_imports_a_removed_name(tmp_path):
    """An import that runs when a function is called hinders nothing; the removal says who makes it."""
    result = planned(tmp_path, "A = 1\nB = 2\n", "B = 2\n", n="def f():\n    from m import A, B\n    return A, B\n")
    (step,) = result.steps
    assert (step.action, step.name, step.note) == (Action.REMOVED, "A", "functions of n still import it")
    assert result.applicable


def test_statement_that_reads_a_removed_name(tmp_path):
    """A statement that would fail at import is refused; one that may not, such as a block, only runs again."""
    new = "B = A + 1\nclass C:\n    b = A\ntry:\n    D = A\nexcept NameError:\n    D = 0\ndef f(): return A\n"
    result = planned(tmp_path, "A = 1\n" + new, new)
    assert steps(result) == [
        (Action.REMOVED, "m", "A"),
        (Action.REFUSED, "m", "B"),
        (Action.REFUSED, "m", "C"),
        (Action.RERAN, "m", "D"),
    ]
    assert not result.applicable


def test_update_of_a_foreign_name_is_refused(tmp_path):
    """A statement that updates what another module bound cannot run again."""
    result = planned(tmp_path, "A = 1\n", "A = 2\n", reg="R = []\n", n="from m import A\nimport reg\nreg.R.append(A)\n")
    assert [step.name for step in result.refused] == ["reg"]
    assert not result.applicable


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with m.py committed."""
    (tmp_path / "m.py").write_text("def f(): return 1\n")
    for command in (
        ["init", "-q"],
        ["add", "m.py"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "m"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    return tmp_path


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run dyntransform plan in a folder."""
    words = [sys.executable, "-m", "dyntransform", "plan", *arguments]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_command_compares_with_git(repository):
    """Without options the committed version is what runs."""
    (repository / "m.py").write_text("def f(): return 2\n")
    done = command(repository, "m.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert "updated   m.f  m.py:1" in done.stdout
    (repository / "m.py").write_text("def f(: return 2\n")
    done = command(repository, "m.py")
    assert done.returncode == 1
    assert "SyntaxError" in done.stdout


def test_command_says_what_it_needs(tmp_path):
    """Where there is no old version, the message names the option."""
    (tmp_path / "m.py").write_text("A = 1\n")
    done = command(tmp_path, "m.py")
    assert done.returncode == 2
    assert "--old" in done.stderr
    (tmp_path / "old.py").write_text("A = 0\n")
    assert command(tmp_path, "m.py", "--old", "old.py").returncode == 0

"""undo(): back to the code before the last applied edit."""

from __future__ import annotations

import dyntransform


def test_undo_restores_code_and_keeps_state(project):
    """Functions and constants are the former ones; what the program counted stays."""
    m = project.load("m", "LIMIT = 1\nseen = []\ndef f(): return 'old'\n")
    m.seen.append(1)
    f = m.f
    project.edit(m="LIMIT = 2\nseen = []\ndef f(): return 'new'\ndef g(): return 1\n")
    assert (f(), m.LIMIT, m.g()) == ("new", 2, 1)
    report = dyntransform.undo()
    assert report.error is None
    assert (f(), m.LIMIT, m.seen) == ("old", 1, [1])
    assert not hasattr(m, "g")


def test_undo_goes_back_one_edit_each_time(project):
    """Each call takes one more edit back; then there is none left."""
    m = project.load("m", "V = 0\n")
    project.edit(m="V = 1\n")
    project.edit(m="V = 2\n")
    assert dyntransform.undo().error is None
    assert m.V == 1
    assert dyntransform.undo().error is None
    assert m.V == 0
    assert isinstance(dyntransform.undo().error, dyntransform.ReloadError)
    assert m.V == 0


def test_reload_after_undo_applies_the_file_again(project):
    """Files stay as they are, so the next reload brings the edit back."""
    m = project.load("m", "V = 0\n")
    project.edit(m="V = 1\n")
    dyntransform.undo()
    assert (project.root / "m.py").read_text() == "V = 1\n"
    assert dyntransform.reload().error is None
    assert m.V == 1


def test_failed_edits_are_no_edits(project):
    """An edit that was not applied cannot be taken back: undo means the one before."""
    m = project.load("m", "V = 0\n")
    project.edit(m="V = 1\n")
    assert isinstance(project.try_edit(m="V = 1/0\n").error, ZeroDivisionError)
    assert dyntransform.undo().error is None
    assert m.V == 0


def test_undo_that_fails_changes_nothing(project, monkeypatch):
    """If the old code cannot run any more, everything stays, and undo can be tried again."""
    monkeypatch.setenv("UNDO_TEST", "1")
    m = project.load("m", "import os\nV = os.environ['UNDO_TEST']\n")
    project.edit(m="import os\nV = '2'\n")
    monkeypatch.delenv("UNDO_TEST")
    assert isinstance(dyntransform.undo().error, KeyError)
    assert m.V == "2"
    monkeypatch.setenv("UNDO_TEST", "3")
    assert dyntransform.undo().error is None
    assert m.V == "3"

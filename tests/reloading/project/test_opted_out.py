"""Modules whose files ask to be left alone: edits of them are told, once each, and never applied."""

from __future__ import annotations

import sys

import pytest

import dyntransform
from dyntransform import Action, Report

OFF = "# dyntransform: off\n"


def told(report: Report) -> list[tuple[str, str]]:
    """What was done to which module."""
    return [(change.action, change.module) for change in report.changes]


def test_edit_of_a_module_that_opted_out(project):
    """The edit is reported with its file, the module stays, and the next reload has nothing to do."""
    m = project.load("m", f"{OFF}V = 1\ndef f(): return V\n")
    report = project.edit(m=f"{OFF}V = 2\ndef f(): return -V\n")
    assert told(report) == [(Action.REFUSED, "m")]
    assert report.waits
    assert report.files == (str(project.root / "m.py"),)
    assert "opted out" in str(report)
    assert (m.V, m.f()) == (1, 1)
    assert not dyntransform.reload()


def test_others_are_edited_all_the_same(project):
    """The rest of the edit is applied; what the module imported from it stays what it was."""
    project.write(n="V = 1\n")
    m = project.load("m", f"{OFF}from n import V\nW = V + 1\n")
    report = project.edit(n="V = 2\n", m=f"{OFF}from n import V\nW = V + 2\n")
    assert told(report) == [(Action.RAN, "n"), (Action.REFUSED, "m")]
    assert (sys.modules["n"].V, m.V, m.W) == (2, 1, 2)


def test_a_running_module_opts_out(project):
    """The edit that brings the mark is the first that is not applied, and the module stays out."""
    m = project.load("m", "V = 1\n")
    assert told(project.edit(m=f"{OFF}V = 2\n")) == [(Action.REFUSED, "m")]
    assert told(project.edit(m="V = 3\n")) == [(Action.REFUSED, "m")]
    assert m.V == 1
    assert not dyntransform.reload()


def test_failed_edit_tells_again(project):
    """What was part of an edit that failed is told by the one that succeeds."""
    project.load("m", f"{OFF}V = 1\n")
    project.load("n", "V = 1\n")
    assert isinstance(project.try_edit(m=f"{OFF}V = 2\n", n="V = 1/0\n").error, ZeroDivisionError)
    assert told(project.edit(n="V = 2\n")) == [(Action.RAN, "n"), (Action.REFUSED, "m")]


def test_undo_leaves_it_alone(project):
    """There is nothing to take back in a module that opted out."""
    project.load("m", f"{OFF}V = 1\n")
    project.edit(m=f"{OFF}V = 2\n")
    assert isinstance(dyntransform.undo().error, dyntransform.ReloadError)


def test_removed_file(project):
    """A file that is gone is no edit."""
    project.load("m", f"{OFF}V = 1\n")
    (project.root / "m.py").unlink()
    assert not dyntransform.reload()


def test_module_that_was_loaded_before(project):
    """The mark counts in modules that were imported before the hook was installed, too."""
    hook = dyntransform.install([project.root])
    hook.uninstall()
    m = project.load("m", f"{OFF}V = 1\n")
    with dyntransform.install([project.root]):
        assert told(project.edit(m=f"{OFF}V = 2\n")) == [(Action.REFUSED, "m")]
    assert m.V == 1


def test_watched(project):
    """Saving such a file is reported as well."""
    project.load("m", f"{OFF}V = 1\n")
    project.write(m=f"{OFF}V = 2\n")
    reports: list[Report] = []
    hook = dyntransform.install([project.root])
    hook._on_report = reports.append
    hook._saved([str(project.root / "m.py")])
    assert [told(report) for report in reports] == [[(Action.REFUSED, "m")]]


@pytest.mark.parametrize("text", ["class A:  # dyntransform: off\n    def f(self): return {}\n"])
def test_class_that_opted_out_is_edited(project, text):
    """For a class the mark is about rewriting alone: its edits are applied."""
    m = project.load("m", text.format(1))
    held = m.A()
    project.edit(m=text.format(2))
    assert held.f() == 2

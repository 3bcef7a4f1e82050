"""before_reload, after_reload and __dyn_keep__: what a module says about its own reloads."""

from __future__ import annotations

from dyntransform import Action

HOOKS = """\
import dyntransform
calls = []
VALUE = 1
@dyntransform.before_reload
def stop(event):
    calls.append(("before", event.module, VALUE, event.report))
@dyntransform.after_reload
def start(event):
    calls.append(("after", event.module, VALUE, event.report.error))
"""


def test_hooks_run_around_the_edit(project):
    """The first sees the old values, the second the new ones and the report."""
    m = project.load("m", HOOKS)
    project.edit(m=HOOKS.replace("VALUE = 1", "VALUE = 2"))
    assert m.calls == [("before", "m", 1, None), ("after", "m", 2, None)]


def test_hooks_of_other_modules_are_silent(project):
    """Only the modules that change are asked, also where a hook's name was imported elsewhere."""
    m = project.load("m", HOOKS)
    project.load("n", "from m import stop, start\nX = 1\n")
    project.edit(n="from m import stop, start\nX = 2\n")
    assert m.calls == []


def test_before_hook_that_raises_stops_the_edit(project):
    """The edit is not applied, the report says why, and the other hook may start again what was stopped."""
    m = project.load("m", HOOKS + "def f(): return 1\n")
    m.VALUE = None
    text = HOOKS.replace("def stop(event):", "def stop(event):\n    1/0")
    project.edit(m=text + "def f(): return 1\n")
    m.calls.clear()
    report = project.try_edit(m=text + "def f(): return 2\n")
    assert isinstance(report.error, ZeroDivisionError)
    assert report.place.path == str(project.root / "m.py")
    assert m.f() == 1
    assert [call[0] for call in m.calls] == ["after"]
    assert m.calls[0][3] is report.error


def test_after_hook_runs_when_the_edit_is_undone(project):
    """What the first hook stopped is started again."""
    m = project.load("m", HOOKS)
    report = project.try_edit(m=HOOKS + "1/0\n")
    assert isinstance(report.error, ZeroDivisionError)
    assert [call[0] for call in m.calls] == ["before", "after"]


def test_after_hook_that_raises_is_reported(project):
    """The edit stays, and the report names the hook and its error."""
    text = HOOKS.replace("def start(event):", "def start(event):\n    1/0")
    m = project.load("m", text)
    report = project.edit(m=text.replace("VALUE = 1", "VALUE = 2"))
    assert m.VALUE == 2
    assert [(c.name, c.action) for c in report.changes if "ZeroDivisionError" in c.note] == [("start", Action.REFUSED)]


def test_removed_hook_is_gone(project):
    """A hook that an edit removes is called before that edit, and never again."""
    m = project.load("m", HOOKS)
    project.edit(m="calls = []\nVALUE = 1\n")
    project.edit(m="calls = []\nVALUE = 2\n")
    assert [call[0] for call in m.calls] == ["before"]


KEPT = "__dyn_keep__ = ['pool', 'both']\npool = [{0}]\nboth, free = {0}, {0}\nplain = {0}\n"


def test_kept_names_keep_their_values(project):
    """Statements that bind kept names alone do not run; of others the kept names keep their values; it is reported."""
    m = project.load("m", KEPT.format(1))
    pool = m.pool
    report = project.edit(m=KEPT.format(2))
    assert m.pool is pool
    assert (m.both, m.free, m.plain) == (1, 2, 2)
    assert [(c.name, c.action) for c in report.waits] == [("pool", Action.WAITS)]


def test_kept_name_survives_removal(project):
    """A kept name that the source no longer binds stays."""
    m = project.load("m", KEPT.format(1))
    project.edit(m="__dyn_keep__ = ['pool', 'both']\n")
    assert m.pool == [1]
    assert not hasattr(m, "plain")


def test_updates_of_a_kept_name_do_not_run_again(project):
    """An update of a kept object would count twice: it is reported instead."""
    text = "__dyn_keep__ = 'reg'\nA = {0}\nreg = []\nreg.append(A)\n"
    m = project.load("m", text.format(1))
    report = project.edit(m=text.format(2))
    assert m.reg == [1]
    assert any("keeps" in c.note for c in report.waits)

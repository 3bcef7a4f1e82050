"""What the report says about names that an edit removes."""

from __future__ import annotations

import pytest

from dyntransform import Action

BODY = """\
def total():
    return [RATE for _ in range(2)]
class Box:
    def value(self):
        return lambda: RATE
    def size(self, other):
        return len(other.RATE)
"""


def notes(report):
    """The notes of the removals, by name."""
    removed = [change for change in report.changes if change.action is Action.REMOVED]
    return {name: [one.note for one in removed if one.name == name] for name in {one.name for one in removed}}


def test_functions_that_read_a_removed_name_are_named(project):
    """A global that functions still read: the removal says which."""
    mod = project.load("mod", "RATE = 1\n" + BODY)
    report = project.edit(mod=BODY)
    assert notes(report) == {"RATE": ["still read in total, Box.value"]}
    with pytest.raises(NameError):
        mod.total()


def test_removed_name_that_uncovers_a_builtin(project):
    """Functions read the builtin then: there is nothing to say."""
    mod = project.load("mod", "def len(x): return -1\ndef f(): return len('ab')\n")
    report = project.edit(mod="def f(): return len('ab')\n")
    assert notes(report) == {"len": [""]}
    assert mod.f() == 2


def test_removed_name_that_uncovers_a_star_import(project):
    """The name is still bound: it is not removed."""
    project.load("base", "RATE = 5\n")
    mod = project.load("mod", "from base import *\nRATE = 1\ndef f(): return RATE\n")
    report = project.edit(mod="from base import *\ndef f(): return RATE\n")
    assert notes(report) == {}
    assert mod.f() == 5


def test_modules_whose_functions_import_a_removed_name_are_named(project):
    """An import in a function fails at its next call: the removal says in which module."""
    project.load("mod", "RATE = 1\nOTHER = 2\n")
    user = project.load("user", "def ask():\n    from mod import RATE, OTHER\n    return RATE + OTHER\n")
    report = project.edit(mod="OTHER = 2\n")
    assert "functions of user still import it" in notes(report)["RATE"]
    with pytest.raises(ImportError):
        user.ask()


USER = """\
from mod import RATE as rate, OTHER
class Box:
    from mod import RATE
try:
    from mod import RATE as other
except ImportError:
    other = 0
from mod import RATE as own
own = 5
def ask():
    global late
    from mod import RATE as late
"""


def test_modules_that_keep_an_imported_name_that_is_removed_are_named(project):
    """An import at module level or in a class body keeps what it has: the report says so, in the words of the plan."""
    project.load("mod", "RATE = 1\nOTHER = 2\n")
    user = project.load("user", USER)
    report = project.edit(mod="OTHER = 2\n")
    waits = {(change.name, change.place.line, change.note) for change in report.waits}
    kept = "still imported from mod: it keeps what it has"
    at_restart = f"{kept}, and would fail at a restart"
    assert waits == {("rate", 1, at_restart), ("Box.RATE", 2, at_restart), ("other", 4, kept), ("own", 8, at_restart)}
    assert (user.rate, user.Box.RATE, user.other, user.own) == (1, 1, 1, 5)

"""Closures that cannot take new code are reported when that is edited, and not again by every edit after it."""

from __future__ import annotations

from dyntransform import Action

OLD = "def make(n, m):\n    def inner(): return n\n    return inner\n"
NEW = "def make(n, m):\n    def inner(): return n, m\n    return inner\n"


def refused(report):
    """The names of what could not take effect."""
    return [change.name for change in report.changes if change.action is Action.REFUSED]


def test_refusal_is_not_repeated(project):
    """Edits of other statements, of the factory around, and of places only, say nothing of it."""
    mod = project.load("mod", OLD + "A = 1\n")
    held = mod.make(1, 2)
    assert refused(project.edit(mod=NEW + "A = 1\n")) == ["make.inner"]
    assert refused(project.edit(mod=NEW + "A = 2\n")) == []
    assert refused(project.edit(mod="# moved\n" + NEW + "A = 2\n")) == []
    assert refused(project.edit(mod=NEW.replace("return inner", "x = 1\n    return inner") + "A = 2\n")) == []
    assert held() == 1


def test_refusal_of_another_edit_is_said(project):
    """The code that it lacks a variable for is edited again: it lacks that too."""
    mod = project.load("mod", OLD)
    held = mod.make(1, 2)
    assert refused(project.edit(mod=NEW)) == ["make.inner"]
    assert refused(project.edit(mod=NEW.replace("n, m\n", "m, n\n"))) == ["make.inner"]
    assert held() == 1

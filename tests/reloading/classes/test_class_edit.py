"""What the report of an edit says about classes."""

from __future__ import annotations

import itertools

from dyntransform.reloading.model.report import Action


def test_replaced_class_is_said_to_be(project):
    """A class that needs another layout is replaced, and the report says so."""
    mod = project.load("mod", "class B:\n    __slots__ = ('b',)\nclass A:\n    x = 1\n")
    held = [mod.A()]  # what a variable of a running frame held, CPython 3.14 keeps until it ends
    report = project.edit(mod="class B:\n    __slots__ = ('b',)\nclass A(B):\n    x = 1\n")
    assert any(one.action is Action.UPDATED and "another layout" in one.note for one in report.changes)
    assert not report.waits
    assert type(held[0]) is mod.A


def test_instance_that_cannot_move_is_refused(project):
    """An instance that C code holds by itself stays with the class of before, and goes on working."""
    mod = project.load("mod", "class A:\n    def __init__(self, n): self.n = n\n")
    held = itertools.repeat(mod.A(1))
    report = project.edit(mod="class A:\n    __slots__ = ('n',)\n    def __init__(self, n): self.n = n\n")
    (refused,) = [one for one in report.changes if one.action is Action.REFUSED]
    assert "1 instances of A" in refused.note
    assert next(held).n == 1


def test_holder_of_the_old_class_is_named(project):
    """What still holds the class of before is in the report."""
    mod = project.load("mod", "class B:\n    __slots__ = ('b',)\nclass A: pass\n")
    held = itertools.repeat(mod.A)
    report = project.edit(mod="class B:\n    __slots__ = ('b',)\nclass A(B): pass\n")
    assert ["still held by: repeat" in one.note for one in report.waits] == [True], report
    assert next(held) is not mod.A


def test_hook_that_raises_is_reported_and_others_are_called(project):
    """An exception in __on_reload__ undoes nothing, and no instance is left out."""
    mod = project.load(
        "mod",
        """
        told = []
        class A:
            def __init__(self, n): self.n = n
            def __on_reload__(self):
                told.append(self.n)
                raise ValueError(self.n)
            def f(self): return 1
        """,
    )
    one, two = mod.A(1), mod.A(2)
    report = project.edit(mod=(project.root / "mod.py").read_text().replace("return 1", "return 2"))
    assert sorted(mod.told) == [1, 2]
    assert one.f() == two.f() == 2
    notes = [change.note for change in report.changes if change.action is Action.REFUSED]
    assert sorted(notes) == ["raised ValueError: 1", "raised ValueError: 2"]


def test_fields_without_default_wait(project):
    """Live instances have no value for a new field without default; the report says so."""
    head = "from dataclasses import dataclass\n@dataclass\nclass A:\n    a: int\n"
    mod = project.load("mod", head)
    held = mod.A(1)
    report = project.edit(mod=head + "    b: int\n")
    assert any("'b'" in one.note and one.action is Action.WAITS for one in report.changes)
    assert held.a == 1


def test_versions_do_not_pile_up(project):
    """After several edits of the bases there is one version of each class."""
    import gc

    gc.collect()  # what other tests left
    mod = project.load("mod", "class B: pass\nclass A:\n    x = 0\n")
    held = mod.A()
    for n in range(6):
        project.edit(mod=f"class B: pass\nclass A{'(B)' if n % 2 else ''}:\n    x = {n}\n")
    assert (held.x, type(held)) == (5, mod.A)
    assert mod.B.__subclasses__() == [mod.A]
    left = [one for one in gc.get_objects() if isinstance(one, type) and one.__module__ == "mod"]
    assert sorted(left, key=lambda one: one.__name__) == [mod.A, mod.B]

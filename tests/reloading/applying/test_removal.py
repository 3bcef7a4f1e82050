"""What the report says about effects of removed statements."""

from __future__ import annotations

from dyntransform import Action

REGISTRY = "FOUND = []\ndef register(f):\n    FOUND.append(f)\n    return f\n"


def waits(report):
    """What is not in effect: names and notes."""
    return [(change.name, change.note) for change in report.changes if change.action is Action.WAITS]


def test_registered_function_is_said_to_stay(project):
    """A decorator put the function somewhere: it stays there, and the report says what holds it."""
    registry = project.load("reg", REGISTRY)
    project.load("mod", "from reg import register\n@register\ndef f(): return 1\n")
    report = project.edit(mod="from reg import register\n")
    assert waits(report) == [("f", "removed: what its decorators registered stays, held by list")]
    assert [f() for f in registry.FOUND] == [1]


def test_function_that_nothing_holds_is_gone(project):
    """Decorators that registered nothing: there is nothing to say."""
    project.load("reg", "import functools\ndef plain(f):\n    return functools.wraps(f)(lambda: f())\n")
    head = "import functools\nfrom reg import plain\n"
    mod = project.load("mod", head + "@plain\ndef f(): return 1\n@functools.lru_cache\ndef g(): return 1\n")
    assert (mod.f(), mod.g()) == (1, 1)
    report = project.edit(mod=head)
    assert waits(report) == []


def test_removed_update_of_another_module_is_said_to_stay(project):
    """A call that changed an object of another module cannot be taken back."""
    registry = project.load("reg", "FOUND = []\n")
    project.load("mod", "from reg import FOUND\nFOUND.append(1)\n")
    report = project.edit(mod="from reg import FOUND\n")
    assert waits(report) == [("FOUND", "removed: what it did stays until a restart")]
    assert registry.FOUND == [1]


def test_update_removed_with_its_object(project):
    """The object is gone too: there is nothing to say."""
    project.load("mod", "FOUND = []\nFOUND.append(1)\nA = 1\n")
    assert waits(project.edit(mod="A = 1\n")) == []


def test_registration_with_the_standard_library_is_taken_back(project):
    """Singledispatch gives up what is no longer registered, so nothing stays."""
    head = "import functools\n@functools.singledispatch\ndef show(v): return 'any'\n"
    mod = project.load("mod", head + "@show.register\ndef _(v: int): return 'int'\n")
    assert mod.show(1) == "int"
    assert waits(project.edit(mod=head)) == []
    assert mod.show(1) == "any"

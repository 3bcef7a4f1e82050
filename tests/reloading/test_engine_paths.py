"""Reloading the files that were saved, when it is known which: the same outcome, without looking at the others."""

from __future__ import annotations

import os

import pytest

import dyntransform
from dyntransform import hook


@pytest.fixture
def pair(project, looked_at):
    """Two modules that are in step with their files."""
    first, second = project.load("first", "def f(): return 1"), project.load("second", "def g(): return 1")
    assert not dyntransform.reload()
    looked_at.clear()
    return first, second


def save(project, **files: str) -> dyntransform.Report:
    """Save modules, and reload them by their paths."""
    project.write(**files)
    return hook.current().reload([str(project.root / f"{name}.py") for name in files])


def test_no_other_file_is_looked_at(project, pair, looked_at):
    """The file that was saved is applied, and what nobody named is left to the next plain reload."""
    first, second = pair
    project.write(second="def g(): return 2")
    assert save(project, first="def f(): return 2").error is None
    assert (first.f(), second.g(), looked_at) == (2, 1, ["first"])
    dyntransform.reload()
    assert second.g() == 2


@pytest.mark.usefixtures("pair")
def test_modules_in_the_order_of_loading(project, looked_at):
    """Files come in any order; modules do as they were loaded."""
    report = save(project, second="def g(): return 2", first="def f(): return 2")
    assert [change.module for change in report.changes] == ["first", "second"]
    assert looked_at == ["first", "second"]


def test_before_the_first_reload(project, looked_at):
    """What was saved before anybody looked is applied as well."""
    first, second = project.load("first", "def f(): return 1"), project.load("second", "def g(): return 1")
    project.write(second="def g(): return 2")
    save(project, first="def f(): return 2")
    assert (first.f(), second.g(), looked_at) == (2, 2, ["first", "second"])


def test_after_a_failure(project, pair):
    """The save after one that failed tries again with every file that differs."""
    first, second = pair
    assert isinstance(save(project, first="def f(): return 2", second="1 / 0").error, ZeroDivisionError)
    project.write(second="def g(): return 2")
    assert save(project, second="def g(): return 2").error is None
    assert (first.f(), second.g()) == (2, 2)


def test_after_an_undo(project, pair):
    """The save after `undo` brings back what still differs on disk."""
    first, second = pair
    save(project, first="def f(): return 2")
    dyntransform.undo()
    assert first.f() == 1
    save(project, second="def g(): return 2")
    assert (first.f(), second.g()) == (2, 2)


def test_a_file_of_no_module(project, pair):
    """Where a module becomes a package, the saved file is no module's: all are looked at."""
    first, second = pair
    (project.root / "first.py").unlink()
    (project.root / "first").mkdir()
    (project.root / "first" / "__init__.py").write_text("def f(): return 2")
    project.write(second="def g(): return 2")
    report = hook.current().reload([str(project.root / "first" / "__init__.py"), str(project.root / "second.py")])
    assert report.error is None
    assert (first.f(), second.g()) == (2, 2)


def test_links(project, pair):
    """A file is found by any of its paths, and all modules that were loaded from it are reloaded."""
    first, _ = pair
    (project.root / "package").mkdir()
    (project.root / "package" / "third.py").symlink_to(project.root / "first.py")
    (project.root / "again").symlink_to(project.root / "package", target_is_directory=True)
    project.load("package.third")
    third, fourth = project.load("package.third"), project.load("again.third")
    dyntransform.reload()
    project.write(first="def f(): return 2")
    hook.current().reload([os.path.join(project.root, "again", "third.py")])
    assert (first.f(), third.f(), fourth.f()) == (2, 2, 2)


@pytest.mark.usefixtures("pair")
def test_modules_loaded_since(project):
    """A module that was imported after the last reload is known by its file."""
    third = project.load("third", "from first import f\ndef h(): return f()")
    save(project, third="from first import f\ndef h(): return f() + 1")
    assert third.h() == 2
    save(project, first="X = 5\ndef f(): return X")
    assert third.h() == 6

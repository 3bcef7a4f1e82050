"""Reloading in a large project, where the operating system tells which files to look at: the same outcome."""

from __future__ import annotations

import os
import shutil
import sys
import threading

import pytest

import dyntransform
from dyntransform.inotify import Inotify
from dyntransform.reloading.project import files, notices
from dyntransform.reloading.project.notices import Notices

TEXT = "def f(): return {}"


def _has_notices(folder) -> bool:
    told = Notices()
    told.begin([str(folder)])
    try:
        return told.take() is not None
    finally:
        told.end()


@pytest.fixture(autouse=True)
def _needs_notices(tmp_path):
    if not _has_notices(tmp_path):
        pytest.skip("no notices for this folder: not Linux, or not a local file system")


@pytest.fixture
def pair(project, looked_at, monkeypatch):
    """Two modules of a project that counts as large, in step with their files."""
    monkeypatch.setattr(files, "_MANY", 1)
    modules = project.load("first", TEXT.format(1)), project.load("second", TEXT.format(1))
    for _ in range(2):
        assert not dyntransform.reload()
        assert everything(looked_at)
    return modules


def save(path, number):
    """Write a module whose function returns the number."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(TEXT.format(number))


def everything(looked_at) -> bool:
    """Whether the last reload looked at both modules; the list is empty again."""
    seen = sorted(set(looked_at))
    looked_at.clear()
    return seen == ["first", "second"]


def test_only_saved_files_are_looked_at(project, pair, looked_at):
    """However a file is saved, it is looked at, and no other is, again and again."""
    first, path = pair[0], project.root / "first.py"

    def in_place(text):
        path.write_text(text)

    def through_another(text):
        other = project.root / "first.py.tmp"
        other.write_text(text)
        os.replace(other, path)

    def anew(text):
        path.unlink()
        path.write_text(text)

    def while_open(text):
        with open(path, "r+", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            assert dyntransform.reload()

    for number, save in enumerate([in_place, through_another, anew, while_open, in_place], 2):
        save(TEXT.format(number))
        dyntransform.reload()
        assert first.f() == number
    assert set(looked_at) == {"first"}
    looked_at.clear()
    assert not dyntransform.reload()
    (project.root / "data.txt").write_text("1")
    (project.root / "other.py").write_text("1")
    assert not dyntransform.reload()
    assert looked_at == []


def test_module_that_becomes_a_package(project, pair, looked_at):
    """The folder that it has then is watched as well."""
    first = pair[0]
    (project.root / "first.py").unlink()
    save(project.root / "first" / "__init__.py", 2)
    dyntransform.reload()
    assert first.f() == 2
    for number in (3, 4):
        save(project.root / "first" / "__init__.py", number)
        dyntransform.reload()
        assert first.f() == number
    looked_at.clear()
    dyntransform.reload()
    assert looked_at == []


def test_file_that_is_gone_for_a_while(project, pair):
    """It may come back at another place, which nobody watches."""
    first = pair[0]
    (project.root / "first.py").unlink()
    dyntransform.reload()
    save(project.root / "first" / "__init__.py", 2)
    dyntransform.reload()
    assert first.f() == 2


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_links(project, pair, tmp_path_factory, link):
    """A file that has another name elsewhere may be written there."""
    first, path = pair[0], project.root / "first.py"
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "text.py"
    elsewhere.write_text(TEXT.format(2))
    path.unlink()
    link(elsewhere, path)
    dyntransform.reload()
    assert first.f() == 2
    for number in (3, 4):
        elsewhere.write_text(TEXT.format(number))
        dyntransform.reload()
        assert first.f() == number


def test_module_that_is_away_for_a_while(project, pair):
    """What is saved while a module is not in `sys.modules` is applied when it is there again."""
    first = sys.modules.pop("first")
    project.write(first=TEXT.format(2))
    dyntransform.reload()
    sys.modules["first"] = first
    dyntransform.reload()
    assert first.f() == 2
    assert pair[0] is first


def test_modules_that_are_loaded_later(project, pair, looked_at):
    """They are looked at, in folders that are watched and in others."""
    for name in ("third", "sub/fourth"):
        save(project.root / f"{name}.py", 1)
        module = project.load(name.replace("/", "."))
        for number in (2, 3):
            save(project.root / f"{name}.py", number)
            dyntransform.reload()
            assert module.f() == number
    looked_at.clear()
    dyntransform.reload()
    assert looked_at == []
    assert pair


@pytest.mark.usefixtures("pair")
def test_folder_that_is_replaced(project, looked_at):
    """Where a folder of that name is another one, all files are looked at."""
    save(project.root / "sub" / "third.py", 1)
    module = project.load("sub.third")
    dyntransform.reload()
    folder = project.root / "sub"
    shutil.copytree(folder, project.root / "new")
    (project.root / "new" / "third.py").write_text(TEXT.format(2))
    folder.rename(project.root / "old")
    (project.root / "new").rename(folder)
    looked_at.clear()
    dyntransform.reload()
    assert module.f() == 2
    (folder / "third.py").write_text(TEXT.format(3))
    dyntransform.reload()
    assert module.f() == 3


def test_named_files_are_not_watched(project, looked_at, monkeypatch):
    """Whoever watches names the files: no second watch is begun for that."""
    monkeypatch.setattr(files, "_MANY", 1)
    monkeypatch.setattr(Notices, "begin", lambda *_: pytest.fail("begun"))
    first = project.load("first", TEXT.format(1))
    dyntransform.reload()
    for text in ("1 +", TEXT.format(2)):
        project.write(first=text)
        dyntransform.hook.current().reload([str(project.root / "first.py")])
    assert first.f() == 2
    assert looked_at == ["first"] * 3


def test_uninstalling_does_not_wait_for_an_edit(project, monkeypatch):
    """A program may end although an edit that never ends is being applied."""
    edited, over = threading.Event(), threading.Event()
    monkeypatch.setattr("builtins.edited", edited, raising=False)
    monkeypatch.setattr("builtins.over", over, raising=False)
    project.load("first", "x = 1")
    project.write(first="x = 2\nedited.set()\nover.wait(20)")
    thread = threading.Thread(target=dyntransform.reload)
    thread.start()
    assert edited.wait(20)
    dyntransform.hook.current().engine.rest()
    assert not over.is_set()
    over.set()
    thread.join(20)
    assert not thread.is_alive()


def test_failed_edit(project, pair, looked_at):
    """The next tries again with each file that differs, and looks at no other."""
    project.load("third", TEXT.format(1))
    dyntransform.reload()
    project.write(first="1 / 0", second=TEXT.format(2))
    for _ in range(2):
        assert isinstance(dyntransform.reload().error, ZeroDivisionError)
    looked_at.clear()
    project.write(first=TEXT.format(2))
    assert dyntransform.reload().error is None
    assert everything(looked_at)
    assert [module.f() for module in pair] == [2, 2]
    assert not dyntransform.reload()
    assert looked_at == []


def test_failed_edit_beside_a_file_that_opts_out(project, pair):
    """That it is not applied is said once the edit succeeds."""
    project.write(first="1 / 0", second="# dyntransform: off\n" + TEXT.format(2))
    assert isinstance(dyntransform.reload().error, ZeroDivisionError)
    project.write(first=TEXT.format(2))
    report = dyntransform.reload()
    assert [change.module for change in report.changes if change.action is dyntransform.Action.REFUSED] == ["second"]
    assert [module.f() for module in pair] == [2, 1]


def test_queue_that_overflows(project, pair, looked_at, monkeypatch):
    """Where the operating system says that it dropped something, all files are looked at."""
    read, head = os.read, b"".join(each.to_bytes(4, sys.byteorder) for each in (0xFFFFFFFF, 0x4000, 0, 0))
    answers = [head]
    monkeypatch.setattr(
        "dyntransform.inotify.os.read", lambda file, size: answers.pop() if answers else read(file, size)
    )
    project.write(first=TEXT.format(2))
    dyntransform.reload()
    assert everything(looked_at)
    assert pair[0].f() == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_fork(project, pair):
    """A child looks for itself, and takes nothing from its parent."""
    project.write(first=TEXT.format(2))
    child = os.fork()
    if not child:
        dyntransform.reload()
        os._exit(0 if pair[0].f() == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    dyntransform.reload()
    assert pair[0].f() == 2


def test_program_that_closes_all_files(project, pair, looked_at, monkeypatch):
    """A file of ours that was closed, and whose number is another file's, is not read."""
    opened: list[int] = []
    begin = Inotify.__init__

    def noting(self, *arguments, **named):
        begin(self, *arguments, **named)
        opened.append(self._file)

    monkeypatch.setattr(Inotify, "__init__", noting)
    save(project.root / "sub" / "third.py", 1)
    project.load("sub.third")
    dyntransform.reload()
    looked_at.clear()
    with open(project.root / "data.txt", "w+", encoding="utf-8") as data:
        os.dup2(data.fileno(), opened[-1])
        project.write(first=TEXT.format(2))
        dyntransform.reload()
        assert pair[0].f() == 2
        assert {"first", "second", "sub.third"} <= set(looked_at)
        os.fstat(opened[-1])  # nobody else closed it
    os.close(opened[-1])


def test_file_system_of_another_machine(tmp_path, monkeypatch):
    """Nothing is told where others may write; it is looked up once."""
    told = Notices()
    monkeypatch.setattr(notices, "_LOCAL", frozenset())
    told.begin([str(tmp_path)])
    assert told.take() is None
    monkeypatch.undo()
    told.begin([str(tmp_path)])
    assert told.take() is None
    told.begin([str(tmp_path), str(tmp_path.parent)])
    assert told.take() == set()
    told.end()
    told.begin([str(tmp_path), str(tmp_path / "none")])
    assert told.take() is None


def test_hook_that_is_uninstalled_keeps_nothing_open(project, pair):
    """The number of open files is what it was."""

    def watches() -> int:
        files = [f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd")]
        return sum(os.path.islink(each) and os.readlink(each) == "anon_inode:inotify" for each in files)

    assert pair
    before = watches()
    dyntransform.hook.current().uninstall()
    assert watches() == before - 1
    assert project

"""Saved files are noticed, however they are saved; nothing else is."""

from __future__ import annotations

import os
import queue
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dyntransform.importing.roots import Roots
from dyntransform.watching import Watcher

TIMEOUT_S = 20


class Calls:
    """What a watcher called; each entry is what `look` returned then.

    Attributes:
        saved: the files that the last call was for.
    """

    def __init__(self, look: Callable[[], object]) -> None:
        self._look = look
        self.saved: frozenset[str] = frozenset()
        self._calls: queue.Queue[object] = queue.Queue()

    def __call__(self, saved: frozenset[str]) -> None:
        """Be called by a watcher."""
        self.saved = saved
        self._calls.put(self._look())

    def next(self) -> object:
        """Wait for a call."""
        return self._calls.get(timeout=TIMEOUT_S)

    def until(self, expected: object) -> int:
        """Wait for a call that saw this; return how many calls there were."""
        count = 1
        while self.next() != expected:
            count += 1
        return count


@contextmanager
def watching(*folders: Path, look: Callable[[], object] = lambda: None) -> Iterator[Calls]:
    """Watch folders; the call that every watch begins with is taken."""
    roots = Roots(folders)
    calls = Calls(look)
    watcher = Watcher(roots.paths, calls, relevant=lambda path: path.endswith(".py") and roots.owns(path))
    watcher.start()
    try:
        calls.next()
        yield calls
    finally:
        watcher.stop()
        assert not watcher.is_running


def content(path: Path) -> Callable[[], str | None]:
    """Return what reads a file; None if it is not there."""
    return lambda: path.read_text() if path.exists() else None


def save_in_place(path: Path, text: str) -> None:
    """Save as most editors do."""
    path.write_text(text)


def save_by_renaming(path: Path, text: str) -> None:
    """Save as PyCharm does."""
    draft = path.with_name(f"{path.name}___jb_tmp___")
    draft.write_text(text)
    draft.replace(path)


def save_with_backup(path: Path, text: str) -> None:
    """Save as vim does: the old file becomes the backup."""
    backup = path.with_name(f"{path.name}~")
    path.rename(backup)
    path.write_text(text)
    backup.unlink()


@pytest.mark.parametrize("save", [save_in_place, save_by_renaming, save_with_backup])
def test_ways_to_save(tmp_path: Path, save: Callable[[Path, str], None]) -> None:
    """One save is one call, however the editor does it."""
    path = tmp_path / "a.py"
    path.write_text("0")
    with watching(tmp_path, look=content(path)) as calls:
        for text in "123":
            save(path, text)
            assert calls.next() == text


def test_burst(tmp_path: Path) -> None:
    """Many files that are saved together are one edit."""
    paths = [tmp_path / f"m{number}.py" for number in range(200)]
    for path in paths:
        path.write_text("0")
    with watching(tmp_path, look=lambda: [path.read_text() for path in paths]) as calls:
        for path in paths:
            save_by_renaming(path, "1")
        assert calls.next() == ["1"] * len(paths)
        assert calls.saved == set(map(str, paths))
        paths[0].write_text("2")
        assert calls.next() == ["2"] + ["1"] * (len(paths) - 1)


def test_log_beside_the_code(tmp_path: Path) -> None:
    """A file that is written all the time holds nothing up."""
    path = tmp_path / "a.py"
    path.write_text("0")
    ended = threading.Event()

    def log() -> None:
        number = 0
        while not ended.wait(0.002):
            number += 1
            (tmp_path / f"{number % 50}.log").write_text("x")

    thread = threading.Thread(target=log)
    thread.start()
    try:
        with watching(tmp_path, look=content(path)) as calls:
            for text in "12":
                path.write_text(text)
                assert calls.next() == text
    finally:
        ended.set()
        thread.join()


def test_git_at_work(tmp_path: Path) -> None:
    """While git holds its lock the edit is not complete."""
    one, two = tmp_path / "project" / "one.py", tmp_path / "project" / "two.py"
    lock = tmp_path / ".git" / "index.lock"
    for folder in (one.parent, lock.parent):
        folder.mkdir()
    written = threading.Event()

    def look() -> bool:
        return written.is_set()

    with watching(one.parent, look=look) as calls:
        lock.touch()
        one.write_text("1")
        slow = threading.Timer(0.5, lambda: (two.write_text("1"), written.set(), lock.unlink()))
        slow.start()
        assert calls.next() is True


def test_truncated_first(tmp_path: Path) -> None:
    """A file that is empty for a moment is looked at when it is written."""
    path = tmp_path / "a.py"
    path.write_text("0")
    with watching(tmp_path, look=content(path)) as calls, path.open("w") as file:
        threading.Timer(0.08, lambda: (file.write("1"), file.flush())).start()
        assert calls.next() == "1"


@pytest.mark.parametrize(
    "name", [".a.py.swp", "a.py~", "4913", "#a.py#", "a.pyc", ".hidden/a.py", "__pycache__/a.py", "notes.txt"]
)
def test_other_files(tmp_path: Path, name: str) -> None:
    """What editors leave beside a file, and files that are not the project's, are nothing."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    code = tmp_path / "code.py"
    with watching(tmp_path, look=content(code)) as calls:
        path.write_text("1")
        code.write_text("1")
        assert calls.next() == "1"
        path.write_text("2")
        path.unlink()
        code.write_text("2")
        assert calls.next() == "2"


def test_deleted_file(tmp_path: Path) -> None:
    """A file that is removed is a change, and so is its return."""
    path = tmp_path / "a.py"
    path.write_text("0")
    with watching(tmp_path, look=content(path)) as calls:
        path.unlink()
        assert calls.next() is None
        path.write_text("1")
        assert calls.next() == "1"


def test_new_folders(tmp_path: Path) -> None:
    """Files in folders that were made or moved here later are noticed."""
    path = tmp_path / "made" / "deep" / "a.py"
    moved = tmp_path / "moved" / "deep" / "a.py"
    with watching(tmp_path, look=lambda: (content(path)(), content(moved)())) as calls:
        path.parent.mkdir(parents=True)
        path.write_text("1")
        calls.until(("1", None))
        path.write_text("2")
        calls.until(("2", None))
        (tmp_path / "made").rename(tmp_path / "moved")
        calls.until((None, "2"))
        moved.write_text("3")
        calls.until((None, "3"))


def test_folder_made_anew(tmp_path: Path) -> None:
    """A folder that is removed and made again at once, as by git, is watched on."""
    path = tmp_path / "pkg" / "a.py"
    path.parent.mkdir()
    path.write_text("0")
    with watching(tmp_path, look=content(path)) as calls:
        for text in "123":
            shutil.rmtree(path.parent)
            path.parent.mkdir()
            path.write_text(text)
            calls.until(text)
            path.write_text(text * 2)
            calls.until(text * 2)


def test_root_that_comes_back(tmp_path: Path) -> None:
    """A root may vanish, and is watched again when it is back; other roots are watched all the time."""
    one, two = tmp_path / "one", tmp_path / "two"
    for root in (one, two):
        root.mkdir()
    with watching(one, two, look=lambda: (content(one / "a.py")(), content(two / "a.py")())) as calls:
        shutil.rmtree(one)
        (two / "a.py").write_text("1")
        calls.until((None, "1"))
        one.mkdir()
        (one / "a.py").write_text("1")
        calls.until(("1", "1"))
        (one / "a.py").write_text("2")
        calls.until(("2", "1"))


def test_only_root_that_comes_back(tmp_path: Path) -> None:
    """The same for the only root."""
    root = tmp_path / "root"
    root.mkdir()
    with watching(root, look=content(root / "a.py")) as calls:
        shutil.rmtree(root)
        root.mkdir()
        (root / "a.py").write_text("1")
        calls.until("1")


def test_links(tmp_path: Path) -> None:
    """Roots and folders may be symbolic links, and links may form circles."""
    real = tmp_path / "elsewhere"
    (real / "sub").mkdir(parents=True)
    shared = tmp_path / "shared"
    shared.mkdir()
    (real / "linked").symlink_to(shared)
    (real / "sub" / "circle").symlink_to(real)
    root = tmp_path / "root"
    root.symlink_to(real)
    with watching(root, look=lambda: [content(path / "a.py")() for path in (real, real / "sub", shared)]) as calls:
        (real / "a.py").write_text("1")
        assert calls.next() == ["1", None, None]
        (real / "sub" / "a.py").write_text("1")
        assert calls.next() == ["1", "1", None]
        (shared / "a.py").write_text("1")
        assert calls.next() == ["1", "1", "1"]


def test_error_in_the_callback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error goes to `threading.excepthook`, and watching goes on."""
    path = tmp_path / "a.py"
    errors: queue.Queue[object] = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", lambda given: errors.put(given.exc_value))
    watcher = Watcher([str(tmp_path)], lambda _saved: 1 / 0, relevant=lambda path: path.endswith(".py"))
    watcher.start()
    try:
        assert isinstance(errors.get(timeout=TIMEOUT_S), ZeroDivisionError)
        path.write_text("1")
        assert isinstance(errors.get(timeout=TIMEOUT_S), ZeroDivisionError)
    finally:
        watcher.stop()


def test_stopped_by_the_callback(tmp_path: Path) -> None:
    """The callback may end the watch it is called by."""
    stopped = threading.Event()
    watcher = Watcher([str(tmp_path)], lambda _saved: (watcher.stop(), stopped.set()), relevant=lambda _: True)
    watcher.start()
    assert stopped.wait(TIMEOUT_S)
    watcher.stop()
    assert not watcher.is_running


def test_no_trace(tmp_path: Path) -> None:
    """The program does not see the watcher's thread, nor a filter of warnings when it is over."""
    import warnings

    threads, filters = threading.enumerate(), warnings.filters.copy()
    with watching(tmp_path):
        assert threading.enumerate() == threads
    assert warnings.filters == filters


def test_forked_process(tmp_path: Path) -> None:
    """In a forked process the watcher does not run, and stopping it does not wait."""
    with watching(tmp_path):
        watcher = Watcher([str(tmp_path)], lambda _saved: None, relevant=lambda _: True)
        watcher.start()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of other threads, such as those of pytest-xdist
            pid = os.fork()
        if pid == 0:
            running = watcher.is_running
            watcher.stop()
            os._exit(3 if running else 0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert watcher.is_running
        watcher.stop()

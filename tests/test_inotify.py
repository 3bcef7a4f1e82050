"""Linux wakes a thread that waits for something to happen in a folder."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from dyntransform import inotify
from dyntransform.inotify import Inotify

TIMEOUT_S = 20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has inotify")


def waiting(watch: Inotify) -> threading.Thread:
    """Return a thread that ends when something happened."""
    thread = threading.Thread(target=watch.wait, daemon=True)
    thread.start()
    return thread


def test_what_wakes(tmp_path: Path) -> None:
    """A file that is made, written, touched, renamed or deleted wakes the thread, also if it was not waiting yet."""
    path = tmp_path / "a.py"
    changes = [
        path.touch,
        lambda: path.write_text("1"),
        lambda: os.utime(path),
        lambda: path.rename(tmp_path / "b.py"),
        (tmp_path / "b.py").unlink,
    ]
    watch = Inotify([str(tmp_path)])
    try:
        for change in changes:
            change()
            thread = waiting(watch)
            thread.join(TIMEOUT_S)
            assert not thread.is_alive()
    finally:
        watch.close()


def test_reading_does_not_wake(tmp_path: Path) -> None:
    """What only reads leaves the thread asleep, until it is woken."""
    (tmp_path / "a.py").write_text("1")
    watch = Inotify([str(tmp_path)])
    (tmp_path / "a.py").read_text()
    thread = waiting(watch)
    thread.join(0.05)
    assert thread.is_alive()
    watch.wake()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()
    watch.close()


def test_waking_late(tmp_path: Path) -> None:
    """A watch whose folder is gone, or that is closed, can be woken in vain."""
    folder = tmp_path / "folder"
    folder.mkdir()
    watch = Inotify([str(folder)])
    folder.rmdir()
    watch.wake()
    watch.close()
    watch.wake()


def test_no_folder(tmp_path: Path) -> None:
    """A folder that is not there is an error, and no file is left open."""
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="inotify_add_watch"):
        Inotify([str(tmp_path), str(tmp_path / "missing")])
    assert len(os.listdir("/proc/self/fd")) == before


def test_without_ctypes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without libffi has no inotify."""
    monkeypatch.setattr(inotify, "_ctypes", None)
    with pytest.raises(OSError, match="no inotify"):
        Inotify([])

"""Notice saved files: one watch of the operating system, in one thread."""

from __future__ import annotations

import _thread
import atexit
import os
import stat
import sys
import threading
import time

from dyntransform.cpython.internals import module_from_spec, put_filter, take_filter
from dyntransform.inotify import Inotify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

__all__ = ["Watcher"]

_BURST_S = 1.0
"""Saves that follow each other are one edit, for so long, in seconds."""
_STEP_MS = 15
"""A burst is over when nothing was saved for so long, in milliseconds."""
_LOOK_MS = 20
"""Pause between two looks at what the operating system noticed, where it wakes nobody, in milliseconds."""
_IDLE_LOOK_MS = 100
_IDLE_AFTER_S = 300.0
"""The same when nothing was saved for so long: a program that nobody edits should wake up rarely."""
_YOUNG_S = 2.0
"""A program that is over soon should not have to wait for a pause to end."""
_WAIT_MS = 1000
_LATE_STEP_MS = 3
_LATE_MS = 60
"""Watchfiles usually knows what the operating system has woken us for so much later, at most, in milliseconds."""
_RETRY_S = 0.5
_MODIFIED = 2
"""The kind of a change that is neither an addition (1) nor a removal (3)."""
_HALF_WRITTEN_S = 0.15
"""An empty file may be one that an editor has just truncated and not yet written: give it so long, in seconds."""
_MANY = 1000
"""Of so many changes at once the operating system may have dropped some (inotify: `max_queued_events`)."""
_GIT_S = 5.0
"""Git holds a lock while it writes a working tree: the edit is complete when it is gone, or after so long."""
_EXIT_S = 5.0
"""The program may end although an edit is being applied, after so long."""


class Watcher:
    """Calls a function whenever files below some folders were saved.

    Its thread is none of `threading`'s: a program that counts or joins all threads finds only its own.

    Args:
        roots: the folders.
        on_change: called in the watcher's thread, once for a burst of saves, with the files; with none if any may have
            been saved. What it raises goes to `threading.excepthook`, and watching goes on.
        relevant: tells whether a file counts; a folder whose files would not count is not watched.
    """

    def __init__(
        self, roots: Sequence[str], on_change: Callable[[frozenset[str]], object], *, relevant: Callable[[str], bool]
    ) -> None:
        self._roots = tuple(roots)
        self._on_change = on_change
        self._relevant = relevant
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._done = threading.Event()
        self._notifier = _notifier()  # imported here and not in the thread: a fork should find no import half done
        self._forks = _ForkWarning()
        self._process = os.getpid()
        self._inotify: Inotify | None = None
        self._awake = False
        self._thread = 0
        self._started = self._last_edit = time.monotonic()

    @property
    def is_running(self) -> bool:
        """Whether it watches; in a forked process it does not."""
        return self._thread != 0 and not self._done.is_set() and self._process == os.getpid()

    def start(self, *, wait: bool = True) -> None:
        """Begin to watch.

        Args:
            wait: return when the watch is active; otherwise at once. What is saved in between is noticed in any case.
        """
        if self._thread:
            return
        self._forks.ignore()
        self._thread = _thread.start_new_thread(self._run, ())
        atexit.register(self.stop)
        if wait:
            self._ready.wait()

    def stop(self) -> None:
        """End watching, after the edit that is being applied."""
        atexit.unregister(self.stop)
        self._forks.ignore_no_more()
        self._stop.set()
        inotify = self._inotify
        if inotify is not None and self._process == os.getpid():
            inotify.wake()
        if self.is_running and self._thread != _thread.get_ident():
            # The interpreter must not end while the thread is in Rust code: it could not be unwound.
            self._done.wait(_EXIT_S)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._watch()
        finally:
            self._ready.set()
            self._done.set()

    def _watch(self) -> None:
        """Watch until stopped, or until folders came or went."""
        there = [os.path.isdir(root) for root in self._roots]
        folders = set(self._folders())
        try:
            notify = self._notifier(
                list(folders),
                debug=False,
                force_polling=False,
                poll_delay_ms=0,
                recursive=False,
                ignore_permission_denied=True,
            )
        except OSError:  # no folder there, or one went away in the meantime
            self._stop.wait(_RETRY_S)
            return
        # A folder that is not there cannot be watched, so it is looked for now and then.
        self._inotify = _inotify(folders) if all(there) else None
        with notify:
            self._ready.set()
            try:
                self._until_folders_change(notify, folders, there)
            finally:
                if self._inotify is not None:
                    self._inotify.close()

    def _until_folders_change(self, notify: Any, folders: set[str], there: list[bool]) -> None:
        early = True  # something may have been saved before the watch was active
        while not self._stop.is_set():
            events = self._events(notify, early=early)
            saved = frozenset(path for _, path in events if self._relevant(path))
            if saved:
                self._last_edit = time.monotonic()
            if saved or early:
                self._complete(saved)
                self._changed(frozenset() if early or len(events) > _MANY else saved)
                early = False
            # A folder that was made anew may have its old inode number: the event tells, not the file system.
            if any(path in folders or self._is_folder(path) for kind, path in events if kind != _MODIFIED):
                return
            if [os.path.isdir(root) for root in self._roots] != there:
                return

    def _folders(self) -> Iterator[str]:
        """Yield the folders of the project; symbolic links are followed, in circles once."""
        seen = set()
        for root in self._roots:
            for folder, inner, _ in os.walk(root, followlinks=True):
                identity = _identity(folder)
                if identity is None or identity in seen or self._stop.is_set():
                    inner.clear()
                    continue
                seen.add(identity)
                inner[:] = [name for name in inner if self._is_folder(os.path.join(folder, name))]
                yield folder

    def _is_folder(self, path: str) -> bool:
        """Whether it is a folder of the project."""
        return self._relevant(os.path.join(path, "_.py")) and os.path.isdir(path)

    def _events(self, notify: Any, *, early: bool) -> set[tuple[int, str]]:
        """Return a burst of changes, as kinds and paths; nothing is the rule."""
        events: set[tuple[int, str]] = set()
        now = time.monotonic()
        if self._inotify is not None and not early:
            changes: Any = None
            if not self._awake:
                self._inotify.wait()
                changes = notify.watch(_STEP_MS, _LATE_STEP_MS, _LATE_MS, None)
            if not isinstance(changes, set):  # the machine is busy, or it was nothing
                changes = notify.watch(_STEP_MS, _LOOK_MS, _WAIT_MS, self._stop)
            # What woke us may be more than watchfiles has told: sleep again only when it has nothing for a while.
            self._awake = isinstance(changes, set)
        elif early or now - self._started < _YOUNG_S:
            self._stop.wait(_LOOK_MS / 1000)
            changes = notify.watch(_STEP_MS, 1, 1, None)
        else:  # one long wait is cheaper, and cannot be interrupted but at its looks
            look = _LOOK_MS if now - self._last_edit < _IDLE_AFTER_S else _IDLE_LOOK_MS
            changes = notify.watch(_STEP_MS, look, _WAIT_MS, self._stop)
        deadline = time.monotonic() + _BURST_S
        while isinstance(changes, set):  # a string says that there is nothing
            events |= changes
            # A file that is written all the time, such as a log, does not count: it must not hold up an edit.
            if time.monotonic() > deadline or not any(self._relevant(path) for _, path in changes):
                break
            changes = notify.watch(2 * _STEP_MS, _STEP_MS, 2 * _STEP_MS, None)
        return events

    def _complete(self, saved: Iterable[str]) -> None:
        """Wait for the rest of an edit that is visibly not complete."""
        if any(map(_is_empty, saved)):
            self._stop.wait(_HALF_WRITTEN_S)
        locks = [os.path.join(folder, ".git", "index.lock") for root in self._roots for folder in _upwards(root)]
        deadline = time.monotonic() + _GIT_S
        while any(map(os.path.exists, locks)) and time.monotonic() < deadline and not self._stop.is_set():
            self._stop.wait(_LOOK_MS / 1000)

    def _changed(self, saved: frozenset[str]) -> None:
        try:
            self._on_change(saved)
        except Exception as error:  # noqa: BLE001 - the border to the program's code
            threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, None)))


class _ForkWarning:
    """Matches the warning of Python 3.12 about forks with several threads, where they are all the watcher's.

    The child does not need what they hold, and the program, which has one thread, has done nothing to be warned of.
    """

    def __init__(self) -> None:
        self._filter = ("ignore", self, DeprecationWarning, None, 0)
        self._process = os.getpid()

    def match(self, text: str) -> bool:
        """Tell whether the warning is to be ignored, as the pattern of a filter does."""
        if "multi-threaded, use of" not in text or self._process != os.getpid():
            return False
        try:
            threads = sum(not _is_of_watchfiles(task) for task in os.listdir("/proc/self/task")) - 1  # the watcher's
        except OSError:
            threads = threading.active_count()
        return threads <= 1

    def ignore(self) -> None:
        """Put the filter before all others."""
        put_filter(self._filter)

    def ignore_no_more(self) -> None:
        """Take it away."""
        take_filter(self._filter)


def _is_of_watchfiles(task: str) -> bool:
    """Whether a thread is the one that watchfiles has while it watches, which begins a moment after the watcher's."""
    try:
        with open(f"/proc/self/task/{task}/comm", encoding="ascii", errors="replace") as name:
            return name.read().startswith("notify-rs")
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return True


def _notifier() -> Callable[..., Any]:
    """Load the compiled part of watchfiles alone: the rest imports asyncio and more, some 80 modules."""
    from importlib.machinery import PathFinder

    loaded = sys.modules.get("watchfiles._rust_notify")
    if loaded is None:
        package = PathFinder.find_spec("watchfiles")
        spec = package and PathFinder.find_spec("watchfiles._rust_notify", package.submodule_search_locations)
        if spec is None or spec.loader is None:
            raise ModuleNotFoundError("watching files needs the package watchfiles: pip install watchfiles")
        loaded = module_from_spec(spec)
        spec.loader.exec_module(loaded)
    notifier: Callable[..., Any] = loaded.RustNotify
    return notifier


def _inotify(folders: Iterable[str]) -> Inotify | None:
    try:
        return Inotify(folders)
    except OSError:
        return None


def _identity(path: str) -> tuple[int, int] | None:
    """Return what tells a folder from another one of the same name; None if there is no such folder."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def _is_empty(path: str) -> bool:
    try:
        return os.stat(path).st_size == 0
    except OSError:
        return False


def _upwards(folder: str) -> Iterator[str]:
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent

"""Notice saved files: one recursive watch of the operating system, in one thread."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Sequence

__all__ = ["Watcher"]

_BURST_MS = 300
"""Saves that follow each other this closely, in milliseconds, are one edit, such as a branch switch."""
_STEP_MS = 15
"""A burst is over when nothing was saved for so long."""
_WAIT_MS = 60_000
_RETRY_S = 1.0
_HALF_WRITTEN_S = 0.15
"""An empty file may be one that an editor has just truncated and not yet written: give it so long, in seconds."""


class Watcher:
    """Calls a function whenever files below some folders were saved.

    Args:
        roots: the folders.
        on_change: called in the watcher's thread, once for a burst of saves. What it raises goes to
            `threading.excepthook`, and watching goes on.
        relevant: tells whether a file counts.
    """

    def __init__(
        self, roots: Sequence[str], on_change: Callable[[], object], *, relevant: Callable[[str], bool]
    ) -> None:
        self._roots = tuple(roots)
        self._on_change = on_change
        self._relevant = relevant
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, *, wait: bool = True) -> None:
        """Begin to watch.

        Args:
            wait: return when the watch is active; otherwise at once. What is saved in between is noticed in any case.
        """
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="dyntransform-watch", daemon=True)
        self._thread.start()
        atexit.register(self.stop)
        if wait:
            self._ready.wait()

    def stop(self) -> None:
        """End watching, after the edit that is being applied."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        atexit.unregister(self.stop)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._watch()
        finally:
            self._ready.set()

    def _watch(self) -> None:
        """Watch until stopped, or until a root disappears."""
        from watchfiles._rust_notify import RustNotify  # `watchfiles.watch` does not tell when it is active

        roots = [root for root in self._roots if os.path.isdir(root)]
        try:
            notify = RustNotify(roots, False, False, 0, True, True)  # noqa: FBT003 - its signature
        except OSError:
            self._stop.wait(_RETRY_S)
            return
        with notify:
            if not self._ready.is_set():
                self._ready.set()
                self._changed()  # what was saved while the program was starting
            while not self._stop.is_set():
                changes = notify.watch(_BURST_MS, _STEP_MS, _WAIT_MS, self._stop)
                saved = [path for _, path in changes if self._relevant(path)] if isinstance(changes, set) else []
                if saved:
                    if any(map(_is_empty, saved)):
                        self._stop.wait(_HALF_WRITTEN_S)
                    self._changed()
                if not all(map(os.path.isdir, roots)):
                    self._stop.wait(_RETRY_S)
                    return

    def _changed(self) -> None:
        try:
            self._on_change()
        except Exception as error:  # noqa: BLE001 - the border to the program's code
            threading.excepthook(
                threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread()))
            )


def _is_empty(path: str) -> bool:
    try:
        return os.stat(path).st_size == 0
    except OSError:
        return False

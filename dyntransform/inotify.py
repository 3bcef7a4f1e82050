"""Sleep until something happens in a folder: Linux wakes a waiting thread, and watchfiles only asks now and then.

What happened is for watchfiles to say. `ctypes` would take 2 ms of a program's start, the module below it takes 0.6.
"""

from __future__ import annotations

import _thread
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

try:
    import _ctypes
except ImportError:  # Python was built without libffi
    _ctypes = None  # type: ignore[assignment]

__all__ = ["Inotify"]

_CLOSE_ON_EXEC = 0o2000000
# modified, attributes, closed after writing, moved from, moved to, created, deleted, folder deleted, folder moved
_EVENTS = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
_NON_BLOCKING = 0o4000
_LOST = 0x2000 | 0x4000 | 0x8000 | 0x400 | 0x800
"""Unmounted, queue too long, watch removed, folder deleted or moved: what happens from then on is not told."""
_HEAD_BYTES = 16
"""An event: number of the watch, kinds, cookie, length of the name, in 4 bytes each; then the name and zeros."""
_BUFFER = 1 << 16


class Inotify:
    """A watch of the operating system on some folders (inotify(7)).

    Args:
        folders: the folders.
        blocking: whether `wait` is to be used, and not `files`.

    Raises:
        OSError: the system has no inotify, or none left for this user, or a folder is not there.
    """

    def __init__(self, folders: Iterable[str], *, blocking: bool = True) -> None:
        if _ctypes is None or sys.platform != "linux":
            raise OSError("there is no inotify")
        self._library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type] # what is in the process
        self._file = self._call("inotify_init1", _CLOSE_ON_EXEC | (0 if blocking else _NON_BLOCKING))
        self._closing = _thread.allocate_lock()
        self._watches: dict[int, str] = {}
        try:
            for folder in folders:
                self._watches[self._call("inotify_add_watch", self._file, os.fsencode(folder), _EVENTS)] = folder
        except OSError:
            os.close(self._file)
            raise

    def wait(self) -> None:
        """Return as soon as something happens, and at once if something did since this returned last."""
        os.read(self._file, _BUFFER)

    def files(self) -> set[str] | None:
        """Return the files to which something happened since this was last called; None if some may be missing."""
        found: set[str] = set()
        complete = True
        while True:
            try:
                events = os.read(self._file, _BUFFER)
            except BlockingIOError:
                return found if complete else None
            at = 0
            while at < len(events):
                watch, kinds, _, size = (
                    int.from_bytes(events[each : each + 4], sys.byteorder) for each in range(at, at + _HEAD_BYTES, 4)
                )
                complete = complete and not kinds & _LOST
                name = events[at + _HEAD_BYTES : at + _HEAD_BYTES + size].rstrip(b"\0")
                if name and complete:
                    found.add(os.path.join(self._watches[watch], os.fsdecode(name)))
                at += _HEAD_BYTES + size

    def is_open(self) -> bool:
        """Whether the program has not closed it: some close all files, and the number is another file's then."""
        try:
            return os.readlink(f"/proc/self/fd/{self._file}") == "anon_inode:inotify"
        except OSError:
            return False

    def wake(self) -> None:
        """Have `wait` return in another thread; nothing is watched any more."""
        with self._closing:  # the number of a closed file may be another file's
            for watch in self._watches:
                try:
                    self._call("inotify_rm_watch", self._file, watch)
                except OSError:
                    continue  # a folder that is gone is not watched

    def close(self) -> None:
        """Give the watch back to the system."""
        with self._closing:
            self._watches.clear()
            os.close(self._file)

    def _call(self, name: str, *arguments: object) -> int:
        result: int = _ctypes.call_function(_ctypes.dlsym(self._library, name), arguments)
        if result < 0:
            message = f"{name} failed"
            raise OSError(message)
        return result

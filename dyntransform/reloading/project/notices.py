"""Which files may have changed, as the operating system tells it: in a large project, asking for each takes longest.

A notice must not be missed, so this is for folders where none is: those of a local file system on Linux (inotify(7)
lists what goes unnoticed elsewhere). Wherever it is not certain, all files are looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from dyntransform.inotify import Inotify

__all__ = ["Notices"]

_LOCAL = frozenset({"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"})
"""File systems that are changed by programs on this machine alone."""

_Identity = tuple[int, int]


class Notices:
    """The files in some folders to which something happened."""

    def __init__(self) -> None:
        self._inotify: Inotify | None = None
        self._folders: dict[str, _Identity] = {}
        self._refused: set[str] = set()
        self._process = 0

    def begin(self, folders: Iterable[str]) -> None:
        """Be told of what happens in these folders from now on, and in no others.

        Args:
            folders: absolute names of folders. If one is not fit for it, nothing is told until others are wanted.
        """
        wanted = set(folders)
        if self._inotify is not None and wanted == self._folders.keys() and self._is_ours():
            return
        if wanted == self._refused:
            return
        self.end()
        identities = {folder: _identity(folder) for folder in wanted}
        if not wanted or not all(map(_Mounts().has_local, identities.items())):
            self._refused = wanted
            return
        try:
            self._inotify = Inotify(wanted, blocking=False)
        except OSError:  # no inotify, or none left for this user
            self._refused = wanted
            return
        self._process = os.getpid()
        self._folders = {folder: each for folder, each in identities.items() if each is not None}

    def take(self) -> set[str] | None:
        """Return the files to which something happened since this or `begin` was called; None if that is not known."""
        if self._inotify is None:
            return None
        if self._is_ours() and all(_identity(folder) == known for folder, known in self._folders.items()):
            files = self._inotify.files()
            if files is not None:
                return files
        self.end()
        return None

    def end(self) -> None:
        """Be told of nothing any more."""
        if self._inotify is not None and self._is_ours():
            self._inotify.close()
        self._inotify = None
        self._folders = {}
        self._refused = set()

    def _is_ours(self) -> bool:
        """Whether nobody else reads the notices: a forked process has the same queue, and a program may close files."""
        return self._inotify is not None and self._process == os.getpid() and self._inotify.is_open()


def _identity(folder: str) -> _Identity | None:
    """Return device and inode of a folder; None if it is not there."""
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino


class _Mounts:
    """What is mounted where (proc_pid_mountinfo(5)); nothing, as far as one can tell, where that is not to be read."""

    def __init__(self) -> None:
        self._local: set[int] = set()
        self._parents: set[str] = set()
        try:
            with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
                for line in lines:
                    mount, _, source = line.partition(" - ")
                    _, _, device, _, point, *_ = mount.split(" ")
                    self._parents.add(os.path.dirname(point.replace(r"\040", " ")))
                    if source.partition(" ")[0] in _LOCAL:
                        self._local.add(os.makedev(*map(int, device.split(":"))))
        except OSError:
            return

    def has_local(self, found: tuple[str, _Identity | None]) -> bool:
        """Whether a folder, whose identity comes with it, is local, and no file in it is mounted from elsewhere."""
        folder, identity = found
        return identity is not None and identity[0] in self._local and os.path.realpath(folder) not in self._parents

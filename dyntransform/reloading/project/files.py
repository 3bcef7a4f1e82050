"""Which files differ from what runs, and which of them have to be looked at to know."""

from __future__ import annotations

import dataclasses
import importlib
import os
import stat
import sys
import time
from collections.abc import Collection
from importlib.machinery import ModuleSpec

from dyntransform.cpython.internals import find_spec
from dyntransform.importing.loader import DynLoader, DynSourcelessLoader
from dyntransform.reloading.project.module import ModuleState
from dyntransform.reloading.project.notices import Notices

__all__ = ["Content", "Files"]

_MANY = 500
"""From so many modules on, it pays to be told which files changed."""
_RACY_NS = 2_000_000_000
"""A file changed this recently, in nanoseconds, may change again without another time stamp ("racily clean" in git)."""


@dataclasses.dataclass(frozen=True)
class Content:
    """What a module is to run.

    Attributes:
        data: the source.
        spec: where it was found, if that is another file than before.
    """

    data: bytes
    spec: ModuleSpec | None = None


class Files:
    """The files of the loaded modules."""

    def __init__(self) -> None:
        self._clean: dict[str, tuple[str, int, int, int, int]] = {}
        self._notices = Notices()
        self._unnoticed: set[str] = set()
        """Modules whose files may have changed, or change, without a notice that was heeded."""
        self._unwatched: set[str] = set()
        """Modules whose folders are perhaps not watched yet."""

    def take_in(self, module: str) -> None:
        """Know of a module that is new, or has another file."""
        self._unwatched.add(module)

    def forget(self, module: str) -> None:
        """Know no more of a module that was removed."""
        self._unnoticed.discard(module)

    def miss(self, modules: Collection[str]) -> None:
        """Rely on no notices as long as the files of these modules were not looked at."""
        self._unnoticed.update(modules)

    def watch(self, paths: Collection[str]) -> None:
        """Be told of what happens to these files from now on, and to no others, if they are many."""
        if len(paths) >= _MANY:
            self._notices.begin({path.rpartition(os.sep)[0] for path in paths})
        else:
            self._notices.end()
        self._unwatched.clear()

    def told(self) -> set[str] | None:
        """Return the files to which something happened since this or `watch` was called; None if that is not known."""
        return None if self._unwatched or self._unnoticed else self._notices.take()

    def rest(self) -> None:
        """Give back what the operating system keeps for notices; `watch` begins anew."""
        self._notices.end()

    def changed(self, state: ModuleState) -> Content | None:
        """Return what a module is to run if that differs from what it runs; None if not, or if it has no file any more.

        Content decides. The time of the last status change, which no program can set, tells which files need not be
        read again. Where the file is gone, the module is looked for as an import would: it may have become a package.

        Raises:
            OSError: there is a file, and it cannot be read.
        """
        path = state.loaded.path
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode) or status.st_nlink > 1:
                self._unnoticed.add(state.name)
                status = os.stat(path)
            elif self._unnoticed:
                self._unnoticed.discard(state.name)
            if path.endswith(".pyc") and os.path.exists(path[:-1]):
                return _moved(state)  # source beside it goes first
            mark = (path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if self._clean.get(state.name) == mark:
                return None
            self._clean.pop(state.name, None)
            with open(path, "rb") as file:
                data = file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            self._unnoticed.add(state.name)  # it may come back at another place
            return _moved(state)
        if data != state.data:
            return Content(data)
        if time.time_ns() - status.st_ctime_ns > _RACY_NS:
            self._clean[state.name] = mark
        return None


def _moved(state: ModuleState) -> Content | None:
    """Find the module at another place, if that is project code too."""
    parent = state.name.rpartition(".")[0]
    package = sys.modules.get(parent)
    importlib.invalidate_caches()
    try:
        spec = find_spec(state.name, getattr(package, "__path__", None) if parent else None)
    except (ImportError, AttributeError, ValueError):  # what finders raise; an import would say why
        return None
    if spec is None or not isinstance(spec.loader, (DynLoader, DynSourcelessLoader)) or state.name == "__main__":
        return None
    return Content(spec.loader.get_data(spec.loader.path), spec)

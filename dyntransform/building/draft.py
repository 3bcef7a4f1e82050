"""The tree while it is being written: a folder beside the old one, which takes its place in one step at the end."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from types import TracebackType

from dyntransform.building.exchange import exchange
from dyntransform.building.inventory import Item, Kind
from dyntransform.building.manifest import MANIFEST, Manifest, Record, hash_of_file
from dyntransform.errors import ConfigError

__all__ = ["Draft", "clear_away"]

_DRAFT, _OLD = "draft", "old"


class Draft:
    """A context manager; unless `publish` was called, leaving it leaves everything as it was.

    Args:
        out: the built tree.

    Attributes:
        folder: where the new tree is written to.

    Raises:
        ConfigError: when it is entered: no folder can be made beside the built tree.
    """

    def __init__(self, out: str) -> None:
        self._out = out
        self.folder = _beside(out, _DRAFT)

    def __enter__(self) -> Draft:
        try:
            os.makedirs(self.folder)
        except OSError as problem:
            beside = os.path.dirname(self._out)
            message = f"{beside}: {problem.strerror}: a tree is written beside {self._out}; name a place that can be"
            raise ConfigError(f"{message} written to") from problem
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _remove(self.folder)

    def place(self, path: str) -> str:
        """Return the place of an entry, in a folder that is there."""
        place = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        return place

    def keep(self, paths: Iterable[str]) -> None:
        """Take over files of the old tree; they are never written to, so they can be the same files."""
        for path in paths:
            old, new = os.path.join(self._out, path), self.place(path)
            try:
                os.link(old, new, follow_symlinks=False)
            except OSError:  # a file system without hard links
                shutil.copy2(old, new, follow_symlinks=False)

    def make(self, item: Item) -> Record:
        """Make an entry that needs no rewriting."""
        place = self.place(item.path)
        if item.kind is Kind.LINK:
            os.symlink(item.target, place)
            return Record(item.kind, item.target, left=item.left)
        if item.kind is Kind.FOLDER:
            os.makedirs(place, exist_ok=True)
            return Record(item.kind, "")
        shutil.copyfile(item.source, place)
        os.chmod(place, item.mode)
        return Record(item.kind, hash_of_file(place), item.mode, left=item.left)

    def publish(self, manifest: Manifest) -> None:
        """Put the tree in the place of the old one.

        Raises:
            ConfigError: the operating system holds on to the old one.
        """
        with open(self.place(MANIFEST), "wb") as file:
            file.write(manifest.dumps())
        try:
            self._take_the_place()
        except OSError as problem:
            if problem.errno not in (errno.EBUSY, errno.EXDEV):
                raise
            message = f"{self._out} cannot be exchanged for a new folder; nothing was written"
            raise ConfigError(f"{message}: if it is a mount point, name a folder in it") from problem

    def _take_the_place(self) -> None:
        if not os.path.isdir(self._out):
            os.rename(self.folder, self._out)
        elif not exchange(self.folder, self._out):
            old = _beside(self._out, _OLD)
            os.rename(self._out, old)  # a build that is killed here is mended by the next one: see `clear_away`
            os.rename(self.folder, self._out)
            _remove(old)


def clear_away(out: str) -> None:
    """Remove what builds left behind that were killed; an old tree that was on its way out is put back."""
    for path, what in _leftovers(out):
        if what == _OLD and not os.path.exists(out):
            os.rename(path, out)
        else:
            _remove(path)


def _beside(out: str, what: str) -> str:
    folder, name = os.path.split(out)
    return os.path.join(folder, f".{name}.{os.getpid()}.{what}")


def _leftovers(out: str) -> Iterator[tuple[str, str]]:
    folder, name = os.path.split(out)
    if not os.path.isdir(folder):
        return
    for entry in os.listdir(folder):
        process, _, what = entry.removeprefix(f".{name}.").partition(".")
        ours = entry.startswith(f".{name}.") and process.isdecimal() and what in (_DRAFT, _OLD)
        if ours and not _is_alive(int(process)):
            yield os.path.join(folder, entry), what


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return False  # we have not begun
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _remove(folder: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)

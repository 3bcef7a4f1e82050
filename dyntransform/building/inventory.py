"""What a built tree consists of: the files below the sources, and what becomes of each."""

from __future__ import annotations

import dataclasses
import enum
import os
import stat
from collections.abc import Iterator, Sequence

from dyntransform.building.manifest import MANIFEST
from dyntransform.errors import ConfigError
from dyntransform.importing.roots import Roots

__all__ = ["Inventory", "Item", "Kind", "take_inventory"]

_OURSELVES = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_INSTALLED = ("site-packages", "dist-packages")


class Kind(enum.StrEnum):
    """What becomes of an entry."""

    MODULE = "module"
    """It is rewritten and compiled."""
    COPY = "copy"
    """It is copied as it is."""
    LINK = "link"
    """A symbolic link is made."""
    FOLDER = "folder"
    """An empty folder is made."""


@dataclasses.dataclass(frozen=True)
class Item:
    """An entry of the built tree.

    Attributes:
        path: where it stands in the built tree, with slashes.
        source: the file it is made from.
        kind: what becomes of it.
        mode: permission bits.
        target: where a link leads.
        left: why a module is copied as it is; empty for any other entry.
    """

    path: str
    source: str
    kind: Kind
    mode: int = 0
    target: str = ""
    left: str = ""


@dataclasses.dataclass(frozen=True)
class Inventory:
    """All entries of a built tree.

    Attributes:
        items: the entries, by path.
        skipped: paths of folders and files that have no place in it, and why.
        names: top-level names that imports of its modules may use.
    """

    items: dict[str, Item]
    skipped: dict[str, str]
    names: frozenset[str]


def take_inventory(sources: Sequence[str], out: str, roots: Roots) -> Inventory:
    """List what a built tree consists of.

    A single folder gives its content. A folder that is a package, and each of several sources, stands under its name.

    Args:
        sources: files and folders.
        out: the built tree.
        roots: tells which files are excluded.

    Raises:
        ConfigError: a source is not there, or overlaps with the built tree or another source.
    """
    walk = _Walk(os.path.realpath(out), roots)
    for source in sources:
        walk.add(source, "" if len(sources) == 1 and not _is_package(source) else _name(source))
    return Inventory(dict(sorted(walk.items.items())), dict(sorted(walk.skipped.items())), frozenset(walk.names))


def _name(source: str) -> str:
    return os.path.basename(os.path.abspath(source))


def _is_package(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "__init__.py"))


class _Walk:
    def __init__(self, out: str, roots: Roots) -> None:
        self.items: dict[str, Item] = {}
        self.skipped: dict[str, str] = {}
        self.names: set[str] = set()
        self._out = out
        self._roots = roots
        self._base = ""

    def add(self, source: str, name: str) -> None:
        """Take in a source.

        Args:
            source: a file or a folder.
            name: where it stands in the built tree; empty if its content stands at the top.
        """
        base = os.path.realpath(source)
        if not os.path.exists(base):
            raise ConfigError(f"{source}: no such file or folder; name the files and folders that are to be built")
        if base == self._out or base.startswith(os.path.join(self._out, "")):
            raise ConfigError(f"{source} lies in {self._out}, where the built tree is to stand; name another folder")
        if name:
            self.names.add(name.partition(".")[0])
        if not os.path.isdir(base):
            self._base = os.path.dirname(base)
            self._file(base, _name(source))
            return
        self._base = base
        self._folder(base, name)

    def _folder(self, folder: str, path: str) -> None:
        """Take in a folder that stands at `path`."""
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        known = len(self.items) + len(self.skipped)
        package = _is_package(folder)
        for entry in found:
            below = f"{path}/{entry.name}" if path else entry.name
            if not package:
                self.names.update(_importable(entry))
            if entry.is_symlink():
                self._link(entry.path, below)
            elif entry.is_dir():
                self._inner(entry.path, entry.name, below)
            else:
                self._file(entry.path, below)
        if path and len(self.items) + len(self.skipped) == known:
            self._put(Item(path, folder, Kind.FOLDER))

    def _inner(self, folder: str, name: str, path: str) -> None:
        reason = self._why_not(folder, name)
        if reason is None:
            self._folder(folder, path)
        elif reason:
            self.skipped[path] = reason

    def _why_not(self, folder: str, name: str) -> str | None:
        """Return why a folder has no place in the tree; empty if that goes without saying, None if it has."""
        if name == "__pycache__":
            return ""
        if folder == self._out or os.path.exists(os.path.join(folder, MANIFEST)):
            return "" if folder == self._out else "a built tree"
        if name.startswith("."):
            return "a hidden folder"
        if name in _INSTALLED:
            return "installed packages"
        if os.path.exists(os.path.join(folder, "pyvenv.cfg")):
            return "a virtual environment"
        return None

    def _link(self, source: str, path: str) -> None:
        """Keep a link that leads to another place of its source; what any other leads to is a part of the tree."""
        target = os.readlink(source)
        real = os.path.realpath(source)
        inside = os.path.join(real, "").startswith(os.path.join(self._base, "")) and not os.path.isabs(target)
        if inside or not os.path.exists(real):
            self._put(Item(path, source, Kind.LINK, target=target))
        elif os.path.isdir(real):
            self._put(Item(path, source, Kind.LINK, target=real, left="a link to a folder outside"))
        else:
            self._file(source, path)

    def _file(self, source: str, path: str) -> None:
        status = os.stat(source)
        if not stat.S_ISREG(status.st_mode):
            self.skipped[path] = "not a regular file"
            return
        if path == MANIFEST:
            raise ConfigError(f"{source} is the manifest of a built tree; build its sources, or rename the file")
        left = self._why_left(source) if path.endswith(".py") else ""
        kind = Kind.MODULE if path.endswith(".py") and not left else Kind.COPY
        self._put(Item(path, source, kind, stat.S_IMODE(status.st_mode), left=left))

    def _why_left(self, source: str) -> str:
        if self._roots.excludes(source):
            return "excluded"
        return "a part of dyntransform" if source.startswith(os.path.join(_OURSELVES, "")) else ""

    def _put(self, item: Item) -> None:
        other = self.items.get(item.path)
        if other is not None:
            raise ConfigError(
                f"{other.source} and {item.source} would both become {item.path}; rename one, or build them apart"
            )
        self.items[item.path] = item


def _importable(entry: os.DirEntry[str]) -> Iterator[str]:
    name, _, suffix = entry.name.partition(".")
    if name.isidentifier() and (suffix in ("py", "pyc") or (not suffix and entry.is_dir())):
        yield name

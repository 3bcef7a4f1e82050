"""Compiled code of rewritten modules, beside Python's own .pyc files and never instead of them.

The name comes from `importlib.util.cache_from_source` with a tag of our own in place of the optimization level
(PEP 488); an entry is valid for the content of its source (PEP 552), hashed with a key made of format and versions.
"""

from __future__ import annotations

import _imp
import marshal
import os
import sys
from importlib._bootstrap_external import MAGIC_NUMBER as _PYTHON
from importlib._bootstrap_external import (  # type: ignore[attr-defined]
    _write_atomic,
    cache_from_source,
)

from dyntransform import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import CodeType

    from dyntransform.transform.stage import Stage

__all__ = ["TAG", "Entry", "cache_path", "content", "dumps", "entries", "read", "write"]

TAG = f"dyn{sys.flags.optimize}"
"""The optimization tag; it holds the level of -O, which changes the code."""

_COMPILED = "pyc"
"""What is added to the tag for a module without source, whose name would be that of its source otherwise."""

_FORMAT = 1
_MAGIC = b"dyn" + bytes([_FORMAT]) + _PYTHON
_HEAD_BYTES = len(_MAGIC) + 8 + 8


def _key(made_by: str) -> int:
    """Return a key for `_imp.source_hash`, which takes a signed number of 64 bits."""
    return int.from_bytes(_imp.source_hash(_FORMAT, f"{__version__} {sys.version} {made_by}".encode()), "little") >> 1


_KEY = _key("")


class Entry:
    """What is stored for a file.

    Attributes:
        asked: top-level modules that the rewriting depended on, and whether they were project code.
        links: live bindings of the module.
        lookups: what its functions look up late.
        reason: why the file was left as it is, or empty.
        code: the code that runs.
    """

    __slots__ = ("asked", "code", "links", "lookups", "reason")

    def __init__(
        self,
        asked: tuple[tuple[str, bool], ...],
        links: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...],
        lookups: tuple[tuple[str, str], ...],
        reason: str,
        code: CodeType,
    ) -> None:
        self.asked = asked
        self.links = links
        self.lookups = lookups
        self.reason = reason
        self.code = code


def cache_path(path: str, stage: Stage | None = None) -> str | None:
    """Return the name of the cache file, or None where Python has no cache folder for the source."""
    kind = _COMPILED if path.endswith(".pyc") else stage.tag if stage is not None else ""
    folder, _, file = path.rpartition(os.sep)
    stem = file.rpartition(".")[0]
    if not stem or not path.startswith(os.sep):
        return _cache_path(path, kind)
    key = folder, kind, sys.pycache_prefix, sys.implementation.cache_tag
    known = _around.get(key)
    if known is None:
        before, _, after = (_cache_path(f"{folder}{os.sep}{_ANY}.py", kind) or "").rpartition(_ANY)
        known = _around[key] = before, after
    before, after = known
    return f"{before}{stem}{after}" if after else None


_ANY = "*"
_around: dict[tuple[str, str, str | None, str | None], tuple[str, str]] = {}
"""What stands before and after the stem in names of cache files, by folder: to ask importlib takes longer than to read.

It is for absolute names alone: what others mean depends on the working directory.
"""


def _cache_path(path: str, kind: str) -> str | None:
    try:
        name: str = cache_from_source(path, optimization=TAG + kind)
    except (NotImplementedError, ValueError):
        return None
    return name


def read(path: str, data: bytes, stage: Stage | None = None) -> Entry | None:
    """Return the entry that was made from this content, or None.

    Anything unreadable, stale, foreign or written by another user is as if it were not there.
    """
    name = cache_path(path, stage)
    if name is None:
        return None
    stored = _content(name)
    body = memoryview(stored)[_HEAD_BYTES:]
    if stored[:_HEAD_BYTES] != _head(data, body, stage):
        return None
    asked, links, lookups, reason, code = marshal.loads(body)  # noqa: S302 - what `write` wrote, byte for byte
    if code.co_filename != path and not path.endswith(".pyc"):  # which tells where its source once was
        _imp._fix_co_filename(code, path)  # type: ignore[attr-defined]
    return Entry(asked, links, lookups, reason, code)


def write(path: str, data: bytes, entry: Entry, stage: Stage | None = None) -> None:
    """Store an entry; where that is not possible (a read-only folder, a full disk), do without."""
    name = cache_path(path, stage)
    if name is None:
        return
    try:
        os.makedirs(os.path.dirname(name), exist_ok=True)
        mode = os.stat(path).st_mode | 0o200
        _write_atomic(name, dumps(data, entry, stage), mode & 0o666)
    except OSError:
        return


def dumps(data: bytes, entry: Entry, stage: Stage | None = None) -> bytes:
    """Return the content of the cache file for a source of that content."""
    stored = marshal.dumps((entry.asked, entry.links, entry.lookups, entry.reason, entry.code))
    return _head(data, stored, stage) + stored


def _head(data: bytes, body: bytes | memoryview, stage: Stage | None) -> bytes:
    """Return what an entry begins with: hashes of the source and, since damaged code crashes, of the entry itself."""
    key = _KEY if stage is None else _key(stage.key)
    return _MAGIC + _imp.source_hash(key, data) + _imp.source_hash(key, body)


def _content(name: str) -> bytes:
    """Return what is stored in a file of ours; nothing if there is none, or if it is another user's."""
    return content(name, _TRUSTED)


_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_TRUSTED = (os.getuid(), 0) if hasattr(os, "getuid") else None


def content(name: str, owners: tuple[int, ...] | None = None) -> bytes:
    """Return the content of a file; nothing if it cannot be read.

    Without a file object it takes half the system calls, and a start reads two files for each module.

    Args:
        name: the file.
        owners: users of whom one must own it; None for any.
    """
    try:
        descriptor = os.open(name, _READ)
    except OSError:
        return b""
    try:
        status = os.fstat(descriptor)
        if owners is not None and status.st_uid not in owners:
            return b""
        stored = os.read(descriptor, status.st_size)
        return stored if len(stored) == status.st_size else b""
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def entries(folder: Path) -> Iterator[Path]:
    """Yield the entries for sources below a folder, of any Python version."""
    from pathlib import Path

    folders = [folder.absolute()]
    if sys.pycache_prefix is not None:
        folders.append(Path(sys.pycache_prefix, *folder.absolute().parts[1:]))
    for each in folders:
        yield from each.rglob("*.opt-dyn[0-9]*.pyc")

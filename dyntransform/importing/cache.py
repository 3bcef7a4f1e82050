"""Compiled code of rewritten modules, beside Python's own .pyc files and never instead of them.

The name comes from `importlib.util.cache_from_source` with a tag of our own in place of the optimization level
(PEP 488); an entry is valid for the content of its source (PEP 552), hashed with a key made of format and versions.
"""

from __future__ import annotations

import marshal
import os
import sys
from types import CodeType

from dyntransform import __version__
from dyntransform.cpython.internals import MAGIC_NUMBER, cache_from_source, fix_co_filename, source_hash, write_atomic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dyntransform.transform.stage import Stage

__all__ = ["TAG", "Entry", "cache_path", "content", "dumps", "entries", "python_cache_path", "read", "write"]

TAG = f"dyn{sys.flags.optimize}"
"""The optimization tag; it holds the level of -O, which changes the code."""

_COMPILED = "pyc"
"""What is added to the tag for a module without source, whose name would be that of its source otherwise."""

_FORMAT = 4
_MAGIC = b"dyn" + bytes([_FORMAT]) + MAGIC_NUMBER
_HEAD_BYTES = len(_MAGIC) + 8 + 8


def _key(made_by: str) -> int:
    """Return a key for `source_hash`, which takes a signed number of 64 bits."""
    return int.from_bytes(source_hash(_FORMAT, f"{__version__} {sys.version} {made_by}".encode()), "little") >> 1


_KEY = _key("")


Entry = tuple[tuple[tuple[str, bool], ...], bool, bytes, CodeType]
"""What is stored for a file: top-level modules that the rewriting depended on, each with whether it was project code;
whether the file opted out; what else is known of the file, which is not unpacked before it is needed; its code."""


def cache_path(path: str, stage: Stage | None = None) -> str | None:
    """Return the name of the cache file, or None where Python has no cache folder for the source."""
    kind = _COMPILED if path.endswith(".pyc") else stage.tag if stage is not None else ""
    return _cache_path(path, TAG + kind)


def python_cache_path(path: str) -> str | None:
    """Return the name of Python's own cache file for a source, as `cache_from_source` does, or None."""
    return _cache_path(path, None)


_ANY = "*"
_around: dict[tuple[str, str | None, str | None, str | None], tuple[str, str]] = {}
"""What stands before and after the stem in names of cache files, by folder: to ask importlib takes longer than to read.

It is for absolute names alone: what others mean depends on the working directory.
"""


def _cache_path(path: str, optimization: str | None) -> str | None:
    folder, _, file = path.rpartition(os.sep)
    stem = file.rpartition(".")[0]
    if not stem or not path.startswith(os.sep):
        return _of_importlib(path, optimization)
    key = folder, optimization, sys.pycache_prefix, sys.implementation.cache_tag
    known = _around.get(key)
    if known is None:
        before, _, after = (_of_importlib(f"{folder}{os.sep}{_ANY}.py", optimization) or "").rpartition(_ANY)
        known = _around[key] = before, after
    before, after = known
    return f"{before}{stem}{after}" if after else None


def _of_importlib(path: str, optimization: str | None) -> str | None:
    try:
        name: str = cache_from_source(path, optimization=optimization)
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
    try:
        descriptor = os.open(name, _READ)
        try:
            status = os.fstat(descriptor)
            stored = os.read(descriptor, status.st_size)
        finally:
            os.close(descriptor)
    except OSError:
        return None
    body = memoryview(stored)[_HEAD_BYTES:]
    if stored[:_HEAD_BYTES] != _head(data, body, stage) or (_TRUSTED is not None and status.st_uid not in _TRUSTED):
        return None
    entry: Entry = marshal.loads(body)  # noqa: S302 - what `write` wrote, byte for byte
    code = entry[-1]
    if code.co_filename != path and not path.endswith(".pyc"):  # which tells where its source once was
        fix_co_filename(code, path)
    return entry


def write(path: str, data: bytes, entry: Entry, stage: Stage | None = None) -> None:
    """Store an entry; where that is not possible (a read-only folder, a full disk), do without."""
    name = cache_path(path, stage)
    if name is None:
        return
    try:
        os.makedirs(os.path.dirname(name), exist_ok=True)
        mode = os.stat(path).st_mode | 0o200
        write_atomic(name, dumps(data, entry, stage), mode & 0o666)
    except OSError:
        return


def dumps(data: bytes, entry: Entry, stage: Stage | None = None) -> bytes:
    """Return the content of the cache file for a source of that content."""
    stored = marshal.dumps(entry)
    return _head(data, stored, stage) + stored


def _head(data: bytes, body: bytes | memoryview, stage: Stage | None) -> bytes:
    """Return what an entry begins with: hashes of the source and, since damaged code crashes, of the entry itself."""
    key = _KEY if stage is None else _key(stage.key)
    return _MAGIC + source_hash(key, data) + source_hash(key, body)


_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_TRUSTED = (os.getuid(), 0) if hasattr(os, "getuid") else None
"""Whose entries are run: those of this user, and of root."""
_AT_ONCE = 1 << 16


def content(path: str) -> bytes:
    """Return the content of a file; nothing if it cannot be read, or is not read at once: it is too long, say.

    Without a file object it takes half the system calls, and a start reads two files for each module.
    """
    try:
        descriptor = os.open(path, _READ)
    except OSError:
        return b""
    try:
        data = os.read(descriptor, _AT_ONCE)
        return data if not os.read(descriptor, 1) else b""
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

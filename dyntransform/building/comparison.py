"""How a built tree stands to its sources: by content, never by time."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Callable, Iterator

from dyntransform.building.inventory import Inventory, Item, Kind
from dyntransform.building.manifest import MANIFEST, Maker, Manifest, Record, hash_of_file

__all__ = ["Comparison", "compare", "foreign_files"]


@dataclasses.dataclass
class Comparison:
    """A built tree, compared with what its sources would give.

    Attributes:
        current: records of the entries that are as they would be built now.
        differences: what else there is, in sentences.
        edited: files of the built tree that somebody changed.
    """

    current: dict[str, Record] = dataclasses.field(default_factory=dict)
    differences: list[str] = dataclasses.field(default_factory=list)
    edited: list[str] = dataclasses.field(default_factory=list)


def compare(
    inventory: Inventory, tree: str, manifest: Manifest, maker: Maker, is_late_bound: Callable[[str], bool]
) -> Comparison:
    """Compare a built tree with its sources.

    Args:
        inventory: what it would consist of.
        tree: the folder.
        manifest: its manifest.
        maker: versions and options that it would be built with.
        is_late_bound: tells whether names of a top-level module are late bound.
    """
    found = Comparison()
    if manifest.maker != maker:
        found.differences += _other_maker(manifest.maker, maker)
    same_maker = dataclasses.replace(manifest.maker, exclude=maker.exclude) == maker
    for path, record in manifest.files.items():
        wrong = _wrong_with(tree, path, record)
        if wrong == _EDITED:
            found.edited.append(path)
        item = inventory.items.get(path)
        if item is None:
            found.differences.append(f"{path}: the sources no longer have it")
            continue
        stale = _stale(item, record, is_late_bound)
        found.differences += [f"{path}: {what}" for what in (stale, wrong) if what]
        if not (stale or wrong) and same_maker:
            found.current[path] = record
    found.differences += [f"{path}: it was not built" for path in inventory.items if path not in manifest.files]
    return found


_EDITED = "somebody changed it after it was built"


def _other_maker(made_by: Maker, maker: Maker) -> Iterator[str]:
    if str(made_by) != str(maker):
        yield f"it was built by {made_by}; this is {maker}"
    if made_by.exclude != maker.exclude:
        yield f"it was built with exclude = {list(made_by.exclude)}; now it is {list(maker.exclude)}"


def _stale(item: Item, record: Record, is_late_bound: Callable[[str], bool]) -> str:
    """Say why an entry would be built otherwise now; empty if it would not."""
    reason_to_copy = "" if item.kind is Kind.MODULE else record.left
    if item.kind != record.kind or item.left != reason_to_copy:
        return "it would be another kind of entry"
    if _source(item) != record.source:
        return f"{item.source} was changed"
    if item.mode != record.mode:
        return f"the permissions of {item.source} were changed"
    for name, answer in record.asked.items():
        if is_late_bound(name) is not answer:
            return f"modules of {name} {'are no longer' if answer else 'now are'} part of the project"
    return ""


def _source(item: Item) -> str:
    """Return what a record says of what an entry is made from."""
    if item.kind is Kind.LINK:
        return item.target
    if item.kind is Kind.FOLDER:
        return ""
    return hash_of_file(item.source)


def _wrong_with(tree: str, path: str, record: Record) -> str:
    """Say what somebody did to an entry of the built tree; empty if it is as it was built."""
    place = os.path.join(tree, path)
    try:
        status = os.lstat(place)
    except OSError:
        return "it is missing"
    if _hash(place, record.kind) != record.content:
        return _EDITED
    if record.mode and stat.S_IMODE(status.st_mode) != record.mode:
        return "its permissions were changed"
    for name, expected in record.compiled.items():
        compiled = os.path.join(tree, name)
        if not os.path.exists(compiled):
            return f"{name} is missing"
        if _hash(compiled, Kind.COPY) != expected:
            return f"{name} is another file than was built"
    return ""


def _hash(path: str, kind: str) -> str:
    """Return what a record says of the content of an entry of the built tree."""
    if kind == Kind.LINK:
        return os.readlink(path) if os.path.islink(path) else "not a link"
    if kind == Kind.FOLDER:
        return "" if os.path.isdir(path) else "not a folder"
    if os.path.islink(path) or not os.path.isfile(path):
        return "not a file"
    return hash_of_file(path)


def foreign_files(tree: str, manifest: Manifest) -> Iterator[str]:
    """Yield the files of a built tree that were put there by others, as paths in it; compiled ones included."""
    known = {MANIFEST, *manifest.files, *(name for record in manifest.files.values() for name in record.compiled)}
    for folder, inner, names in os.walk(tree):
        below = os.path.relpath(folder, tree)
        links = [name for name in inner if os.path.islink(os.path.join(folder, name))]
        for name in (*names, *links):
            path = os.path.normpath(os.path.join(below, name)).replace(os.sep, "/")
            if path not in known:
                yield path

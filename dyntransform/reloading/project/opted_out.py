"""Modules whose files ask to be left alone: their edits are told, and not applied."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from dyntransform.importing.compiling import Compiled
from dyntransform.importing.loaded import Loaded, Registry
from dyntransform.reloading.model.report import Action, Change, Place
from dyntransform.reloading.project.files import Content
from dyntransform.transform.optout import MARK, opts_out

__all__ = ["OutsideEdit", "outside_edits"]


@dataclasses.dataclass(frozen=True)
class OutsideEdit:
    """An edit that is not applied.

    Attributes:
        record: the module.
        data: what its file holds now.
    """

    record: Loaded
    data: bytes

    def told(self, loaded: Registry) -> Change:
        """Say that it is not applied; the module counts as one that opted out from now on, and this edit as known."""
        record = self.record
        compiled = Compiled(record.compiled.code, (), (), self.data)
        compiled.opted_out = True
        loaded.put(record.replaced(compiled=compiled))
        note = f"it opted out with # {MARK}: this edit takes effect when the program is started again"
        return Change(record.name, "", Action.REFUSED, Place(record.path, 1), note)


def outside_edits(changed: Mapping[str, Content], loaded: Registry) -> Iterator[OutsideEdit]:
    """Find the edits of modules that opted out when they were loaded, or do so in the edit.

    Args:
        changed: what differs on disk, by module, among those that did not opt out.
        loaded: the modules that are loaded.

    Raises:
        OSError: there is a file, and it cannot be read.
    """
    for name, content in changed.items():
        edited = loaded.get(name)
        if edited is not None and opts_out(content.data):
            yield OutsideEdit(edited, content.data)
    for record in loaded.opted_out():
        if record.is_in_force():
            data = _content(record.path)
            if data is not None and data != record.compiled.data:
                yield OutsideEdit(record, data)


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None

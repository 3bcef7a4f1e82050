"""The project modules that are loaded, and the source they were loaded from."""

from __future__ import annotations

import dataclasses
import weakref
from types import ModuleType

from dyntransform.importing.compiling import Compiled

__all__ = ["Loaded", "Registry"]


@dataclasses.dataclass(frozen=True)
class Loaded:
    """A module and what it was made from.

    Attributes:
        name: ``__name__`` of the module when it was loaded.
        path: its source file.
        compiled: its code, links and source.
        module: weak reference to the module.
    """

    name: str
    path: str
    compiled: Compiled
    module: weakref.ref[ModuleType]


class Registry:
    """What was loaded since the hook was installed, in the order in which loading began."""

    def __init__(self) -> None:
        self._loaded: dict[str, Loaded] = {}

    def add(self, module: ModuleType, path: str, compiled: Compiled) -> None:
        """Record that `module` is about to be executed."""
        self.put(Loaded(module.__name__, path, compiled, weakref.ref(module)))

    def put(self, record: Loaded) -> None:
        """Take in a record."""
        self._loaded[record.name] = record

    def get(self, name: str) -> Loaded | None:
        """Return the record of a module."""
        return self._loaded.get(name)

    def discard(self, name: str) -> None:
        """Forget a module."""
        self._loaded.pop(name, None)

    def snapshot(self) -> dict[str, Loaded]:
        """Return the records by module name."""
        return dict(self._loaded)

    def restore(self, saved: dict[str, Loaded]) -> None:
        """Go back to what `snapshot` gave."""
        self._loaded = dict(saved)

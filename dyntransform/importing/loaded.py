"""The project modules that are loaded, and the source they were loaded from."""

from __future__ import annotations

import sys
from _weakref import ref

from dyntransform.importing.compiling import Compiled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

__all__ = ["Loaded", "Registry"]


class Loaded:
    """A module and what it was made from.

    Attributes:
        name: ``__name__`` of the module when it was loaded.
        path: its source file.
        compiled: its code, links and source.
        module: weak reference to the module.
        namespace: globals of the module, which outlive a module that puts another object in its place.
        within: the module that was being imported when this one was loaded, because of it.
    """

    __slots__ = ("compiled", "module", "name", "namespace", "path", "within")

    def __init__(
        self, name: str, path: str, compiled: Compiled, module: ref[ModuleType], namespace: dict[str, Any]
    ) -> None:
        self.name = name
        self.path = path
        self.compiled = compiled
        self.module = module
        self.namespace = namespace
        self.within: Loaded | None = None

    def is_being_imported(self) -> bool:
        """Whether its top level is still running, for an import."""
        return bool(getattr(self.namespace.get("__spec__"), "_initializing", False))

    def replaced(self, *, path: str | None = None, compiled: Compiled | None = None) -> Loaded:
        """Return the record of the same module with another file or code."""
        other = Loaded(self.name, path or self.path, compiled or self.compiled, self.module, self.namespace)
        other.within = self.within
        return other

    def is_in_force(self) -> bool:
        """Whether `sys.modules` has the module, or what the module put there in its own place."""
        present = sys.modules.get(self.name)
        if present is None or present is self.module():
            return present is not None
        return getattr(getattr(present, "__spec__", None), "origin", None) != self.path  # else it was loaded again


class Registry:
    """What was loaded since the hook was installed, in the order in which loading began.

    Attributes:
        version: another number whenever something else is in here.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, Loaded] = {}
        self._opted_out: set[str] = set()
        self._importing: Loaded | None = None
        self.version = 0

    def add(self, module: ModuleType, path: str, compiled: Compiled) -> None:
        """Record that `module` is about to be executed."""
        record = Loaded(module.__name__, path, compiled, ref(module), module.__dict__)
        while self._importing is not None and not self._importing.is_being_imported():
            self._importing = self._importing.within
        record.within, self._importing = self._importing, record
        self.put(record)

    def put(self, record: Loaded) -> None:
        """Take in a record."""
        self._loaded[record.name] = record
        if record.compiled.opted_out:
            self._opted_out.add(record.name)
        elif self._opted_out:
            self._opted_out.discard(record.name)
        self.version += 1

    def get(self, name: str) -> Loaded | None:
        """Return the record of a module."""
        return self._loaded.get(name)

    def opted_out(self) -> list[Loaded]:
        """Return the records of modules whose edits are not applied."""
        return [self._loaded[name] for name in sorted(self._opted_out)]

    def snapshot(self) -> dict[str, Loaded]:
        """Return the records by module name."""
        return dict(self._loaded)

    def restore(self, saved: dict[str, Loaded]) -> None:
        """Go back to what `snapshot` gave."""
        if saved == self._loaded:
            return
        self._loaded = dict(saved)
        self._opted_out = {name for name, record in saved.items() if record.compiled.opted_out}
        self.version += 1

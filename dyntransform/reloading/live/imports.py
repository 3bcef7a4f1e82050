"""Modules that are imported while an edit is applied."""

from __future__ import annotations

import contextlib
import functools
import operator
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

__all__ = ["Imports"]


class Imports:
    """The modules that are imported from now on."""

    def __init__(self) -> None:
        self._before = dict(sys.modules)

    @contextlib.contextmanager
    def of_the_engine(self) -> Iterator[None]:
        """Have the modules that the engine itself needs and the block imports stay, also if the edit is undone."""
        before = set(sys.modules)
        yield
        self._before.update((name, sys.modules[name]) for name in sys.modules.keys() - before)

    @property
    def new(self) -> list[str]:
        """Their names."""
        return [name for name in sys.modules if name not in self._before]

    def steps_back(self) -> list[Callable[[], object]]:
        """Return what makes `sys.modules` what it was, and packages as well."""
        present, former = dict(sys.modules), self._before
        if list(present) == list(former) and all(map(operator.is_, present.values(), former.values())):
            return []  # the rule, and there may be thousands
        undo = [
            _unload(name, module, former.get(name))
            for name, module in present.items()
            if former.get(name) is not module
        ]
        undo.extend(
            functools.partial(operator.setitem, sys.modules, name, module)
            for name, module in former.items()
            if name not in present
        )
        return undo


def _unload(name: str, module: ModuleType, before: ModuleType | None) -> Callable[[], object]:
    """Take a module out of sys.modules and off its package."""

    def unload() -> None:
        parent, _, child = name.rpartition(".")
        package = sys.modules.get(parent)
        if package is not None and vars(package).get(child) is module:
            delattr(package, child)
        if before is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = before

    return unload

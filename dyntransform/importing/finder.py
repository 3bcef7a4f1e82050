"""The finder: `PathFinder`, with our loaders for the files of the project."""

from __future__ import annotations

from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader, SourcelessFileLoader
from types import ModuleType

from dyntransform.importing.cache import python_cache_path
from dyntransform.importing.loader import DynLoader, DynSourcelessLoader
from dyntransform.importing.roots import Roots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

__all__ = ["DynFinder"]


class DynFinder:
    """A meta path finder (PEP 451) that stands right before `PathFinder`.

    Only a plain `SourceFileLoader` or `SourcelessFileLoader` becomes one of ours: archives, extension modules,
    namespace packages and other people's loaders stay as they are.

    Args:
        roots: the project.
        companions: modules of other tools, by name, and what is called when one was loaded.
    """

    def __init__(self, roots: Roots, companions: Mapping[str, Callable[[], None]]) -> None:
        self._roots = roots
        self._companions = companions

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module as `PathFinder` does."""
        spec = PathFinder.find_spec(name, path, target)
        if spec is None:
            return None
        loader: Any = spec.loader
        ours = _OURS.get(type(loader))
        if ours is not None and self._roots.owns(loader.path):
            loader.__class__ = ours
            if ours is DynLoader:  # else importlib finds it out when it makes the module, which takes longer
                spec.cached = python_cache_path(loader.path)
        if name in self._companions and spec.loader is not None:
            _call_when_loaded(spec.loader, self._companions[name])
        return spec


_OURS: dict[type, type[DynLoader | DynSourcelessLoader]] = {
    SourceFileLoader: DynLoader,
    SourcelessFileLoader: DynSourcelessLoader,
}


def _call_when_loaded(loader: Any, call: Callable[[], None]) -> None:
    """Have `call` called after the module was executed; the loader stays of its type."""
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        del loader.exec_module
        call()

    loader.exec_module = exec_module

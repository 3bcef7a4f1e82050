"""The finder: `PathFinder`, with our loader for the source files of the project."""

from __future__ import annotations

from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

from dyntransform.importing.loader import DynLoader
from dyntransform.importing.roots import Roots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DynFinder"]


class DynFinder:
    """A meta path finder (PEP 451) that stands right before `PathFinder`.

    Only a plain `SourceFileLoader` is replaced: archives, extension modules, namespace packages and other people's
    loaders stay as they are.
    """

    def __init__(self, roots: Roots) -> None:
        self._roots = roots

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module as `PathFinder` does."""
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader and self._roots.owns(spec.loader.path):
            spec.loader = DynLoader(spec.loader.name, spec.loader.path)
        return spec

"""The loader of project modules: Python's own, but for the code it runs."""

from __future__ import annotations

import dataclasses
import sys
from importlib._bootstrap_external import _LoaderBasics  # type: ignore[attr-defined]
from importlib.machinery import SourceFileLoader
from types import CodeType, ModuleType

from dyntransform.importing import adopt
from dyntransform.importing.compiling import Compiled, compile_file
from dyntransform.importing.loaded import Registry
from dyntransform.importing.roots import Roots
from dyntransform.runtime import lookup

__all__ = ["DynLoader", "Project", "project", "register_main", "set_project"]


@dataclasses.dataclass(frozen=True)
class Project:
    """What the hook loads: the roots, which from-imports are late bound, and the modules loaded so far."""

    roots: Roots
    late_bind: str = "project"
    loaded: Registry = dataclasses.field(default_factory=Registry)
    found: list[adopt.Found] = dataclasses.field(default_factory=list)

    def look_around(self) -> None:
        """Take in modules of the project that are loaded already."""
        known = {module for module, _, _ in self.found}
        new = adopt.find(self.roots, self.loaded.get)
        self.found.extend(one for one in new if one[0] not in known)

    def adopt_found(self) -> None:
        """Make records of the modules taken in."""
        found, self.found[:] = list(self.found), []
        for record in adopt.adopt(
            [one for one in found if self.loaded.get(one[0].__name__) is None], self.is_late_bound
        ):
            self.loaded.put(record)

    def is_late_bound(self, name: str) -> bool:
        """Whether names imported from the top-level module `name` are late bound."""
        return self.late_bind == "all" or self.roots.is_project(name)


_project: Project | None = None
_pending: dict[str, Compiled] = {}


def project() -> Project | None:
    """Return the project of the installed hook."""
    return _project


def set_project(new: Project | None) -> None:
    """Make `new` the project that loaders work for."""
    global _project  # noqa: PLW0603 - the one installed hook
    _project = new
    lookup.replacements.switch()


class DynLoader(SourceFileLoader):
    """Load a source file, rewritten. Pickles, compares and reads data as `SourceFileLoader` does."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the rewritten code of the module."""
        path = self.get_filename(fullname)
        data = self.get_data(path)
        compiled = _compiled(path, data)
        if compiled is None:  # not valid Python: let Python's own loader say so, with its own frames
            return self.source_to_code(data, path)
        caller = sys._getframe(1)
        if caller.f_code is _EXEC_MODULE:
            _project.loaded.add(caller.f_locals["module"], path, compiled)  # type: ignore[union-attr]
        else:
            _pending.clear()
            _pending[path] = compiled  # runpy, or whoever runs a module as __main__
        return compiled.code


# Tracebacks hide frames of importlib's own files (import.c, remove_importlib_frames); this one stands in for one.
_EXEC_MODULE = _LoaderBasics.exec_module.__code__
DynLoader.get_code.__code__ = DynLoader.get_code.__code__.replace(co_filename=_EXEC_MODULE.co_filename)


def register_main(module: ModuleType, loader: SourceFileLoader) -> None:
    """Record that `module` is about to run the code that ``loader.get_code`` gave last."""
    compiled = _pending.pop(loader.path, None)
    if compiled is not None and _project is not None:
        _project.loaded.add(module, loader.path, compiled)


def _compiled(path: str, data: bytes) -> Compiled | None:
    """Return the rewritten code; None if the hook is gone or the source is not valid."""
    if _project is None:
        return None
    try:
        return compile_file(path, data, _project.is_late_bound)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None

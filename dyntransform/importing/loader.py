"""The loaders of project modules: Python's own, but for the code they run."""

from __future__ import annotations

import os
import sys
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from types import CodeType, FrameType, ModuleType

from dyntransform.cpython.internals import LoaderBasics
from dyntransform.cpython.internals import classify_pyc as _classify_pyc
from dyntransform.cpython.internals import compile_bytecode as _compile_bytecode
from dyntransform.importing import adopt
from dyntransform.importing.cache import content
from dyntransform.importing.compiling import HEADER_BYTES, Compiled, cached_file, compile_anew, rewrite_code
from dyntransform.importing.frames import posing_as
from dyntransform.importing.loaded import Registry
from dyntransform.importing.roots import Roots
from dyntransform.runtime import lookup
from dyntransform.runtime.dynamic_class import BASE
from dyntransform.transform.optout import opts_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["DynLoader", "DynSourcelessLoader", "Project", "expect_main", "project", "set_project"]


class Project:
    """What the hook loads: the roots, what is rewritten in their modules, and the modules loaded so far."""

    def __init__(self, roots: Roots, late_bind: str = "project", *, dynamic_class: bool = True) -> None:
        self.roots = roots
        self.late_bind = late_bind
        self.dynamic_class = dynamic_class
        self.loaded = Registry()
        self.found: list[adopt.Found] = []

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

    def differs(self) -> bool:
        """Whether the file of a loaded module has another content than when it was loaded."""
        loaded = [(one.path, one.compiled.data) for one in self.loaded.snapshot().values()]
        found = [(path, data) for _, path, data in self.found]
        return any(_differs(path, data) for path, data in loaded + found)

    def has_file(self, name: str) -> bool:
        """Whether the file of a loaded module has that name."""
        return any(os.path.basename(one.path) == name for one in self.loaded.snapshot().values())

    def is_late_bound(self, name: str) -> bool:
        """Whether names imported from a top-level module are late bound; for `BASE`, whether classes gain it."""
        if name == BASE:
            return self.dynamic_class
        return self.late_bind == "all" or self.roots.is_project(name)


_project: Project | None = None
_main: ModuleType | None = None


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
        data = content(path) or self.get_data(path)  # which says why it cannot be read
        compiled = cached_file(path, data, _project.is_late_bound) if _project is not None else None
        if compiled is None or compiled.opted_out:
            compiled = _compiled(self, path, data)
        if compiled is None:  # not valid Python: let Python's own loader say so, with its own frames
            with _told_once():
                return self.source_to_code(data, path)
        _record_load(path, compiled, sys._getframe(1))
        return compiled.code


class DynSourcelessLoader(SourcelessFileLoader):
    """Load a compiled file that has no source, rewritten. Otherwise it is `SourcelessFileLoader`."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the rewritten code of the module."""
        path = self.get_filename(fullname)
        data = self.get_data(path)
        compiled = cached_file(path, data, _project.is_late_bound) if _project is not None else None
        if compiled is None:
            _classify_pyc(data, fullname, {"name": fullname, "path": path})
            code: CodeType = _compile_bytecode(memoryview(data)[HEADER_BYTES:], fullname, path)
            if _project is None:
                return code
            compiled = rewrite_code(path, data, code, _project.is_late_bound)
        _record_load(path, compiled, sys._getframe(1))
        return compiled.code


_EXEC_MODULE = LoaderBasics.exec_module.__code__
DynLoader.get_code.__code__ = posing_as(
    DynLoader.get_code.__code__, SourceFileLoader.get_code.__code__, ("get_filename", "get_data", "source_to_code")
)
DynSourcelessLoader.get_code.__code__ = posing_as(
    DynSourcelessLoader.get_code.__code__,
    SourcelessFileLoader.get_code.__code__,
    ("get_filename", "get_data", "_classify_pyc", "_compile_bytecode"),
)


def expect_main(module: ModuleType) -> None:
    """Say that `module` will run the code that a loader is asked for next, outside of an import."""
    global _main  # noqa: PLW0603 - there is one __main__
    _main = module


def _record_load(path: str, compiled: Compiled, caller: FrameType) -> None:
    """Record what is about to be executed; `caller` is the frame that asked for the code."""
    module = caller.f_locals["module"] if caller.f_code is _EXEC_MODULE else _expected_main()
    if module is None or _project is None:
        return
    if compiled.opted_out:  # it gets the loader that Python gives it
        module.__loader__ = SourceFileLoader(module.__name__, path)
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__
    _project.loaded.add(module, path, compiled)


def _expected_main() -> ModuleType | None:
    global _main
    module, _main = _main, None
    # runpy sets __spec__ right before it runs the code: whoever asks later asks for something else.
    return module if module is not None and module.__spec__ is None else None


def _differs(path: str, data: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read() != data
    except FileNotFoundError:
        return False
    except OSError:
        return True  # the engine says why


def _told_once() -> AbstractContextManager[object]:
    """Keep to oneself what the compiler says of a file that it is shown again; a warning that is an error stays one."""
    import contextlib
    import warnings

    return warnings.catch_warnings(record=True) if _project is not None else contextlib.nullcontext()


def _compiled(loader: DynLoader, path: str, data: bytes) -> Compiled | None:
    """Return the code to run, which the cache has not; None if the hook is gone or the source is not valid."""
    if _project is None:
        return None
    try:
        if opts_out(data):
            code = SourceFileLoader.get_code(loader, loader.name)
            return Compiled(code, (), (), data)  # type: ignore[arg-type]  # of a source there is code
        return compile_anew(path, data, _project.is_late_bound, module=loader.name)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None

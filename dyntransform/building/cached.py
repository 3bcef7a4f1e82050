"""Fill the cache of compiled code: what a start under the import hook would store, module by module."""

from __future__ import annotations

import dataclasses
import os
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import SourceFileLoader

from dyntransform.errors import ConfigError
from dyntransform.importing import cache
from dyntransform.importing.compiling import cached_file, compile_anew
from dyntransform.importing.roots import Roots
from dyntransform.transform.optout import opts_out

__all__ = ["Module", "Outcome", "modules", "store"]


@dataclasses.dataclass(frozen=True)
class Module:
    """A module whose compiled code is to be in the cache.

    Attributes:
        source: its file.
        is_late_bound: tells whether names of a top-level module are late bound.
    """

    source: str
    is_late_bound: Callable[[str], bool]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a module.

    Attributes:
        is_new: its code was not there.
        reason: why it runs as it is, unrewritten; empty otherwise.
        problem: why its code cannot be there; empty otherwise.
    """

    is_new: bool = True
    reason: str = ""
    problem: str = ""


def modules(paths: Sequence[str], roots: Roots, is_late_bound: Callable[[str], bool]) -> list[Module]:
    """List the modules of a project which lie in some files and folders.

    Args:
        paths: the files and folders.
        roots: the project.
        is_late_bound: tells whether names of a top-level module are late bound.

    Raises:
        ConfigError: one of the paths is not there.
    """
    found = dict.fromkeys(file for path in paths for file in _files(os.path.abspath(path), path))
    return [Module(file, is_late_bound) for file in found if roots.owns(file)]


def _files(path: str, named: str) -> Iterator[str]:
    """Yield the files that importing may run: sources, and compiled files that stand in place of one."""
    if os.path.isfile(path):
        yield path
        return
    if not os.path.isdir(path):
        raise ConfigError(f"{named}: no such file or folder; name the files and folders that are to be compiled")
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        names = set(files)
        for name in sorted(files):
            if name.endswith(".py") or (name.endswith(".pyc") and name[:-1] not in names):
                yield os.path.join(folder, name)


def store(module: Module) -> Outcome:
    """Have the code of a module in the cache."""
    path, ask = module.source, module.is_late_bound
    try:
        with open(path, "rb") as file:
            data = file.read()
        known = cached_file(path, data, ask)
        if known is not None:
            return Outcome(is_new=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the program's own; whoever runs it without the cache sees them
            if path.endswith(".py") and opts_out(data):  # it is Python's to load, and to cache
                SourceFileLoader("", path).get_code("")
                return Outcome(is_new=False)
            reason = compile_anew(path, data, ask).reason
        if cache.read(path, data) is None:
            return Outcome(problem=f"{path}: the cache cannot be written; make {cache.cache_path(path)} writable")
    except SyntaxError as problem:
        return Outcome(problem="".join(traceback.format_exception_only(problem)).rstrip())
    except (OSError, ImportError, EOFError, TypeError, ValueError, RecursionError, MemoryError) as problem:
        return Outcome(problem=f"{path}: {type(problem).__name__}: {problem}")
    return Outcome(reason=reason)

"""Rewriting of modules whose assertions pytest rewrites: its own rewriting first, then the lowering.

pytest goes on to decide which modules these are, and executes them. Only its look into its cache is replaced: for a
file of the project it finds the code there that went through both. Compiled files of pytest itself are neither read
nor written, so a run without dyntransform finds what it left.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, TypeAlias

import pytest
from _pytest.assertion import rewrite

from dyntransform.importing.compiling import compile_file
from dyntransform.importing.loaded import Loaded
from dyntransform.importing.loader import Project, project
from dyntransform.reloading.model.report import short_path

if TYPE_CHECKING:
    import ast

__all__ = ["Assertions", "attach", "detach"]

_Read: TypeAlias = Callable[[Path, Path, Callable[[str], None]], CodeType | None]


@dataclasses.dataclass(frozen=True)
class Assertions:
    """pytest's rewriting of assertions, as a stage before the lowering (`dyntransform.transform.stage.Stage`).

    Attributes:
        config: the configuration of the test run.
    """

    config: pytest.Config

    @property
    def tag(self) -> str:
        """Tells these compiled files from those of the import hook."""
        return "pytest"

    @property
    def key(self) -> str:
        """What the rewriting depends on."""
        return f"pytest {pytest.__version__} {self.config.getini('enable_assertion_pass_hook')}"

    def __call__(self, tree: ast.Module, data: bytes, path: str) -> None:
        """Rewrite the assertions of a module."""
        rewrite.rewrite_asserts(tree, data, path, self.config)


def attach() -> None:
    """Have the modules that pytest rewrites be project modules as well, for as long as the import hook is installed."""
    if isinstance(rewrite._read_pyc, _Reader):
        return
    if "_read_pyc" not in rewrite.AssertionRewritingHook.exec_module.__code__.co_names:
        text = f"dyntransform does not know how pytest {pytest.__version__} loads tests: they cannot be reloaded"
        warnings.warn(text, RuntimeWarning, stacklevel=2)
        return
    _replace(_Reader(rewrite._read_pyc))


def detach() -> None:
    """Leave pytest as it was."""
    if isinstance(rewrite._read_pyc, _Reader):
        _replace(rewrite._read_pyc.original)


def _replace(read: _Read) -> None:
    rewrite._read_pyc = read  # type: ignore[assignment]  # its one caller gives all arguments


class _Reader:
    """Stands for ``_pytest.assertion.rewrite._read_pyc``, the function that looks for code compiled before."""

    def __init__(self, original: _Read) -> None:
        self.original = original

    def __call__(self, source: Path, pyc: Path, trace: Callable[[str], None], /) -> CodeType | None:
        """Return the code of a test module; None has pytest rewrite it alone, and say what is wrong with it."""
        path = os.fspath(source)
        owner = project()
        if owner is None or not owner.roots.owns(path):
            return self.original(source, pyc, trace)
        return _code(owner, path, sys._getframe(1))


def _code(owner: Project, path: str, frame: FrameType) -> CodeType | None:
    """Return the code of a module for `AssertionRewritingHook.exec_module`, whose frame is given."""
    hook, module = frame.f_locals["self"], frame.f_locals["module"]
    try:
        with open(path, "rb") as file:
            data = file.read()
        compiled = compile_file(path, data, owner.is_late_bound, Assertions(hook.config))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError, Warning):
        return None
    _keep_namesake(owner, module.__name__, path)
    owner.loaded.add(module, path, compiled)
    return compiled.code


class _Namesake(Loaded):
    """A module that another one of its name has replaced in `sys.modules`, and that pytest goes on to use."""

    def is_in_force(self) -> bool:
        """Whether somebody has it."""
        return self.module() is not None


def _keep_namesake(owner: Project, name: str, path: str) -> None:
    """Keep the conftest file of another folder: all have one name where folders are no packages."""
    other = owner.loaded.get(name)
    if other is not None and other.path != path and other.module() is not None:
        unique = f"{name} ({short_path(os.path.dirname(other.path))})"
        owner.loaded.put(_Namesake(unique, other.path, other.compiled, other.module, other.namespace))

"""Rewriting of modules whose assertions pytest rewrites: its own rewriting first, then the lowering.

pytest goes on to decide which modules these are, and executes them. Only its look into its cache is replaced: for a
file of the project it finds the code there that went through both. Compiled files of pytest itself are neither read
nor written, so a run without dyntransform finds what it left.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING

import pytest
from _pytest.assertion import rewrite

from dyntransform.importing.compiling import compile_file
from dyntransform.importing.loader import Project, project

if TYPE_CHECKING:
    import ast

__all__ = ["Assertions", "attach"]

_Read = Callable[[Path, Path, Callable[[str], None]], CodeType | None]


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


def attach(config: pytest.Config) -> None:
    """Have the modules that pytest rewrites be project modules as well.

    Args:
        config: the configuration of the test run; when it ends, pytest is as it was.

    Raises:
        pytest.UsageError: this version of pytest is not known.
    """
    hook = config.pluginmanager.rewrite_hook
    if not isinstance(hook, rewrite.AssertionRewritingHook):
        return  # --assert=plain: the import hook sees every module
    reader: _Read = rewrite._read_pyc
    if isinstance(reader, _Reader) and reader.hook is hook:
        return
    if "_read_pyc" not in hook.exec_module.__code__.co_names:
        raise pytest.UsageError(f"--dyn does not know how pytest {pytest.__version__} loads tests: use --assert=plain")
    _replace_reader(_Reader(hook, Assertions(config), reader))

    config.add_cleanup(lambda: _replace_reader(reader))


def _replace_reader(reader: _Read) -> None:
    rewrite._read_pyc = reader  # type: ignore[assignment]  # callers give all arguments


class _Reader:
    """Stands for ``_pytest.assertion.rewrite._read_pyc``, the function that looks for code compiled before."""

    def __init__(self, hook: rewrite.AssertionRewritingHook, stage: Assertions, reader: _Read) -> None:
        self.hook = hook
        self._stage = stage
        self._reader = reader

    def __call__(self, source: Path, pyc: Path, trace: Callable[[str], None], /) -> CodeType | None:
        """Return the code of a test module; None has pytest rewrite it alone, and say what is wrong with it."""
        frame: FrameType = sys._getframe(1)
        path = os.fspath(source)
        owner = project()
        if owner is None or frame.f_locals.get("self") is not self.hook or not owner.roots.owns(path):
            return self._reader(source, pyc, trace)
        return self._code(owner, path, frame)

    def _code(self, owner: Project, path: str, frame: FrameType) -> CodeType | None:
        try:
            with open(path, "rb") as file:
                data = file.read()
            compiled = compile_file(path, data, owner.is_late_bound, self._stage)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError, Warning):
            return None
        owner.loaded.add(frame.f_locals["module"], path, compiled)
        return compiled.code

"""The content of a file, source or compiled, as a sequence of statements."""

from __future__ import annotations

from dyntransform.reloading.model.source import Source
from dyntransform.transform.decide import Options
from dyntransform.transform.stage import Stage

__all__ = ["INVALID", "read_source"]

INVALID = (SyntaxError, ValueError, ImportError, EOFError, TypeError)
"""What `read_source` raises for content that is no program."""


def read_source(data: bytes, path: str, options: Options, stage: Stage | None = None) -> Source:
    """Return the statements in the content of a file, which may be compiled.

    Args:
        data: its content.
        path: its name.
        options: what is late bound.
        stage: what is done to the tree of a source file before it is lowered.

    Raises:
        SyntaxError, ValueError: it is not valid Python.
        ImportError, EOFError, ValueError, TypeError: it is not what this version of Python compiles to.
    """
    if not path.endswith(".pyc"):
        return Source(data, path, options, stage)
    from dyntransform.reloading.model.compiled_source import CompiledSource  # needs the package bytecode

    return CompiledSource(data, path, options)

"""Files that the command line names."""

from __future__ import annotations

from pathlib import Path

from dyntransform.errors import ConfigError

__all__ = ["read_file"]


def read_file(path: Path) -> bytes:
    """Return the content of a file that the command line names.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as problem:
        raise ConfigError(f"{path}: {problem.strerror}; name a file that can be read") from None

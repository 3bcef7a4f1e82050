"""``dyntransform clean``, ``enable`` and ``disable``: what is left in folders and environments."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from dyntransform.config import load
from dyntransform.errors import ConfigError

__all__ = ["clean", "disable", "enable"]


def clean(words: Sequence[str]) -> int:
    """Remove the compiled code of rewritten modules.

    Args:
        words: the command line behind ``clean``.

    Returns:
        The exit code.

    Raises:
        ConfigError: there is no such folder.
    """
    parser = argparse.ArgumentParser(
        prog="dyntransform clean", description="Remove compiled code of rewritten modules."
    )
    parser.add_argument("dir", nargs="*", type=Path, help="default: the roots of pyproject.toml, or this folder")
    options = parser.parse_args(words)
    folders = options.dir or load(Path.cwd()).roots or [Path.cwd()]
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"{folder}: no such folder; name the folders whose compiled files are to go")

    from dyntransform.importing.cache import entries

    removed = 0
    for path in {path for folder in folders for path in entries(folder)}:
        path.unlink(missing_ok=True)
        removed += 1
    print(f"removed {removed} file{'' if removed == 1 else 's'}")
    return 0


def enable(words: Sequence[str]) -> int:
    """Have every Python of this environment install the hook where DYNTRANSFORM_ROOTS is set.

    Args:
        words: the command line behind ``enable``.

    Returns:
        The exit code.

    Raises:
        ConfigError: the environment is not one to change.
    """
    parser = argparse.ArgumentParser(
        prog="dyntransform enable",
        description="Have every Python process of this environment that finds DYNTRANSFORM_ROOTS in its environment "
        "variables install the import hook for those folders before anything else runs.",
    )
    parser.parse_args(words)

    from dyntransform.exported import ROOTS
    from dyntransform.integrations import environment

    print(f"wrote {' and '.join(environment.enable())}: {ROOTS} now counts in this environment")
    return 0


def disable(words: Sequence[str]) -> int:
    """Take back what `enable` did.

    Args:
        words: the command line behind ``disable``.

    Returns:
        The exit code.

    Raises:
        ConfigError: the file cannot be removed.
    """
    parser = argparse.ArgumentParser(prog="dyntransform disable", description="Take back what enable did.")
    parser.parse_args(words)

    from dyntransform.integrations import environment

    removed = " and ".join(environment.disable())
    print(f"removed {removed}" if removed else "it was not enabled in this environment")
    return 0

"""``dyntransform plan``: what saving a file would do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dyntransform.commands.reading import read_file
from dyntransform.config import load
from dyntransform.errors import ConfigError

__all__ = ["plan"]


def plan(words: Sequence[str]) -> int:
    """Print what saving a file would do to a program that runs its old version.

    Args:
        words: the command line behind ``plan``.

    Returns:
        The exit code.

    Raises:
        ConfigError: the version that runs cannot be found.
    """
    parser = argparse.ArgumentParser(
        prog="dyntransform plan",
        description="Print what saving a file would do to a program that runs its old version. Nothing is executed.",
        epilog="Exit code: 0 if all of it could be applied live, 1 if not, 2 if there is nothing to compare with.",
    )
    parser.add_argument("file", type=Path, help="the file as it would be saved")
    old = parser.add_mutually_exclusive_group()
    old.add_argument("--old", type=Path, metavar="FILE", help="the version that runs")
    old.add_argument("--rev", default="HEAD", metavar="REVISION", help="the git revision that runs; default: HEAD")
    options = parser.parse_args(words)

    from dyntransform.console import show_plan
    from dyntransform.importing.roots import Roots
    from dyntransform.reloading.model.reading import INVALID
    from dyntransform.reloading.planning.preview import plan as plan_of

    path: Path = options.file
    try:
        new = read_file(path)
        running = read_file(options.old) if options.old is not None else _from_git(path, options.rev)
    except ConfigError as problem:
        print(f"dyntransform: {problem}", file=sys.stderr)
        return 2
    config = load(path.absolute().parent)
    roots = Roots(config.roots or [_project_folder(path)], config.exclude)
    try:
        planned = plan_of(path, running, new, roots)
    except INVALID as problem:
        print(f"dyntransform: the old version is not valid Python, so it cannot be running: {problem}", file=sys.stderr)
        return 2
    show_plan(planned)
    return 0 if planned.applicable else 1


def _from_git(path: Path, revision: str) -> bytes:
    import subprocess

    folder = path.absolute().parent
    command = ["git", "-C", str(folder), "show", f"{revision}:./{path.name}"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - git, with names of files
    except FileNotFoundError:
        raise ConfigError("git was not found: name the version that runs with --old FILE") from None
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip()
        raise ConfigError(f"{path}: no version to compare with: {reason}; name the one that runs with --old FILE")
    return done.stdout


def _project_folder(path: Path) -> Path:
    """Return the folder that holds the file's outermost package."""
    folder = path.absolute().parent
    while (folder / "__init__.py").exists():
        folder = folder.parent
    return folder

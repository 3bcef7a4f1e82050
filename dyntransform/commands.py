"""Commands that look at files and run nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dyntransform.config import load
from dyntransform.errors import ConfigError

__all__ = ["clean", "plan", "show"]


def show(words: Sequence[str]) -> int:
    """Print what a file is rewritten to.

    Args:
        words: the command line behind ``show``.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="dyntransform show", description="Print what a file is rewritten to.")
    parser.add_argument("file", type=Path)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--diff", action="store_true", help="as a unified diff")
    form.add_argument("--lowered", action="store_true", help="the code that the import hook compiles")
    options = parser.parse_args(words)

    from dyntransform.console import show_source
    from dyntransform.importing.roots import Roots
    from dyntransform.transform.decide import Options
    from dyntransform.transform.source import decode
    from dyntransform.transform.text import lowered, rewrite

    path: Path = options.file
    try:
        source = decode(path.read_bytes())
    except OSError as problem:
        print(f"dyntransform: {path}: {problem.strerror}", file=sys.stderr)
        return 1
    except SyntaxError as problem:
        print(f"dyntransform: {path}: {problem}", file=sys.stderr)
        return 1
    config = load(path.absolute().parent)
    roots = Roots(config.roots or [path.absolute().parent], config.exclude)
    is_project = (lambda _name: True) if config.late_bind == "all" else roots.is_project
    try:
        if options.lowered:
            show_source(lowered(source, str(path), Options(is_project)), "python")
            return 0
        rewritten = rewrite(source, str(path), Options(is_project))
    except SyntaxError as problem:
        import traceback

        print("".join(traceback.format_exception_only(problem)), end="", file=sys.stderr)
        return 1
    if rewritten.reason:
        print(rewritten.reason, file=sys.stderr)
    if options.diff:
        import difflib

        lines = difflib.unified_diff(
            source.splitlines(keepends=True), rewritten.text.splitlines(keepends=True), str(path), f"{path} (rewritten)"
        )
        show_source("".join(lines), "diff")
    else:
        show_source(rewritten.text, "python")
    return 0


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
    from dyntransform.reloading.plan import plan as plan_of

    path: Path = options.file
    try:
        new = path.read_bytes()
        running = options.old.read_bytes() if options.old is not None else _from_git(path, options.rev)
    except OSError as problem:
        print(f"dyntransform: {problem.filename}: {problem.strerror}", file=sys.stderr)
        return 2
    except ConfigError as problem:
        print(f"dyntransform: {problem}", file=sys.stderr)
        return 2
    config = load(path.absolute().parent)
    roots = Roots(config.roots or [_project_folder(path)], config.exclude)
    try:
        planned = plan_of(path, running, new, roots)
    except (SyntaxError, ValueError) as problem:
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


def clean(words: Sequence[str]) -> int:
    """Remove the compiled code of rewritten modules.

    Args:
        words: the command line behind ``clean``.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="dyntransform clean", description="Remove compiled code of rewritten modules."
    )
    parser.add_argument("dir", nargs="*", type=Path, help="default: the roots of pyproject.toml, or this folder")
    options = parser.parse_args(words)
    folders = options.dir or load(Path.cwd()).roots or [Path.cwd()]

    from dyntransform.importing.cache import entries

    removed = 0
    for path in {path for folder in folders for path in entries(folder)}:
        path.unlink(missing_ok=True)
        removed += 1
    print(f"removed {removed} file{'' if removed == 1 else 's'}")
    return 0

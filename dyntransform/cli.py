"""The command line.

python -m dyntransform [options] main.py ARGS...    run a program, and apply edits while it runs
python -m dyntransform [options] -m module ARGS...  the same for a module, of the project or not
python -m dyntransform show FILE                    print what a file is rewritten to
python -m dyntransform plan FILE                    print what saving a file would do to a program that runs it
python -m dyntransform clean [DIR]...               remove the compiled code of rewritten modules
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyntransform.errors import ConfigError, DyntransformError

if TYPE_CHECKING:
    import argparse

    from dyntransform.config import Config
    from dyntransform.reloading.report import Report

__all__ = ["main"]

_WITH_VALUE = ("--root", "--exclude")


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says.

    Args:
        arguments: the command line without the program's name; ``sys.argv[1:]`` if None.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = {"show": _show, "plan": _plan, "clean": _clean}.get(words[0]) if words else None
    try:
        if command is not None:
            sys.exit(command(words[1:]))
        _run(words[1:] if words[:1] == ["run"] else words)
    except DyntransformError as problem:
        sys.exit(f"dyntransform: {problem}")


# ---------------------------------------------------------------------- run


def _run(words: list[str]) -> None:
    own, module, rest = _split(words)
    options = _run_parser().parse_args(own)
    if module is None and not rest:
        _run_parser().print_help()
        sys.exit(2)
    folder = os.path.dirname(os.path.realpath(rest[0])) if module is None else os.getcwd()
    if module is None and os.path.isdir(rest[0]):
        folder = rest[0]
    config = _config(folder)
    roots = options.root or config.roots or [folder]
    for root in options.root:
        if not os.path.isdir(root):
            sys.exit(f"dyntransform: --root {root}: no such folder")

    from dyntransform import hook, running

    installed = hook.install(roots, [*config.exclude, *options.exclude], late_bind=config.late_bind)
    if config.watch and not options.no_watch:
        installed.watch(_reporter(quiet=options.quiet), wait=False)
    if module is None:
        running.run_script(rest[0], rest[1:])
    else:
        running.run_module(module, rest)


def _reporter(*, quiet: bool) -> Any:
    def show(report: Report) -> None:
        if report.error is not None or not quiet:
            from dyntransform.console import show_report

            show_report(report)

    return show


def _config(folder: str) -> Config:
    from dyntransform.config import load

    return load(Path(folder))


def _split(words: list[str]) -> tuple[list[str], str | None, list[str]]:
    """Tell our options, the module of -m, and what belongs to the program apart."""
    index = 0
    while index < len(words):
        word = words[index]
        if word == "-m":
            if index + 1 == len(words):
                sys.exit("dyntransform: -m needs the name of a module")
            return words[:index], words[index + 1], words[index + 2 :]
        if word.startswith("-m") and not word.startswith("--"):
            return words[:index], word[2:], words[index + 1 :]
        if word == "--":
            return words[:index], None, words[index + 1 :]
        if not word.startswith("-") or word == "-":
            return words[:index], None, words[index:]
        index += 2 if word in _WITH_VALUE else 1
    return words, None, []


def _run_parser() -> argparse.ArgumentParser:
    import argparse

    from dyntransform import __version__

    parser = argparse.ArgumentParser(
        prog="dyntransform",
        usage="%(prog)s [options] main.py ARGS...\n       %(prog)s [options] -m module ARGS...\n"
        "       %(prog)s show FILE [--diff | --lowered]\n       %(prog)s plan FILE [--old FILE | --rev REVISION]\n"
        "       %(prog)s clean [DIR]...",
        description="Run a Python program, and apply edits of its files while it runs.",
        epilog="Settings are read from [tool.dyntransform] in pyproject.toml; options win over it.",
    )
    parser.add_argument(
        "--root",
        action="append",
        default=[],
        metavar="DIR",
        help="folder of the project (repeatable); default: the folder of main.py, with -m the working directory",
    )
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="files that are not project code (repeatable)"
    )
    parser.add_argument("--no-watch", action="store_true", help="do not apply edits; dyntransform.reload() does")
    parser.add_argument("--quiet", action="store_true", help="print only edits that cannot be applied")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


# ---------------------------------------------------------------------- show


def _show(words: list[str]) -> int:
    import argparse

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
    config = _config(str(path.absolute().parent))
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


# ---------------------------------------------------------------------- plan


def _plan(words: list[str]) -> int:
    import argparse

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
    from dyntransform.reloading.plan import plan

    path: Path = options.file
    try:
        new = path.read_bytes()
        running = options.old.read_bytes() if options.old is not None else _from_git(path, options.rev)
    except OSError as problem:
        print(f"dyntransform: {problem.filename}: {problem.strerror}", file=sys.stderr)
        return 2
    config = _config(str(path.absolute().parent))
    roots = Roots(config.roots or [_project_folder(path)], config.exclude)
    try:
        planned = plan(path, running, new, roots)
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


# ---------------------------------------------------------------------- clean


def _clean(words: list[str]) -> int:
    import argparse

    parser = argparse.ArgumentParser(
        prog="dyntransform clean", description="Remove compiled code of rewritten modules."
    )
    parser.add_argument("dir", nargs="*", type=Path, help="default: the roots of pyproject.toml, or this folder")
    options = parser.parse_args(words)
    folders = options.dir or _config(os.getcwd()).roots or [Path.cwd()]

    from dyntransform.importing.cache import entries

    removed = 0
    for path in {path for folder in folders for path in entries(folder)}:
        path.unlink(missing_ok=True)
        removed += 1
    print(f"removed {removed} files")
    return 0

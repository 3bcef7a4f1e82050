"""Commands that look at files, or write some, and run nothing."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dyntransform.config import Config, load
from dyntransform.errors import ConfigError

__all__ = ["build", "clean", "disable", "enable", "plan", "show"]


def build(words: Sequence[str]) -> int:
    """Write a tree that runs with dyntransform's runtime alone.

    Args:
        words: the command line behind ``build``.

    Returns:
        The exit code.

    Raises:
        ConfigError: the sources, the place of the tree, or a setting cannot be used.
        TransformError: modules are not valid Python.
    """
    options = _build_options(words)

    from dyntransform.building.build import Build
    from dyntransform.console import module_progress

    start = time.perf_counter()
    first = Path(options.src[0])
    settings = load(first if first.is_dir() else first.absolute().parent)
    exclude = (*settings.exclude, *options.exclude)
    try:
        work = Build(options.src, options.out, Config(settings.roots, exclude, settings.late_bind))
        if options.check:
            return _tell(options.out, work.differences())
        done = work.run(options.jobs, module_progress)
    except OSError as problem:
        print(f"dyntransform: {problem.filename}: {problem.strerror}; nothing was written", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dyntransform: interrupted; nothing was written", file=sys.stderr)
        return 130
    for path, reason in done.left.items():
        if done.written:
            print(f"{path}: copied as it is: {reason}", file=sys.stderr)
    print(f"{options.out}: {done} in {time.perf_counter() - start:.1f} s")
    if not _stands_in_a_folder():
        print("the working directory is the tree that was there before: change to it again, as with cd .")
    return 0


def _stands_in_a_folder() -> bool:
    try:
        return Path.cwd().exists()
    except FileNotFoundError:
        return False


def _tell(out: str, differences: Sequence[str]) -> int:
    if not differences:
        return 0
    print("\n  ".join([f"{out} is not what the sources would give; build it again", *differences]), file=sys.stderr)
    return 1


def _build_options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dyntransform build",
        description="Write a tree that runs with dyntransform's runtime alone: rewritten sources, the compiled files "
        "that Python looks for, and all other files as they are. Only what changed is built again.",
        epilog="The content of a single folder comes to stand in OUT; a package, and each of several sources, under "
        "its name. Exit code: 0 if OUT is what the sources give, 1 if not.",
    )
    parser.add_argument("src", nargs="+", metavar="SRC", help="files and folders")
    parser.add_argument("-o", "--out", required=True, help="folder of the built tree")
    parser.add_argument(
        "--jobs", type=_count, default=_cores(), metavar="N", help="processes; default: one for each core"
    )
    parser.add_argument("--check", action="store_true", help="write nothing, and tell in what OUT differs")
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="modules to copy as they are (repeatable)"
    )
    return parser.parse_args(words)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: a number, at least 1")
    return int(text)


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def show(words: Sequence[str]) -> int:
    """Print what a file is rewritten to.

    Args:
        words: the command line behind ``show``.

    Returns:
        The exit code.

    Raises:
        ConfigError: the file cannot be read.
    """
    parser = argparse.ArgumentParser(prog="dyntransform show", description="Print what a file is rewritten to.")
    parser.add_argument("file", type=Path)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--diff", action="store_true", help="as a unified diff")
    form.add_argument("--lowered", action="store_true", help="the code that the import hook compiles")
    options = parser.parse_args(words)

    from dyntransform.console import show_source
    from dyntransform.transform.decide import Options
    from dyntransform.transform.source import decode
    from dyntransform.transform.text import lowered, rewrite

    path: Path = options.file
    if path.suffix == ".pyc":
        return _show_compiled(path, context=_CONTEXT if options.diff else None, lowered=options.lowered)
    try:
        source = decode(_read(path), str(path))
    except SyntaxError as problem:
        return _refuse(problem)
    wanted = Options(_late_bound(path))
    try:
        if options.lowered:
            show_source(lowered(source, str(path), wanted), "python")
            return 0
        rewritten = rewrite(source, str(path), wanted)
    except SyntaxError as problem:
        return _refuse(problem)
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


def _refuse(problem: SyntaxError) -> int:
    import traceback

    print("".join(traceback.format_exception_only(problem)), end="", file=sys.stderr)
    return 1


_CONTEXT = 3
"""How many unchanged lines a diff shows around those that changed."""


def _late_bound(path: Path) -> Callable[[str], bool]:
    """Return what tells for a file whether names imported from a module are late bound."""
    from dyntransform.importing.roots import Roots

    config = load(path.absolute().parent)
    if config.late_bind == "all":
        return lambda _name: True
    return Roots(config.roots or [path.absolute().parent], config.exclude).is_project


def _show_compiled(path: Path, *, context: int | None, lowered: bool) -> int:
    """Print the instructions of the functions that change in a compiled file; all of them if `context` is None."""
    import difflib

    from dyntransform.compiled.listing import advice, changed
    from dyntransform.compiled.rewriting import rewrite
    from dyntransform.console import show_source
    from dyntransform.importing.compiling import load_code
    from dyntransform.transform.decide import Options

    data = _read(path)
    try:
        code = load_code(str(path), data)
    except (ImportError, EOFError, TypeError, ValueError) as problem:
        print(f"dyntransform: {path}: {problem}; {advice(data)}", file=sys.stderr)
        return 1
    rewritten = rewrite(code, Options(_late_bound(path)))
    if rewritten.reason:
        print(f"{path}: {rewritten.reason}", file=sys.stderr)
    parts = list(changed(code, rewritten.code))
    if not parts and not rewritten.reason:
        print(f"{path}: no function reads a name that it imports from the project: it runs as it is", file=sys.stderr)
    for part in parts:
        if lowered:
            show_source("\n".join([f"{path}: {part.name}", *part.after, ""]), "text")
            continue
        lines = difflib.unified_diff(
            part.before,
            part.after,
            f"{path}: {part.name}",
            f"{path}: {part.name} (rewritten)",
            n=len(part.before) if context is None else context,
            lineterm="",
        )
        show_source("\n".join([*lines, ""]), "diff")
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
    from dyntransform.reloading.source import INVALID

    path: Path = options.file
    try:
        new = _read(path)
        running = _read(options.old) if options.old is not None else _from_git(path, options.rev)
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


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise ConfigError(f"{path}: {problem.strerror}; name a file that can be read") from None


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

    from dyntransform.integrations import environment

    print(f"wrote {environment.enable()}: {environment.ROOTS} now counts in this environment")
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

    removed = environment.disable()
    print(f"removed {removed}" if removed else "it was not enabled in this environment")
    return 0

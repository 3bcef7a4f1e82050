"""``dyntransform build``: rewrite a project ahead of time."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dyntransform.commands.jobs import add_jobs
from dyntransform.config import Config, load

__all__ = ["build"]


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
        config = Config(settings.roots, exclude, settings.late_bind, dynamic_class=settings.dynamic_class)
        work = Build(options.src, options.out, config)
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
    add_jobs(parser)
    parser.add_argument("--check", action="store_true", help="write nothing, and tell in what OUT differs")
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="modules to copy as they are (repeatable)"
    )
    return parser.parse_args(words)

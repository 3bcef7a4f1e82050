"""``dyntransform compile``: fill the cache of compiled code ahead of a start."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

from dyntransform.commands.jobs import add_jobs
from dyntransform.config import load
from dyntransform.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dyntransform.building.cached import Module, Outcome

__all__ = ["compile"]


def compile(words: Sequence[str]) -> int:  # noqa: A001 - the name of the command
    """Rewrite and compile the modules of a project, so that the next start finds them done.

    Args:
        words: the command line behind ``compile``.

    Returns:
        The exit code.

    Raises:
        ConfigError: a source or a setting cannot be used, or nothing may be written.
        TransformError: a process was killed.
    """
    options = _options(words)
    if sys.dont_write_bytecode:
        raise ConfigError("Python is told to write no compiled files: run this without -B and PYTHONDONTWRITEBYTECODE")

    from dyntransform.building.cached import store
    from dyntransform.building.crew import work_off
    from dyntransform.console import module_progress

    start = time.perf_counter()
    found = _modules(options.src)
    outcomes = []
    try:
        with module_progress(len(found), "compiling") as advance:
            for outcome in work_off(store, found, options.jobs):
                outcomes.append(outcome)
                advance()
    except KeyboardInterrupt:
        print("dyntransform: interrupted; what was compiled stays", file=sys.stderr)
        return 130
    print(f"{_told(outcomes)} in {time.perf_counter() - start:.1f} s")
    return 1 if any(outcome.problem for outcome in outcomes) else 0


def _modules(paths: Sequence[str]) -> list[Module]:
    """Return the modules of the project that lie in files and folders; there are some."""
    from dyntransform.building.cached import modules
    from dyntransform.building.late_bound import LateBound
    from dyntransform.importing.roots import Roots

    folders = [path if os.path.isdir(path) else os.path.dirname(os.path.abspath(path)) for path in paths]
    settings = load(folders[0])
    roots = Roots(settings.roots or folders, settings.exclude)
    found = modules(paths, roots, LateBound(frozenset(), roots, settings.late_bind == "all", settings.dynamic_class))
    if not found:
        raise ConfigError(f"{' '.join(paths)}: no modules of the project; its roots are {', '.join(roots.paths)}")
    return found


def _told(outcomes: Sequence[Outcome]) -> str:
    """Print what went wrong, and return how many modules came to what."""
    for outcome in outcomes:
        if outcome.problem or outcome.reason:
            print(outcome.problem or outcome.reason, file=sys.stderr)
    failed = sum(bool(outcome.problem) for outcome in outcomes)
    new = sum(outcome.is_new and not outcome.problem for outcome in outcomes)
    return f"{new} compiled, {len(outcomes) - new - failed} as they were{f', {failed} failed' if failed else ''}"


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dyntransform compile",
        description="Rewrite and compile modules ahead of a start, as compileall does for plain Python: the next start "
        "finds its code in the cache.",
        epilog="Example: dyntransform compile src && python -m dyntransform src/main.py. The settings are those of the "
        "first SRC; where they name no roots, these are the folders SRC. Exit code: 1 if a file is not valid "
        "Python, or its code cannot be stored; the others are compiled.",
    )
    parser.add_argument("src", nargs="+", metavar="SRC", help="files and folders of the project")
    add_jobs(parser)
    return parser.parse_args(words)

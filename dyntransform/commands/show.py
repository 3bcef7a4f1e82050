"""``dyntransform show``: what a file is rewritten to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from dyntransform.commands.reading import read_file
from dyntransform.config import load

__all__ = ["show"]


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
        source = decode(read_file(path), str(path))
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
    """Return what tells for a file what is rewritten in it."""
    from dyntransform.building.late_bound import LateBound
    from dyntransform.importing.roots import Roots

    config = load(path.absolute().parent)
    roots = Roots(config.roots or [path.absolute().parent], config.exclude)
    return LateBound(frozenset(), roots, config.late_bind == "all", config.dynamic_class)


def _show_compiled(path: Path, *, context: int | None, lowered: bool) -> int:
    """Print the instructions of what changes in a compiled file; all of them if `context` is None."""
    import difflib

    from dyntransform.compiled.listing import advice, changed
    from dyntransform.compiled.rewriting import rewrite
    from dyntransform.console import show_source
    from dyntransform.importing.compiling import load_code
    from dyntransform.transform.decide import Options

    data = read_file(path)
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
        print(
            f"{path}: no class gains a base, and no name is imported from the project that is late bound: "
            "it runs as it is",
            file=sys.stderr,
        )
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

"""The command line.

python -m dyntransform [options] main.py ARGS...    run a program, and apply edits while it runs
python -m dyntransform [options] -m module ARGS...  the same for a module, of the project or not
python -m dyntransform build SRC... -o OUT          rewrite ahead of time: a tree that runs without the rewriter
python -m dyntransform compile SRC...               fill the cache ahead of a start: the first one is warm, too
python -m dyntransform show FILE                    print what a file is rewritten to
python -m dyntransform plan FILE                    print what saving a file would do to a program that runs it
python -m dyntransform clean [DIR]...               remove the compiled code of rewritten modules
python -m dyntransform enable                       install the hook in processes that find DYNTRANSFORM_ROOTS
python -m dyntransform disable                      do so no more
"""

from __future__ import annotations

import os
import sys

from dyntransform.errors import DyntransformError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from dyntransform.reloading.model.report import Report

__all__ = ["main"]

_COMMANDS = {
    "build": "build",
    "clean": "upkeep",
    "compile": "compile",
    "disable": "upkeep",
    "enable": "upkeep",
    "plan": "plan",
    "show": "show",
}
"""The module of each command."""

_WITH_VALUE = ("--root", "--exclude")
_ELSEWHERE = {
    "-": "a program from standard input has no file that could be edited; run it with python alone",
    "-c": "a program from the command line has no file that could be edited; run it with python alone",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says.

    Args:
        arguments: the command line without the program's name; ``sys.argv[1:]`` if None.

    Raises:
        SystemExit: that is done, or could not be done; or the program ended that way.
        BaseException: what the program raises.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words and words[0] in _COMMANDS:
            sys.exit(_command(words[0], words[1:]))
        if words:
            _check_word(words[0])
        start = _prepare(words[1:] if words[:1] == ["run"] else words)
    except DyntransformError as problem:
        sys.exit(f"dyntransform: {problem}")
    start()


def _command(name: str, words: list[str]) -> int:
    import importlib

    module = importlib.import_module(f"dyntransform.commands.{_COMMANDS[name]}")
    try:
        code: int = getattr(module, name)(words)
        sys.stdout.flush()
    except BrokenPipeError:  # what reads the output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _check_word(word: str) -> None:
    """Tell a mistyped command from the name of a program, which would have a suffix or a folder, or be there."""
    if word == "run" or not word.isalpha() or os.path.exists(word):
        return
    import difflib

    close = difflib.get_close_matches(word, _COMMANDS, 1)
    meant = f"did you mean {close[0]}?" if close else f"the commands are {', '.join(_COMMANDS)}"
    print(f"dyntransform: {word}: no such file, and no such command; {meant}", file=sys.stderr)
    sys.exit(2)


def _prepare(words: list[str]) -> Callable[[], None]:
    """Install the hook, begin to watch, and return what runs the program."""
    own, module, rest = _split(words)
    options = _options(own)
    if module is None and not rest:
        _run_parser().error("name the program: main.py, or -m and a module")
    folder = _folder(rest[0]) if module is None else os.getcwd()
    for root in options.root:
        if not os.path.isdir(root):
            sys.exit(f"dyntransform: --root {root}: no such folder")

    from dyntransform import config, hook, running

    if not os.path.isdir(folder):
        return lambda: running.run_script(rest[0], rest[1:])  # which says that it is not there, as Python does
    settings = config.load(folder)
    roots = options.root or settings.roots or [folder]
    installed = hook.install(
        roots, [*settings.exclude, *options.exclude], late_bind=settings.late_bind, dynamic_class=settings.dynamic_class
    )
    if settings.watch and not options.no_watch:
        installed.watch(_reporter(quiet=options.quiet), wait=False)
    if module is None:
        return lambda: running.run_script(rest[0], rest[1:])
    return lambda: running.run_module(module, rest)


def _folder(script: str) -> str:
    return script if os.path.isdir(script) else os.path.dirname(os.path.realpath(script))


def _reporter(*, quiet: bool) -> Callable[[Report], None]:
    stream = sys.stderr  # reports are not the program's, which may collect what it writes

    def show(report: Report) -> None:
        if report.error is not None or not quiet:
            from dyntransform.console import show_report

            show_report(report, stream)

    return show


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
        if word in _ELSEWHERE:
            sys.exit(f"dyntransform: {word}: {_ELSEWHERE[word]}")
        if word == "--":
            return words[:index], None, words[index + 1 :]
        if not word.startswith("-"):
            return words[:index], None, words[index:]
        index += 2 if word in _WITH_VALUE else 1
    return words, None, []


class _Options:
    """What was asked for; argparse, which takes longer to import than the hook, fills it in where there are options."""

    def __init__(self) -> None:
        self.root: list[str] = []
        self.exclude: list[str] = []
        self.no_watch = False
        self.quiet = False


def _options(words: list[str]) -> _Options:
    options = _Options()
    if words:
        parser = _run_parser()
        _, unknown = parser.parse_known_args(words, options)
        if unknown:
            parser.error(
                f"unknown option {unknown[0]}: Python's own come before -m dyntransform, those of the program after it"
            )
    return options


def _run_parser() -> argparse.ArgumentParser:
    import argparse

    from dyntransform import __version__

    parser = argparse.ArgumentParser(
        prog="dyntransform",
        usage="%(prog)s [options] main.py ARGS...\n       %(prog)s [options] -m module ARGS...\n"
        "       %(prog)s build SRC... -o OUT [--jobs N] [--check] [--exclude GLOB]...\n"
        "       %(prog)s compile SRC... [--jobs N]\n"
        "       %(prog)s show FILE [--diff | --lowered]\n       %(prog)s plan FILE [--old FILE | --rev REVISION]\n"
        "       %(prog)s clean [DIR]...\n       %(prog)s enable | disable",
        description="Run a Python program, and apply edits of its files while it runs.",
        epilog="Settings are read from [tool.dyntransform] in pyproject.toml; options win over it. "
        "Commands have a --help of their own.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--root",
        action="append",
        default=argparse.SUPPRESS,
        metavar="DIR",
        help="folder of the project (repeatable); default: the folder of main.py, with -m the working directory",
    )
    parser.add_argument(
        "--exclude",
        action="append",
        default=argparse.SUPPRESS,
        metavar="GLOB",
        help="files that are not project code (repeatable)",
    )
    parser.add_argument("--no-watch", action="store_true", help="do not apply edits; dyntransform.reload() does")
    parser.add_argument("--quiet", action="store_true", help="print only edits that cannot be applied")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser

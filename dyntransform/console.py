"""Show people what a reload did, on the error stream."""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from dyntransform.reloading.model.report import Action, Change, Report, short_path, working_folder

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.text import Text

    from dyntransform.reloading.planning.preview import Plan

__all__ = ["module_progress", "show_plan", "show_report", "show_source"]

_MOST_LINES = 12
_MOST_FILES = 3
_MOST_FRAMES = 6
_WIDEST_NAME = 40
_OURSELVES = os.path.join(os.path.dirname(__file__), "")
_STYLES = {
    Action.REMOVED: "red",
    Action.RAN: "cyan",
    Action.RERAN: "cyan",
    Action.WAITS: "yellow",
    Action.REFUSED: "bold yellow",
}


def show_report(report: Report, stream: TextIO | None = None) -> None:
    """Print a short account of a reload; a stream that is closed is no reason to disturb the program.

    Args:
        report: what the reload did.
        stream: where to print; standard error if None.
    """
    target = stream if stream is not None else sys.stderr
    if target is None or getattr(target, "closed", False):
        return
    from rich.text import Text

    text = Text("\n").join(_error_lines(report) if report.error is not None else _lines(report))
    try:
        _console(target).print(text)
    except UnicodeEncodeError:
        _console(target).print(ascii(text.plain)[1:-1].replace("\\n", "\n"))
    except (OSError, ValueError):
        return


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True, force_jupyter=False)


def show_plan(plan: Plan, stream: TextIO | None = None) -> None:
    """Print what an edit would do.

    Args:
        plan: the steps, or the error.
        stream: where to print; standard output if None.
    """
    from rich.text import Text

    lines = list(_changes(plan.steps))
    if plan.error is not None:
        lines = [Text("could not be applied: ", "bold red")]
        lines += [
            Text(f"  {line}", "red") for line in "".join(traceback.format_exception_only(plan.error)).splitlines()
        ]
    elif not lines:
        lines = [Text("nothing would change", "dim")]
    _console(stream or sys.stdout).print(Text("\n").join(lines))


def _lines(report: Report) -> Iterator[Text]:
    from rich.text import Text

    head = Text("dyntransform ", "dim")
    head.append("reloaded ", "bold green").append(_files(report)).append(f" in {report.seconds * 1000:.1f} ms", "dim")
    yield head
    running = {(change.module, change.name) for change in report.changes if _is_running(change)}
    changes = [
        change
        for change in report.changes
        if change.action is not Action.UPDATED or (change.module, change.name) not in running
    ]
    by_importance = sorted(changes, key=lambda change: change.action not in (Action.WAITS, Action.REFUSED))
    kept = {id(change) for change in by_importance[:_MOST_LINES]}
    shown = [change for change in changes if id(change) in kept]
    yield from _changes(shown)
    if not changes:
        yield Text("  only comments or layout", "dim")
    if len(changes) > len(shown):
        yield Text(f"  and {len(changes) - len(shown)} more", "dim")


def _changes(changes: Sequence[Change]) -> Iterator[Text]:
    """Yield a line for each change; their places stand in a column."""
    width = max((len(_name(change)) for change in changes if change.place is not None), default=0)
    for change in changes:
        yield _change(change, min(width, _WIDEST_NAME))


def _is_running(change: Change) -> bool:
    return change.action is Action.WAITS and change.note == "running now"


def _name(change: Change) -> str:
    return f"{change.module}.{change.name}" if change.name else change.module


def _change(change: Change, width: int) -> Text:
    from rich.text import Text

    line = Text("  ").append(f"{change.action:<9} ", _STYLES.get(change.action, "green"))
    line.append(_name(change))
    if change.place is not None:
        line.append(f"{'':{max(width - len(_name(change)), 0)}}  {change.place}", "dim")
    if _is_running(change):
        line.append("  (running now: new code at its next call)", "yellow")
    elif change.note:
        line.append(f"  ({change.note})", "dim")
    return line


def _error_lines(report: Report) -> Iterator[Text]:
    from rich.text import Text

    head = Text("dyntransform ", "dim")
    head.append("not applied ", "bold red").append(_files(report))
    head.append(": the program goes on with the old code", "bold")
    yield head
    error = report.error
    assert error is not None
    yield from _origin(report)
    while error is not None:
        for line in "".join(traceback.format_exception_only(error)).rstrip().splitlines():
            if not (isinstance(error, SyntaxError) and line.startswith("  File ")):
                yield Text(f"  {line}", "red")
        error = error.__cause__
        if error is not None:
            yield Text("  caused by", "dim")
    for effect in report.cannot_undo:
        yield Text(f"  ran, and what it did outside of its names stays: {_short(effect)}", "yellow")


def _short(effect: str) -> str:
    """Name the file at the beginning from the working directory, if it lies below."""
    return effect.removeprefix(os.path.join(working_folder(), ""))


def _origin(report: Report) -> Iterator[Text]:
    """Yield where the error came from: the program's own frames, the last of which is the place."""
    from rich.text import Text

    assert report.error is not None
    frames = [] if isinstance(report.error, SyntaxError) else list(_frames(report.error.__traceback__))
    shown = frames if len(frames) <= _MOST_FRAMES else [*frames[:1], *frames[1 - _MOST_FRAMES :]]
    for number, (path, line, name) in enumerate(shown):
        if number == 1 and len(shown) < len(frames):
            yield Text(f"  ... {len(frames) - len(shown)} more calls", "dim")
        linecache.checkcache(path)
        yield Text("  ").append(f"{short_path(path)}:{line}", "bold").append(f" in {name}", "dim")
        source = linecache.getline(path, line).strip()
        if source:
            yield Text(f"    {source}")
    if report.place is not None and not frames:
        yield Text("  ").append(str(report.place), "bold")


def _frames(at: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    for frame, line in traceback.walk_tb(at):
        path = frame.f_code.co_filename
        if not path.startswith((_OURSELVES, "<frozen ")):
            yield path, line, frame.f_code.co_qualname


def _files(report: Report) -> str:
    names = [short_path(path) for path in report.files]
    shown = ", ".join(names[:_MOST_FILES])
    return shown if len(names) <= _MOST_FILES else f"{shown} and {len(names) - _MOST_FILES} more"


def show_source(text: str, lexer: str, stream: TextIO | None = None) -> None:
    """Print source text: in colours on a terminal, byte for byte elsewhere.

    Args:
        text: the text.
        lexer: its language, as Pygments names it.
        stream: where to print; standard output if None.
    """
    target = stream if stream is not None else sys.stdout
    if not target.isatty():
        target.write(text)
        return
    from rich.syntax import Syntax

    _console(target).print(Syntax(text, lexer, background_color="default"))


@contextlib.contextmanager
def module_progress(total: int, doing: str = "building") -> Iterator[Callable[[], object]]:
    """Show how many modules are done, on the error stream if that is a terminal.

    Args:
        total: how many there are.
        doing: what is done to them.

    Yields:
        What is to be called after each.
    """
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_console(sys.stderr), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)

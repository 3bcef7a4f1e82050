"""Show people what a reload did, on the error stream."""

from __future__ import annotations

import contextlib
import linecache
import sys
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from dyntransform.reloading.report import Action, Change, Report, short_path

if TYPE_CHECKING:
    from rich.text import Text

    from dyntransform.reloading.plan import Plan

__all__ = ["show_plan", "show_report", "show_source"]

_MOST_LINES = 12
_MOST_FILES = 3
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
    if target is None or target.closed:
        return
    from rich.console import Console
    from rich.text import Text

    text = Text("\n").join(_error_lines(report) if report.error is not None else _lines(report))
    with contextlib.suppress(OSError, ValueError):
        Console(file=target, highlight=False, soft_wrap=True).print(text)


def show_plan(plan: Plan, stream: TextIO | None = None) -> None:
    """Print what an edit would do.

    Args:
        plan: the steps, or the error.
        stream: where to print; standard output if None.
    """
    from rich.console import Console
    from rich.text import Text

    lines = [_change(step) for step in plan.steps]
    if plan.error is not None:
        lines = [Text("could not be applied: ", "bold red")]
        lines += [
            Text(f"  {line}", "red") for line in "".join(traceback.format_exception_only(plan.error)).splitlines()
        ]
    elif not lines:
        lines = [Text("nothing would change", "dim")]
    Console(file=stream or sys.stdout, highlight=False, soft_wrap=True).print(Text("\n").join(lines))


def _lines(report: Report) -> Iterator[Text]:
    from rich.text import Text

    head = Text("dyntransform ", "dim")
    head.append("reloaded ", "bold green").append(_files(report)).append(f" in {report.seconds * 1000:.1f} ms", "dim")
    yield head
    by_importance = sorted(report.changes, key=lambda change: change.action not in (Action.WAITS, Action.REFUSED))
    shown = by_importance[:_MOST_LINES]
    for change in report.changes:
        if change in shown:
            yield _change(change)
    if len(report.changes) > len(shown):
        yield Text(f"  and {len(report.changes) - len(shown)} more", "dim")


def _change(change: Change) -> Text:
    from rich.text import Text

    line = Text("  ").append(f"{change.action:<9} ", _STYLES.get(change.action, "green"))
    line.append(f"{change.module}.{change.name}" if change.name else change.module)
    if change.place is not None:
        line.append(f"  {change.place}", "dim")
    if change.action is Action.WAITS and change.note == "running now":
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
    if report.place is not None:
        yield Text("  ").append(str(report.place), "bold")
        line = _line(report)
        if line and not isinstance(error, SyntaxError):
            yield Text(f"    {line}")
    for line in "".join(traceback.format_exception_only(error)).rstrip().splitlines():
        if not (isinstance(error, SyntaxError) and line.startswith("  File ")):
            yield Text(f"  {line}", "red")
    for effect in report.cannot_undo:
        yield Text(f"  ran, and what it did outside of its names stays: {effect}", "yellow")


def _line(report: Report) -> str:
    assert report.place is not None
    linecache.checkcache(report.place.path)
    return linecache.getline(report.place.path, report.place.line).strip()


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
    from rich.console import Console
    from rich.syntax import Syntax

    Console(file=target).print(Syntax(text, lexer, background_color="default"))

"""What a reload did: plain values that can be printed, compared and tested."""

from __future__ import annotations

import dataclasses
import enum
import os
import traceback

__all__ = ["Action", "Change", "Place", "ReloadEvent", "Report", "short_path", "working_folder"]


class Action(enum.StrEnum):
    """What was done to one definition or statement; the value is the word shown to people."""

    UPDATED = "updated"
    """A live function or class took the new code in place."""
    ADDED = "added"
    """A name that did not exist before."""
    REMOVED = "removed"
    """A name that the new source no longer defines."""
    RAN = "ran"
    """A new or edited statement was executed."""
    RERAN = "ran again"
    """An unchanged statement was executed again, because a value it reads changed."""
    REBOUND = "rebound"
    """A name imported with ``from`` received the new value."""
    LOADED = "loaded"
    """A module was imported for the first time by the edit."""
    WAITS = "waits"
    """Correct, but not in effect yet: `Change.note` says what it waits for."""
    REFUSED = "refused"
    """Could not take effect: `Change.note` says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Place:
    """A line of a source file."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{short_path(self.path)}:{self.line}"


@dataclasses.dataclass(frozen=True)
class Change:
    """One thing that a reload did.

    Attributes:
        module: dotted name of the module.
        name: qualified name of the definition (``Class.method``), or the names a statement binds.
        action: what was done.
        place: where the new source has it; None for what was removed.
        note: why, or what it waits for; empty if the action says it all.
    """

    module: str
    name: str
    action: Action
    place: Place | None = None
    note: str = ""

    def __str__(self) -> str:
        text = f"{self.action} {self.module}.{self.name}" if self.name else f"{self.action} {self.module}"
        if self.note:
            text += f" ({self.note})"
        return text


@dataclasses.dataclass(frozen=True)
class Report:
    """The outcome of one reload.

    Attributes:
        changes: what was done, in order; empty after an edit that failed.
        error: the exception that made the edit be undone, or None.
        place: file and line of that error, where it is known.
        files: paths of the files that differed from what was running.
        seconds: how long the reload took, in seconds.
        cannot_undo: after a failed edit, statements that had run and whose outside effects remain.
    """

    changes: tuple[Change, ...] = ()
    error: BaseException | None = None
    place: Place | None = None
    files: tuple[str, ...] = ()
    seconds: float = 0.0
    cannot_undo: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.files)

    @property
    def waits(self) -> tuple[Change, ...]:
        """The changes that are not in effect yet, or could not take effect."""
        return tuple(c for c in self.changes if c.action in (Action.WAITS, Action.REFUSED))

    def __str__(self) -> str:
        names = ", ".join(short_path(path) for path in self.files)
        took = f"{self.seconds * 1000:.1f} ms"
        if self.error is not None:
            where = f" at {self.place}" if self.place else ""
            what = "".join(traceback.format_exception_only(self.error)).strip()
            about = f": {names}" if names else ""
            lines = [f"not applied{about}{where}: the program goes on with the code it had", what]
            lines += [f"cannot be taken back: {effect}" for effect in self.cannot_undo]
            return "\n".join(lines)
        if not self.files:
            return "nothing to reload"
        lines = [f"reloaded {names} in {took}"]
        lines += [f"  {change}" for change in self.changes]
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class ReloadEvent:
    """What the hooks of a module are called with.

    Attributes:
        module: dotted name of the module.
        path: its file.
        report: what was done, for `after_reload`; None for `before_reload`.
    """

    module: str
    path: str
    report: Report | None = None


def short_path(path: str) -> str:
    """Name the file from the working directory, if it lies below."""
    folder = working_folder()
    relative = os.path.relpath(path, folder) if folder else path
    return path if relative.startswith("..") else relative


def working_folder() -> str:
    """Return the working directory; empty if somebody has removed it, which is no reason not to report."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""

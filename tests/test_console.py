"""Reports for people: short, exact, and in colours only where these are wanted."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dyntransform import Action, Change, Place, Report
from dyntransform.console import show_report, show_source
from dyntransform.reloading.model.report import short_path


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, and no wishes about colours."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return tmp_path


def shown(report: Report) -> list[str]:
    """Return the lines of a report on a stream that is no terminal."""
    stream = io.StringIO()
    show_report(report, stream)
    return stream.getvalue().splitlines()


def test_changes(here: Path) -> None:
    """One line for each change, with its place; places stand in a column."""
    path = str(here / "pkg" / "m.py")
    changes = (
        Change("pkg.m", "LIMIT", Action.RAN, Place(path, 3)),
        Change("other", "LIMIT", Action.REBOUND, None, "from pkg.m"),
        Change("pkg.m", "Long.method", Action.UPDATED, Place(path, 14)),
        Change("pkg.m", "f", Action.REMOVED),
        Change("new", "", Action.LOADED),
        Change("pkg.m", "g", Action.REFUSED, Place(path, 20), "why, and what to do"),
    )
    assert shown(Report(changes, files=(path,), seconds=0.01234)) == [
        "dyntransform reloaded pkg/m.py in 12.3 ms",
        "  ran       pkg.m.LIMIT        pkg/m.py:3",
        "  rebound   other.LIMIT  (from pkg.m)",
        "  updated   pkg.m.Long.method  pkg/m.py:14",
        "  removed   pkg.m.f",
        "  loaded    new",
        "  refused   pkg.m.g            pkg/m.py:20  (why, and what to do)",
    ]


def test_comments(here: Path) -> None:
    """An edit that changed no definition and no statement says so."""
    assert shown(Report(files=(str(here / "m.py"),)))[1:] == ["  only comments or layout"]


def test_running_function(here: Path) -> None:
    """A function that is running now is told of once, with what it waits for."""
    place = Place(str(here / "m.py"), 1)
    changes = (Change("m", "f", Action.UPDATED, place), Change("m", "f", Action.WAITS, place, "running now"))
    assert shown(Report(changes, files=(place.path,)))[1:] == [
        "  waits     m.f  m.py:1  (running now: new code at its next call)"
    ]


def test_many(here: Path) -> None:
    """Of many files and changes the first are shown, and how many more; what did not take effect always."""
    files = tuple(str(here / f"m{number}.py") for number in range(50))
    changes = [Change(f"m{number}", "f", Action.UPDATED, Place(files[number], 1)) for number in range(50)]
    changes.append(Change("m49", "g", Action.REFUSED, Place(files[49], 2), "why"))
    lines = shown(Report(tuple(changes), files=files))
    assert lines[0].startswith("dyntransform reloaded m0.py, m1.py, m2.py and 47 more in ")
    assert len(lines) == 14
    assert lines[-2:] == ["  refused   m49.g  m49.py:2  (why)", "  and 39 more"]


def test_files_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file that is not below the working directory has its whole path."""
    path = str(tmp_path_factory.mktemp("elsewhere") / "m.py")
    assert shown(Report(files=(path,)))[0].startswith(f"dyntransform reloaded {path} in ")


def failure(here: Path, source: str) -> Report:
    """Return the report of an edit to m.py that fails when it is executed."""
    path = here / "m.py"
    path.write_text(source)
    try:
        exec(compile(source, str(path), "exec"), {})
    except BaseException as error:  # noqa: BLE001 - whatever the program raises
        line = error.lineno if isinstance(error, SyntaxError) else 1
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        return Report(error=error, place=Place(str(path), line or 1), files=(str(path),), cannot_undo=(f"{path}:1: x",))
    raise AssertionError(source)


def test_syntax_error(here: Path) -> None:
    """A syntax error has its place, its line and the caret."""
    assert shown(failure(here, "x = 1\ndef f(:\n    pass\n"))[:5] == [
        "dyntransform not applied m.py: the program goes on with the old code",
        "  m.py:2",
        "      def f(:",
        "            ^",
        "  SyntaxError: invalid syntax",
    ]


def test_error_while_it_runs(here: Path) -> None:
    """An error has the frames of the program, the cause, and what cannot be taken back."""
    source = (
        "def check(f):\n    try:\n        {}['a']\n    except KeyError as error:\n"
        "        raise ValueError('bad') from error\n@check\ndef g(): pass\n"
    )
    assert shown(failure(here, source)) == [
        "dyntransform not applied m.py: the program goes on with the old code",
        "  m.py:6 in <module>",
        "    @check",
        "  m.py:5 in check",
        "    raise ValueError('bad') from error",
        "  ValueError: bad",
        "  caused by",
        "  KeyError: 'a'",
        "  ran, and what it did outside of its names stays: m.py:1: x",
    ]


def test_deep_error(here: Path) -> None:
    """Of many frames the first and the last are shown."""
    lines = shown(failure(here, "def f(n): return f(n - 1) if n else 1 / 0\nf(30)\n"))
    assert lines[1:4] == ["  m.py:2 in <module>", "    f(30)", "  ... 26 more calls"]
    assert lines.count("  m.py:1 in f") == 5


def test_colours(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colours, unless NO_COLOR is set; text is never read as markup."""
    report = Report((Change("m", "[red]f", Action.UPDATED, note=":smile: [/]"),), files=(str(here / "m.py"),))
    terminal = Terminal()
    show_report(report, terminal)
    assert "\x1b[" in terminal.getvalue()
    assert "[red]f" in terminal.getvalue()
    assert ":smile: [/]" in terminal.getvalue()
    assert not any("\x1b" in line for line in shown(report))
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    show_report(report, terminal)
    assert "\x1b[3" not in terminal.getvalue()


def test_long_lines(here: Path) -> None:
    """A line is not folded, so that it can be searched and copied."""
    note = "word " * 100 + "end"
    assert shown(Report((Change("m", "f", Action.REFUSED, note=note),), files=(str(here / "m.py"),)))[1].endswith(
        "end)"
    )


def test_narrow_encoding(here: Path) -> None:
    """A stream that cannot show a character gets the rest."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    show_report(Report((Change("m", "größe", Action.UPDATED),), files=(str(here / "m.py"),)), stream)
    stream.flush()
    assert b"gr\\xf6\\xdfe" in raw.getvalue()


def test_stream_that_is_gone(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an error stream nothing is shown, and nothing is raised."""
    report = Report(files=(str(here / "m.py"),))
    closed = io.StringIO()
    closed.close()
    show_report(report, closed)
    monkeypatch.setattr("sys.stderr", None)
    show_report(report)


def test_source() -> None:
    """Source text is byte for byte the same where it goes to no terminal, and coloured where it does."""
    text = "x = '[red]'\t# \u00e4\n"
    stream = io.StringIO()
    show_source(text, "python", stream)
    assert stream.getvalue() == text
    terminal = Terminal()
    show_source(text, "python", terminal)
    assert "\x1b[" in terminal.getvalue()


def test_without_a_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named in full where somebody has removed the working directory."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    assert short_path(str(gone / "m.py")) == "m.py"
    gone.rmdir()
    assert short_path(str(gone / "m.py")) == str(gone / "m.py")
    stream = io.StringIO()
    effects = (f"{gone}/m.py:1: send()",)
    show_report(Report(error=ValueError("no"), files=(str(gone / "m.py"),), cannot_undo=effects), stream)
    assert effects[0] in stream.getvalue()

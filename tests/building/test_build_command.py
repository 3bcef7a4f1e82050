"""``dyntransform build`` on the command line."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from built import PROJECT, TIMEOUT_S, write
from side_by_side import ours


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the sources in ``src``."""
    write(tmp_path / "src", PROJECT)
    return tmp_path


def test_build_and_check(project: Path) -> None:
    """A build says what it did; the check is silent, or tells the differences with exit code 1."""
    got = ours(project, ["build", "src", "-o", "out", "--check"])
    assert (got.code, got.output) == (1, "")
    assert got.errors == "out is not what the sources would give; build it again\n  it was not built yet\n"
    got = ours(project, ["build", "src", "-o", "out", "--jobs", "2"])
    assert (got.code, got.errors) == (0, "")
    assert got.output.startswith("out: 4 modules built, 1 file copied, 0 kept, 0 removed in ")
    got = ours(project, ["build", "src", "-o", "out"])
    assert got.output.startswith("out: nothing to do, 5 files as built")
    got = ours(project, ["build", "src", "-o", "out", "--check"])
    assert (got.code, got.output, got.errors) == (0, "", "")
    write(project, {"src/shop/note.txt": "hello"})
    got = ours(project, ["build", "src", "-o", "out", "--check"])
    assert (got.code, got.output) == (1, "")
    assert got.errors.endswith(f"\n  shop/note.txt: {project / 'src/shop/note.txt'} was changed\n")


def test_errors(project: Path) -> None:
    """Modules that are not valid Python are told as Python does, without a traceback, and nothing is written."""
    write(project, {"src/a.py": "x = (\n", "src/b.py": "y = )\n"})
    got = ours(project, ["build", "src", "-o", "out"])
    assert (got.code, got.output) == (1, "")
    assert got.errors.startswith("dyntransform: 2 modules cannot be built; nothing was written: ")
    assert f'File "{project / "src/a.py"}", line 1\n    x = (\n        ^\nSyntaxError: ' in got.errors
    assert "Traceback" not in got.errors
    assert sorted(path.name for path in project.iterdir()) == ["src"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["src"], "the following arguments are required: -o/--out"),
        (["src", "-o", "out", "--jobs", "0"], "argument --jobs: 0: a number, at least 1"),
        (["src", "-o", "out", "--jobs", "all"], "argument --jobs: all: a number, at least 1"),
        (["src", "-o", "src"], "src lies in"),
        (["nope", "-o", "out"], "dyntransform: nope: no such file or folder"),
    ],
)
def test_refusals(project: Path, arguments: list[str], words: str) -> None:
    """What cannot be done is said in a sentence."""
    got = ours(project, ["build", *arguments])
    assert got.code in (1, 2)
    assert words in got.errors
    assert "Traceback" not in got.errors


def test_working_directory_in_the_tree(project: Path) -> None:
    """Who stands in the tree is told that it is another folder now."""
    assert ours(project, ["build", "src", "-o", "out"]).code == 0
    got = ours(project / "out", ["build", "../src", "-o", "."])
    assert got.output.startswith(".: nothing to do")
    assert len(got.output.splitlines()) == 1
    write(project, {"src/shop/note.txt": "other"})
    got = ours(project / "out", ["build", "../src", "-o", "../out"])
    assert got.output.splitlines()[1:] == [
        "the working directory is the tree that was there before: change to it again, as with cd ."
    ]
    assert (project / "out/shop/note.txt").read_text() == "other"


def test_settings(project: Path) -> None:
    """The settings of the project hold, and patterns of the command line are added to them."""
    settings = '[tool.dyntransform]\nexclude = ["shop/basket.py"]\nlate_bind = "all"\n'
    write(project, {"src/pyproject.toml": settings, "src/uses.py": "from json import loads\nclass A: pass\n"})
    got = ours(project, ["build", "src", "-o", "out", "--exclude", "main.py"])
    assert got.errors == "main.py: copied as it is: excluded\nshop/basket.py: copied as it is: excluded\n"
    assert (project / "out/main.py").read_bytes() == (project / "src/main.py").read_bytes()
    assert '_dyn_lookup("json", "loads", loads)' in (project / "out/uses.py").read_text()


def test_progress_on_a_terminal(project: Path) -> None:
    """A terminal shows how many modules were built; the line is gone at the end."""
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dyntransform", "build", "src", "-o", "out"],
        cwd=project,
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(terminal)
    shown = b""
    while select.select([master], [], [], 30)[0]:
        try:
            shown += os.read(master, 4096)
        except OSError:  # the other end is closed
            break
    os.close(master)
    assert process.wait() == 0
    assert b"building" in shown
    assert b"4/4" in shown


def test_interrupt(project: Path) -> None:
    """An interrupt from the keyboard ends a build without a trace: no traceback, no file, no process."""
    text = "".join(f"def f{n}():\n    from shop.prices import VAT\n    return VAT * {n}\n\n\n" for n in range(600))
    write(project, {f"src/m{n}.py": text for n in range(8)})
    process = subprocess.Popen(
        [sys.executable, "-m", "dyntransform", "build", "src", "-o", "out", "--jobs", "2"],
        cwd=project,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + TIMEOUT_S
    while not list(project.glob(".out.*/m*.py")):
        assert process.poll() is None
        assert time.monotonic() < deadline
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert errors == "dyntransform: interrupted; nothing was written\n"
    assert process.returncode == 130
    assert sorted(path.name for path in project.iterdir()) == ["src"]


def test_refusals_of_the_system(project: Path) -> None:
    """What the operating system does not allow is said in a sentence, with the place and what to do."""
    write(project, {"src/a.txt": ""})
    got = ours(project, ["build", "src", "-o", "src/a.txt/out"])
    assert (got.code, got.output) == (1, "")
    place = project / "src/a.txt"
    assert got.errors == (
        f"dyntransform: {place}: Not a directory: a tree is written beside {place / 'out'}; "
        "name a place that can be written to\n"
    )

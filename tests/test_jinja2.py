"""A library that nobody here wrote, as the project: jinja2, edited while a loop renders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from live import Program, replace, running

LOOP = """\
import sys, time
sys.path.insert(0, "sources")
import jinja2

old = jinja2.Environment()
greeting = old.from_string("{{ text | title }}")
print("from", jinja2.__file__)
while True:
    fresh = jinja2.Environment()
    text = fresh.from_string("{{ name }} and [[ name ]]").render(name="x")
    print(f"{greeting.render(text='hello world')} | {text}", flush=True)
    time.sleep(0.02)
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """An unpacked copy of jinja2's sources."""
    package = tmp_path / "sources" / "jinja2"
    shutil.copytree(Path(jinja2.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "loop.py").write_text(LOOP)
    return package


@pytest.fixture
def program(sources: Path) -> Iterator[Program]:
    """The loop, with jinja2 as a root."""
    folder = sources.parents[1]
    with running(folder, ["--root", "sources", "--root", ".", "loop.py"]) as started:
        assert str(folder) in started.until("from")
        started.until("Hello World | x and [[ name ]]")
        yield started


def test_filter_body(sources: Path, program: Program) -> None:
    """The body of a filter changes the output of templates compiled before."""
    replace(
        sources / "filters.py",
        "item[0].upper() + item[1:].lower()",
        'item[0].upper() + item[1:].lower().replace("l", "L")',
    )
    program.until("reloaded")
    program.until("HeLLo WorLd | x and [[ name ]]")


def test_constant(sources: Path, program: Program) -> None:
    """A constant that is a default argument in another module, imported there with from, changes new environments."""
    replace(sources / "defaults.py", 'VARIABLE_START_STRING = "{{"', 'VARIABLE_START_STRING = "[["')
    replace(sources / "defaults.py", 'VARIABLE_END_STRING = "}}"', 'VARIABLE_END_STRING = "]]"')
    program.until("Hello World | {{ name }} and x")


def test_broken_syntax(sources: Path, program: Program) -> None:
    """Broken syntax changes nothing, and its place is printed; the correction is applied."""
    replace(sources / "filters.py", "def do_title(s: str) -> str:", "def do_title(s: str -> str:")
    program.until("not applied")
    program.until("filters.py:")
    program.until("Hello World | x")
    replace(sources / "filters.py", "def do_title(s: str -> str:", "def do_title(s: str) -> str:")
    replace(sources / "filters.py", "item[0].upper() + item[1:].lower()", "item.upper()")
    program.until("HELLO WORLD | x")

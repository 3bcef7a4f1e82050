"""The documentation is true: every block of code in it is run, and its lists are those of the code.

A page is a session in a folder of its own; its fenced blocks are done in order. The words after the language, which
readers do not see, say what a block is:

``python``                runs; all such blocks of a page share one namespace
``text output``           what the ``python`` block before it printed
``LANGUAGE file=NAME``    is written to that file: one of the example; a story is played
``diff edit=NAME``        an edit of that file: lines with ``-`` become those with ``+``, others are the same in both
``console``               after each ``$`` a command, then what it prints
``console live``          the same for a program that goes on until the page ends or the next one is started
``text live``             what that program prints next
``text``                  for the reader alone; ``sh``, ``toml`` and ``mermaid`` blocks without a file too

In expected output ``...`` stands for anything, and milliseconds are not compared. Of a program that goes on those lines
count that are shown, in their order.
"""

from __future__ import annotations

import contextlib
import dataclasses
import doctest
import inspect
import io
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live import Program
from markdown_it import MarkdownIt

import dyntransform
from dyntransform.config import Config

ROOT = Path(__file__).parents[1]
PAGES = {str(path.relative_to(ROOT)): path for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}
REFERENCE = ROOT / "docs" / "reference.md"
STORY = Path(__file__).with_name("story.py")
TIMEOUT_S = 120
RUN = {("python",), ("console",), ("console", "live"), ("text", "output"), ("text", "live")}
READ = {("text",), ("sh",), ("toml",), ("mermaid",)}


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block: its language and the words after it, its text, and the line of the page it begins on."""

    words: tuple[str, ...]
    text: str
    line: int

    def argument(self, name: str) -> str:
        """Return the file that the block is for; empty if there is none."""
        return next((word.removeprefix(name + "=") for word in self.words if word.startswith(name + "=")), "")

    @property
    def is_file(self) -> bool:
        """Whether it is a file, or an edit of one."""
        return bool(self.argument("file") or self.argument("edit"))


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "fence":
            assert token.map is not None
            yield Block(tuple(token.info.split()), token.content, token.map[0] + 1)


class Session:
    """A page that is being done, in the working directory."""

    def __init__(self, page: Path) -> None:
        self._page = page
        self._namespace: dict[str, Any] = {"__name__": "__main__"}
        self._printed = ""
        self._program: Program | None = None
        scripts = sysconfig.get_path("scripts")
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "PATH": os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)]),
            "PYTHONUNBUFFERED": "1",
            "COLUMNS": "120",
        }

    def run(self, block: Block) -> None:
        """Do one block."""
        if block.argument("file"):
            _save(Path(block.argument("file")), block.text)
            if block.argument("file").endswith(".txtar"):
                _play(Path(block.argument("file")))
        elif block.argument("edit"):
            _edit(Path(block.argument("edit")), block.text.splitlines(keepends=True))
        elif block.words == ("python",):
            self._python(block)
        elif block.words == ("text", "output"):
            _same(block.text, self._printed)
        elif block.words == ("console",):
            for command, expected in _commands(block.text):
                _same(expected, self._finished(command))
        elif block.words == ("console", "live"):
            ((command, expected),) = _commands(block.text)
            self._start(command)
            self._follow(expected)
        elif block.words == ("text", "live"):
            self._follow(block.text)

    def _python(self, block: Block) -> None:
        text = "\n" * block.line + block.text
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(text, str(self._page), "exec"), self._namespace)
        self._printed = printed.getvalue()

    def _finished(self, command: str) -> str:
        done = subprocess.run(
            command,
            shell=True,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return done.stdout

    def _start(self, command: str) -> None:
        self.stop()
        process = subprocess.Popen(
            command.split(),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._program = Program(process)

    def _follow(self, expected: str) -> None:
        assert self._program is not None, "no program is running"
        for line in expected.splitlines():
            if line != "...":
                try:
                    self._program.until(lambda seen, line=line: _alike(line, seen))
                except AssertionError as problem:
                    problem.add_note(f"it should have printed: {line}")
                    raise

    def stop(self) -> None:
        """End the program that is running."""
        if self._program is not None:
            self._program.process.kill()
            self._program.process.wait()
            assert self._program.process.stdout is not None
            self._program.process.stdout.close()
            self._program = None


def _save(file: Path, text: str) -> None:
    """Write a file as an editor does that saves by renaming."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


def _edit(file: Path, lines: list[str]) -> None:
    """Replace the lines of a file that a diff takes away by those that it adds."""
    text = file.read_text(encoding="utf-8")
    old = "".join(line[1:] for line in lines if not line.startswith("+"))
    new = "".join(line[1:] for line in lines if not line.startswith("-"))
    assert text.count(old) == 1, f"{file} has these lines {text.count(old)} times:\n{old}"
    _save(file, text.replace(old, new))


def _play(story: Path) -> None:
    done = subprocess.run([sys.executable, STORY, story], timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, f"{story} does not hold"


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a console block, and what each prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def _alike(expected: str, seen: str) -> bool:
    expected, seen = (
        re.sub(r"\d+\.\d ms", "N ms", text.replace(os.getcwd(), "/home/you")) for text in (expected, seen)
    )
    return doctest.OutputChecker().check_output(expected + "\n", seen + "\n", doctest.ELLIPSIS)


def _same(expected: str, seen: str) -> None:
    assert _alike(expected, seen), f"expected:\n{expected}\nprinted:\n{seen}"


# ---------------------------------------------------------------------- tests


@pytest.mark.parametrize("name", PAGES)
def test_page(name: str, tmp_path: Path) -> None:
    """Every block of the page does what the page says."""
    done = subprocess.run(
        [sys.executable, "-W", "error", __file__, str(PAGES[name])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", PAGES)
def test_blocks_say_what_they_are(name: str) -> None:
    """A block that nothing runs is one that is meant to be read only."""
    unknown = [block for block in blocks(PAGES[name]) if not block.is_file and block.words not in RUN | READ]
    assert unknown == []


@pytest.mark.parametrize("name", [*PAGES, "CHANGELOG.md"])
def test_links(name: str) -> None:
    """Links within the documentation lead to a file, and to a heading of it."""
    page = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name}: {target}"
        assert not anchor or anchor in {_anchor(heading) for heading in _headings(file)}, f"{name}: {target}"


def test_reference_of_names() -> None:
    """Every public name has a heading in the reference, with the signature that it has."""
    headings = dict(re.match(r"`?([\w.]+)(.*?)`?$", heading).groups() for heading in _headings(REFERENCE))  # type: ignore[union-attr]
    for name in dyntransform.__all__:
        assert name in headings, f"the reference has no heading for {name}"
        value = getattr(dyntransform, name)
        if inspect.isfunction(value):
            assert headings[name] == _signature(value), name


def test_reference_of_members() -> None:
    """Every action, setting, public method, attribute and option is in the reference."""
    text = REFERENCE.read_text(encoding="utf-8")
    members = [f"`Action.{action.name}`" for action in dyntransform.Action]
    members += [f"`{name}`" for name in Config.__slots__]
    for record in (dyntransform.Report, dyntransform.Change, dyntransform.Place):
        members += [f"`{field.name}`" for field in dataclasses.fields(record)]
    for cls in (dyntransform.Hook, dyntransform.DynamicModeExecutor):
        methods = (name for name, value in vars(cls).items() if not name.startswith("_") and inspect.isfunction(value))
        members += [f"`{name}{_signature(getattr(cls, name))}`" for name in methods]
    assert [member for member in members if member not in text] == []


def _signature(value: Any) -> str:
    signature = inspect.signature(value)
    parameters = [
        parameter.replace(annotation=parameter.empty)
        for name, parameter in signature.parameters.items()
        if name != "self"
    ]
    return str(signature.replace(parameters=parameters, return_annotation=signature.empty))


def _prose(page: Path) -> str:
    tokens = MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8"))
    return "\n".join(token.content for token in tokens if token.type == "inline")


def _headings(page: Path) -> list[str]:
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    return [tokens[index + 1].content for index, token in enumerate(tokens) if token.type == "heading_open"]


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def main(page: Path) -> None:
    """Do a page in the working directory."""
    sys.path.insert(0, os.getcwd())
    session = Session(page)
    try:
        for block in blocks(page):
            try:
                session.run(block)
            except BaseException as problem:
                problem.add_note(f"{page}:{block.line}: this block")
                raise
    finally:
        session.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Stories: small projects that are edited while they run (fixtures/scenarios).

A story is a txtar file: ``key: value`` lines, then files, each after a line ``-- path --``. Files named ``@N/path`` are
what the N-th edit writes, ``@N/-path`` is a file it removes. ``main.py`` is imported as a module of the project, and
its ``run(step)`` must return; ``step()`` makes the next edit and reloads, ``step(expect_error=True)`` makes one that
must fail.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import importlib
import importlib.util
import io
import json
import logging
import marshal
import os
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any


@dataclasses.dataclass
class Story:
    """A parsed story: its project, and the files of each edit; None for one that is removed."""

    path: Path
    title: str = ""
    tags: tuple[str, ...] = ()
    compiled: tuple[str, ...] = ()
    """Files that are there as .pyc files alone."""
    written: bool = False
    """Its files are those of a built tree."""
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    edits: dict[int, dict[str, str | None]] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Story:
        """Parse a file."""
        story = cls(path)
        for name, text in _sections(path.read_text(encoding="utf-8")):
            if name is None:
                head = dict(line.partition(":")[::2] for line in text.splitlines() if ":" in line)
                story.title = head.get("title", "").strip()
                story.tags = tuple(head.get("tags", "").split())
                story.compiled = tuple(head.get("pyc", "").split())
            elif name.startswith("@"):
                number, _, file = name[1:].partition("/")
                removed = file.startswith("-")
                story.edits.setdefault(int(number), {})[file.removeprefix("-")] = None if removed else text
            else:
                story.files[name] = text
        return story

    def skipped(self) -> str:
        """Return why this interpreter cannot play the story; empty if it can."""
        for tag in self.tags:
            if tag.startswith("python>=") and sys.version_info < tuple(
                map(int, tag.removeprefix("python>=").split("."))
            ):
                return f"needs {tag}"
        return ""

    @property
    def _is_about_source(self) -> bool:
        told = "".join(text or "" for files in (self.files, *self.edits.values()) for text in files.values())
        return bool({"fidelity", "source"} & set(self.tags)) or any(word in told for word in _ABOUT_SOURCE)

    def without_source(self) -> Story | None:
        """Return the same story of modules that are compiled, all but main.py; None if it is about source text."""
        names = {name for files in (self.files, *self.edits.values()) for name in files if name.endswith(".py")}
        if self._is_about_source or names == {"main.py"}:
            return None
        texts = [text for files in self.edits.values() for name, text in files.items() if name in names]
        if not all(text is None or _is_valid(text) for text in texts):
            return None
        return dataclasses.replace(self, compiled=tuple(sorted(names - {"main.py"})))

    def as_built(self) -> Story | None:
        """Return the same story of a tree that is built anew for each edit; None if it is about source text."""
        if self.compiled or self._is_about_source:
            return None
        return dataclasses.replace(self, written=True)

    def play(self) -> None:
        """Play the story in this process, which should be a fresh one."""
        import dyntransform

        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder).resolve()
            os.chdir(root)
            sys.path.insert(0, str(root))
            now = int(time.time()) - 1000
            for name, text in self.files.items():
                self._write(root, name, text, now)
            dyntransform.install(roots=[root])
            made = 0

            def step(*, expect_error: bool = False) -> SimpleNamespace:
                nonlocal made
                made += 1
                for name, text in self.edits[made].items():
                    self._write(root, name, text, now + 10 * made)
                output = io.StringIO()
                with _recorded(output):
                    error = dyntransform.reload().error
                if error is not None and not expect_error:
                    message = f"edit {made} could not be applied: {error!r}"
                    raise AssertionError(message) from error
                return SimpleNamespace(
                    error=None if error is None else f"{type(error).__name__}: {error}", text=output.getvalue()
                )

            run: Callable[[Any], None] = __import__("main").run
            run(step)
            os.chdir("/")

    def _write(self, root: Path, name: str, text: str | None, modified: int) -> None:
        if name not in self.compiled:
            if self.written and text is not None and name.endswith(".py") and _is_valid(text):
                text = self._rewritten(text)
            _write(root / name, text, modified)
            return
        compiled = (root / name).with_suffix(".pyc")
        _write(compiled, text, modified)
        if text is not None:
            code = compile(text, str(root / name), "exec", dont_inherit=True)
            compiled.write_bytes(importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code))
            os.utime(compiled, (modified, modified))

    def _rewritten(self, text: str) -> str:
        from dyntransform.importing.roots import Roots
        from dyntransform.transform.decide import Options
        from dyntransform.transform.text import rewrite

        every = (name for files in (self.files, *self.edits.values()) for name in files)
        names = {name.partition("/")[0].removesuffix(".py") for name in every}
        roots = Roots([])
        return rewrite(text, "", Options(lambda name: name in names or roots.is_project(name))).text


@contextlib.contextmanager
def _recorded(output: io.StringIO) -> Iterator[None]:
    """Collect what is printed, logged and warned."""
    handler = logging.StreamHandler(output)
    logging.getLogger().addHandler(handler)
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), warnings.catch_warnings():
            warnings.simplefilter("always")
            yield
    finally:
        logging.getLogger().removeHandler(handler)


def _write(file: Path, text: str | None, modified: int) -> None:
    if text is None:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    os.utime(file, (modified, modified))


_ABOUT_SOURCE = (
    "__file__",
    ".files",
    ".place",
    ".py'",
    '.py"',
    "coding:",
    "doctest",
    "get_data",
    "get_source",
    "getsource",
    "linecache",
    "traceback",
    "zip",
)
"""Words of stories that look at source files, or write some themselves."""


def _is_valid(text: str) -> bool:
    try:
        compile(text, "", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _sections(text: str) -> Iterator[tuple[str | None, str]]:
    name: str | None = None
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("-- ") and line.rstrip().endswith(" --"):
            yield name, "".join(lines)
            name, lines = line.strip()[3:-3], []
        else:
            lines.append(line)
    yield name, "".join(lines)


def play(path: str, *options: str) -> None:
    """Play a story in this process, and end the process.

    Args:
        path: its file.
        options: ``--compiled`` or ``--built``.
    """
    told: Story | None = Story.read(Path(path).resolve())
    if "--compiled" in options:
        told = told.without_source()  # type: ignore[union-attr]
    if "--built" in options:
        told = told.as_built()  # type: ignore[union-attr]
    try:
        told.play()  # type: ignore[union-attr]
    except BaseException:  # noqa: BLE001 - whatever ends a program
        traceback.print_exc()
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)  # a story may leave threads behind


def serve() -> None:
    """Play the stories whose arguments come in lines of JSON, each in a fork: what all need is loaded once.

    For each line one is written: the exit status, and what the story has printed.
    """
    for module in (
        "dyntransform.hook",
        "dyntransform.cpython.checks",
        "dyntransform.reloading.classes.reconcile",
        "dyntransform.reloading.engine",
        "dyntransform.lifting.statements",
        "dyntransform.compiled.rewriting",
        "dyntransform.transform.text",
        "libcst.metadata",
    ):
        importlib.import_module(module)

    requests, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    gc.freeze()  # else each fork copies all pages at its first collection
    for line in requests:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as printed:
            child = os.fork()
            if child == 0:
                for stream in (1, 2):
                    os.dup2(printed.fileno(), stream)
                signal.alarm(TIMEOUT_S)
                gc.unfreeze()
                play(*json.loads(line))
            _, status = os.waitpid(child, 0)
            printed.seek(0)
            answers.write(json.dumps([os.waitstatus_to_exitcode(status), printed.read()]) + "\n")
            answers.flush()


TIMEOUT_S = 60

if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        play(*sys.argv[1:])

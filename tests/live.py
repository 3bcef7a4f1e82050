"""Programs that run under ``python -m dyntransform`` while a test edits their files."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

TIMEOUT_S = 20


class Program:
    """A running program whose output can be waited for."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.seen: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def until(self, expected: Callable[[str], bool] | str) -> str:
        """Return the next line that is as expected, or holds the text."""
        check = (lambda line: expected in line) if isinstance(expected, str) else expected
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            try:
                line = self._lines.get(timeout=deadline - time.monotonic())
            except (queue.Empty, ValueError):
                raise AssertionError(
                    f"{expected!r} did not come; the last lines:\n" + "\n".join(self.seen[-40:])
                ) from None
            assert line is not None, "the program ended:\n" + "\n".join(self.seen)
            self.seen.append(line)
            if check(line):
                return line


@contextmanager
def running(folder: Path, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[Program]:
    """Run ``python -m dyntransform ARGUMENTS`` in a folder; it is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dyntransform", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200", **(environment or {})},
    )
    try:
        yield Program(process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def replace(file: Path, old: str, new: str) -> None:
    """Edit a file as an editor does that saves by renaming."""
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file} has no {old!r}"
    draft = file.with_name(f".{file.name}.draft")
    draft.write_text(text.replace(old, new), encoding="utf-8")
    draft.replace(file)

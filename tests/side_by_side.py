"""The same command line under plain Python and under ``python -m dyntransform``."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

TIMEOUT_S = 60
_VARYING = [
    (r"0x[0-9a-f]+", "0x"),
    (r"\b(Ran \d+ tests?|\d (?:passed|failed)) in [\d.]+s", r"\1"),
    # What the import hook is there for: the loader of project modules is its own.
    (r"(dyntransform\.importing\.loader|_frozen_importlib_external)\.", ""),
    (r"\bDynLoader\b", "SourceFileLoader"),
]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What is to be seen of a program from outside."""

    code: int
    output: str
    errors: str


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files, by their path below the folder; the common indentation of texts is removed."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())


def plain(
    folder: Path,
    arguments: Sequence[str],
    *,
    flags: Sequence[str] = (),
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run ``python FLAGS ARGUMENTS`` in a folder."""
    done = subprocess.run(
        [sys.executable, *flags, *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(environment or {})},
    )
    return Outcome(done.returncode, _without_varying(done.stdout), _without_varying(done.stderr))


def ours(
    folder: Path,
    arguments: Sequence[str],
    *,
    flags: Sequence[str] = (),
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run ``python FLAGS -m dyntransform ARGUMENTS`` in a folder."""
    return plain(folder, ["-m", "dyntransform", *arguments], flags=flags, stdin=stdin, environment=environment)


def _without_varying(text: str) -> str:
    for pattern, replacement in _VARYING:
        text = re.sub(pattern, replacement, text)
    return text

"""A project in a folder, imported through the hook, in this process or in a fresh one."""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import dyntransform

TIMEOUT_S = 60


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write the files of a project; texts may be indented."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")


@contextlib.contextmanager
def importing(root: Path, *, hook: bool = True) -> Iterator[None]:
    """Import from `root`, through the hook or as plain Python does; afterwards its modules are gone."""
    known = set(sys.modules)
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    try:
        if hook:
            with dyntransform.install([root]):
                yield
        else:
            yield
    finally:
        sys.path.remove(str(root))
        for name in set(sys.modules) - known:
            path = getattr(sys.modules[name], "__file__", None) or ""
            if path.startswith(str(root)) or name == "pkg" or name.startswith("pkg."):
                del sys.modules[name]


INSTALL = "__import__('dyntransform').install()"


def run(
    root: Path, code: str, *, hook: bool = True, before: str = "", options: tuple[str, ...] = (), check: bool = True
) -> str:
    """Run code in a fresh interpreter, in the folder; return what it writes.

    Args:
        root: the folder.
        code: runs as ``-c`` does, from line 2.
        hook: install the hook first.
        before: runs before the code, on the same first line as the installation.
        options: of the interpreter.
        check: fail where the program does.
    """
    first = f"{INSTALL if hook else 'pass'}; exec({before!r}, {{}})\n"
    path = os.pathsep.join([str(root), str(Path(dyntransform.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, *options, "-c", first + textwrap.dedent(code)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout + done.stderr

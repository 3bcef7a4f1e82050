"""The test matrix: every supported interpreter that is found runs the tests against the built wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nox

VERSIONS = tuple(os.environ.get("VERSIONS", "3.11 3.12 3.13 3.14 3.15").split())

nox.options.sessions = ["tests"]
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False


def interpreters() -> list[str]:
    """Return the interpreters that work, also those of pyenv that are not on the PATH."""
    found = []
    for version in VERSIONS:
        candidates = [shutil.which(f"python{version}")]
        root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
        candidates += [str(path) for path in sorted(root.glob(f"{version}.*/bin/python{version}"), reverse=True)]
        works = [path for path in candidates if path and _is_version(path, version)]
        if works:
            found.append(works[0])
        else:
            print(f"Python {version}: not found, not tested")  # noqa: T201 - for whoever reads the log
    if not found:
        raise SystemExit(f"none of Python {', '.join(VERSIONS)} was found: install one")
    return found


def _is_version(path: str, version: str) -> bool:
    """A pyenv shim is there for versions that are not active, and fails when it is run."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == version


@nox.session(python=interpreters())
def tests(session: nox.Session) -> None:
    """Run the tests against the installed wheel; arguments after -- go to pytest."""
    session.install(".[test]", "--reinstall-package", "dyntransform") if _uv(session) else session.install(".[test]")
    # Not -m: the wheel is tested, not this folder. Those of one file share what its fixtures make.
    session.run("pytest", "-q", "-n", "auto", "--dist", "worksteal", *session.posargs, env={"PYTHONPATH": ""})


def _uv(session: nox.Session) -> bool:
    return session.venv_backend == "uv"

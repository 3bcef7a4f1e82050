"""Which Pythons are supported, and what is said of others."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dyntransform.cpython import versions
from dyntransform.errors import DyntransformError, UnsupportedPythonError

TOP = Path(__file__).parents[2]


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh process."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def pretend(version: tuple[int, ...], rest: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process whose version seems to be another one."""
    return run(f"import sys; sys.version_info = {version!r}; {rest}")


def test_supported() -> None:
    """The Python that runs the tests is supported."""
    assert versions.trouble("cpython", sys.version_info[:2]) == ""


@pytest.mark.parametrize(
    ("implementation", "version", "text"),
    [
        ("cpython", (3, 16), "this is CPython 3.16, and dyntransform needs CPython 3.11 to 3.15: use one, or install"),
        ("cpython", (3, 10), "this is CPython 3.10, and dyntransform needs CPython 3.11 to 3.15: use one"),
        ("pypy", (3, 11), "this is pypy 3.11, and dyntransform needs CPython 3.11 to 3.15: use one"),
    ],
)
def test_unsupported(implementation: str, version: tuple[int, int], text: str) -> None:
    """The sentence says what this is, what is needed, and what to do."""
    assert versions.trouble(implementation, version).startswith(text)


def test_metadata() -> None:
    """What is said to installers is what is checked at run time."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    first, last = versions.SUPPORTED[0], versions.SUPPORTED[-1]
    assert project["requires-python"] == f">={first[0]}.{first[1]},<{last[0]}.{last[1] + 1}"
    named = [re.fullmatch(r"Programming Language :: Python :: (\d+)\.(\d+)", line) for line in project["classifiers"]]
    assert tuple((int(found[1]), int(found[2])) for found in named if found) == versions.SUPPORTED


@pytest.mark.parametrize("version", [(3, 16, 0, "final", 0), (3, 10, 9, "final", 0)])
@pytest.mark.parametrize(
    "use",
    [
        "import dyntransform",
        "import runpy; sys.argv[:] = ['-m', 'main.py']; runpy.run_module('dyntransform', run_name='__main__')",
    ],
)
def test_the_program_ends_with_a_sentence(version: tuple[int, ...], use: str) -> None:
    """An unknown Python fails with one sentence and status 1, and no traceback."""
    ended = pretend(version, use)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.fullmatch(r"this is CPython 3\.1[06], and dyntransform needs .*\n", ended.stderr)


def test_can_be_caught() -> None:
    """A program for which reloading is a convenience goes on without it."""
    code = """
try: import dyntransform
except Exception as error: print('caught', error.code == str(error))
"""
    assert pretend((3, 99, 0, "final", 0), f"exec({code!r})").stdout == "caught True\n"
    assert issubclass(UnsupportedPythonError, DyntransformError)


def test_free_threaded(tmp_path: Path) -> None:
    """A build in which an edit would not be one step is refused when the hook is installed."""
    (tmp_path / "main.py").write_text("print('ran')\n")
    code = "import dyntransform.cpython.versions as v; v.FREE_THREADED = True; "
    ended = run(code + "import dyntransform; dyntransform.install()")
    assert ended.returncode == 1
    assert re.fullmatch(r"this is the free-threaded build of CPython, .*: dyntransform needs .*\n", ended.stderr)
    ended = run(code + f"from dyntransform.cli import main; main([{str(tmp_path / 'main.py')!r}])")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("dyntransform: this is the free-threaded build")


def test_missing_name() -> None:
    """A release that lacks a private name is refused with its name, when the hook is installed."""
    lacking = "import importlib._bootstrap_external as b; del b._code_to_hash_pyc; "
    ended = run(lacking + "import dyntransform; dyntransform.install()")
    assert ended.returncode == 1
    assert re.fullmatch(r"this Python [\d.]+ is not as dyntransform knows it \(.*_code_to_hash_pyc.*\n", ended.stderr)

"""What the engine relies on is tried before the first edit."""

import subprocess
import sys
from pathlib import Path

import pytest

from dyntransform.cpython import checks
from dyntransform.errors import UnsupportedPythonError


def test_this_python() -> None:
    """The Python that runs the tests is as the engine knows it."""
    checks.check_engine()


def test_missing_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named."""
    monkeypatch.setitem(checks._PRIVATE, "functools", ("_gone",))
    with pytest.raises(UnsupportedPythonError, match=r"functools\._gone is missing"):
        checks.check_engine()


@pytest.mark.parametrize(
    ("counted", "text"),
    [
        (lambda objects: [1] * len(objects), "functions do not count"),
        (lambda objects: [2**32 - 1] * len(objects), "functions do not count"),  # as those that are immortal
    ],
)
def test_references_that_are_not_counted(monkeypatch: pytest.MonkeyPatch, counted: object, text: str) -> None:
    """Where a function does not count for its code, edits would be lost without a word."""
    monkeypatch.setattr(checks, "references", counted)
    with pytest.raises(UnsupportedPythonError, match=text):
        checks.check_engine()


def test_told_when_an_edit_is_asked_for(tmp_path: Path) -> None:
    """Who asks for an edit gets a ReloadError: one that ends programs would end the watcher's thread in silence."""
    code = """
import sys; sys.path.insert(0, '.')
import dyntransform; dyntransform.install(); import mod
from dyntransform.cpython import checks; checks._PRIVATE['functools'] = ('_gone',)
try: dyntransform.reload()
except dyntransform.ReloadError as error: print(error)
"""
    (tmp_path / "mod.py").write_text("")
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stdout.startswith("no edit can be applied: this Python"), ended.stderr
    assert "functools._gone is missing" in ended.stdout

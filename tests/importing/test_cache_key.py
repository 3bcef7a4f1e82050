"""The key of cached code is one that Python's hash of sources takes."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from dyntransform.importing import cache


@pytest.fixture
def _reloaded_after(monkeypatch: pytest.MonkeyPatch):
    yield
    monkeypatch.undo()
    importlib.reload(cache)


@pytest.mark.usefixtures("_reloaded_after")
@pytest.mark.parametrize("build", range(8))
def test_entry_of_any_build_of_python(build: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the version text of the interpreter is, an entry is written and found again."""
    monkeypatch.setattr(sys, "version", f"{sys.version} build {build}")
    importlib.reload(cache)
    source = tmp_path / "m.py"
    source.write_bytes(b"x = 1\n")
    entry = (), False, b"", compile("x = 1\n", str(source), "exec")
    cache.write(str(source), b"x = 1\n", entry)
    found = cache.read(str(source), b"x = 1\n")
    assert found is not None
    assert found == entry

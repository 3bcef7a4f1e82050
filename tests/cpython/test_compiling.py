"""Warnings of the compiler can be filtered by module where Python can."""

from __future__ import annotations

import sys
import warnings

import pytest

from dyntransform.cpython.compiling import of_module
from dyntransform.importing.compiling import compile_anew

SOURCES = [
    b"x = 1 is 1\n",
    b"from m import y\nx = 1 is 1\n",
    b"from m import y\nx = '\\d'\n",
    b"from m import y\ndef f():\n    from m import z\n    try: pass\n    finally: return z\n",
]


@pytest.mark.skipif(not of_module("m"), reason="compile() has no module")
@pytest.mark.parametrize("source", SOURCES)
def test_filters(source: bytes, tmp_path, monkeypatch) -> None:
    """A filter for the module hides what the compiler says of it, one for another does not, as with an import."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name, expected in (("pkg.mod", 0), ("pkg.other", 1)):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            warnings.filterwarnings("ignore", module=r"pkg\.mod\Z")
            compile_anew(str(tmp_path / "file.py"), source, lambda _: True, module=name)
        assert len(told) == expected


def test_unknown_module() -> None:
    """Without a name the compiler takes what it takes from the file."""
    assert not of_module(None)

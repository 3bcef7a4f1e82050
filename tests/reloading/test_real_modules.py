"""Modules of the standard library, moved and edited while they are loaded, with and without source."""

from __future__ import annotations

import importlib.util
import marshal
import os
import sysconfig
from pathlib import Path

import pytest

import dyntransform
from dyntransform.reloading.model.report import Action

STDLIB = Path(sysconfig.get_path("stdlib"))
SAMPLE = ["argparse", "calendar", "contextlib", "csv", "dataclasses", "difflib", "enum", "fractions", "functools"]
SAMPLE += ["inspect", "locale", "pydoc", "queue", "statistics", "subprocess", "tempfile", "threading", "typing", "uuid"]
NAMES = [path.stem for path in sorted(STDLIB.glob("[a-z]*.py"))] if os.environ.get("DYN_CORPUS") == "all" else SAMPLE
CANNOT_BE_LOADED_TWICE = {"antigravity", "this", "turtle"}


@pytest.mark.parametrize("compiled", [False, True], ids=["source", "compiled"])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in CANNOT_BE_LOADED_TWICE])
def test_moved_and_edited(project, name, compiled):
    """Nothing is executed when all lines move, what is added is, and an edit of its functions can be applied."""
    copy, data = f"copy_of_{name}", (STDLIB / f"{name}.py").read_bytes()
    path = project.root / f"{copy}.py"

    def put(data: bytes) -> None:
        if compiled:
            code = compile(data, str(path), "exec", dont_inherit=True)
            path.with_suffix(".pyc").write_bytes(importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code))
        else:
            path.write_bytes(data)

    put(data)
    project.load(copy)
    put(b"\n\n\n" + data + b"\nADDED_CONSTANT = 1\n")
    report = dyntransform.reload()
    assert report.error is None
    assert [(change.action, change.name) for change in report.changes] == [(Action.ADDED, "ADDED_CONSTANT")]
    put(data.replace(b"return None", b"return 'edited'"))
    assert dyntransform.reload().error is None
    assert not dyntransform.reload()

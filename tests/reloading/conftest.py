"""Projects that a test edits and reloads in its own process."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import dyntransform
from dyntransform.reloading.project.files import Content, Files
from dyntransform.reloading.project.module import ModuleState


class Project:
    """A folder of modules under the import hook."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, **files: str) -> None:
        """Write modules; the names are those of the modules, ``a__b`` for ``a/b.py``."""
        for name, text in files.items():
            path = self.root.joinpath(*name.split("__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")

    def load(self, name: str, text: str | None = None) -> ModuleType:
        """Import a module, written before."""
        if text is not None:
            self.write(**{name: text})
        __import__(name)
        return sys.modules[name]

    def edit(self, **files: str) -> dyntransform.Report:
        """Write modules and reload; the edit must succeed."""
        report = self.try_edit(**files)
        if report.error is not None:
            raise report.error
        return report

    def try_edit(self, **files: str) -> dyntransform.Report:
        """Write modules and reload."""
        self.write(**files)
        return dyntransform.reload()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty project; its modules are unloaded afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    with dyntransform.install(roots=[tmp_path]):
        yield Project(tmp_path)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules whose files were looked at."""
    seen: list[str] = []
    changed = Files.changed

    def looking(self: Files, state: ModuleState) -> Content | None:
        seen.append(state.name)
        return changed(self, state)

    monkeypatch.setattr(Files, "changed", looking)
    return seen

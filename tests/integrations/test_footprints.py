"""What a test executed, and what a change can affect."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import dyntransform
from dyntransform.importing.loader import project
from dyntransform.integrations.footprints import Footprint, Recorder, affects

SHELF = """\
import functools

SIZE = 2

def plain():
    return SIZE

def outer():
    return [inner() for inner in (lambda: plain(),)]

@functools.cache
def cached():
    return 1

class Box:
    limit = 3

    @staticmethod
    def make():
        return Box()

    def size(self):
        return 1
"""
USER = """\
def late():
    from shelf_of_footprints import SIZE
    return SIZE
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A loaded project of two modules."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = {"shelf_of_footprints": SHELF, "user_of_footprints": USER}
    for name, text in names.items():
        (tmp_path / f"{name}.py").write_text(text)
    with dyntransform.install(roots=[tmp_path]):
        for name in names:
            __import__(name)
        yield sys.modules["shelf_of_footprints"]
    for name in names:
        del sys.modules[name]


def record(*calls: object) -> Footprint:
    """Return what the calls execute."""
    owner = project()
    assert owner is not None
    footprint: Footprint = set()
    with Recorder(owner.roots.owns).recording(footprint):
        for call in calls:
            assert callable(call)
            call()
    return footprint


def test_every_function_in_every_thread(shelf: ModuleType) -> None:
    """Nested functions, methods, and what other threads call are part of it; code outside of the project is not."""

    def in_thread() -> None:
        thread = threading.Thread(target=shelf.Box.make)
        thread.start()
        thread.join()

    footprint = record(shelf.outer, in_thread)
    assert {path for path, _ in footprint} == {shelf.__file__}
    assert {name for _, name in footprint} >= {"outer", "outer.<locals>.<lambda>", "plain", "Box.make"}
    assert "Box.size" not in {name for _, name in footprint}


def test_again_for_each_test(shelf: ModuleType) -> None:
    """What one test executed is recorded for the next as well."""
    assert record(shelf.plain) == record(shelf.plain) != set()


def test_nested(shelf: ModuleType) -> None:
    """What is recorded inside, as for a fixture, belongs to the outer one too."""
    owner = project()
    assert owner is not None
    recorder = Recorder(owner.roots.owns)
    outer: Footprint = set()
    inner: Footprint = set()
    with recorder.recording(outer):
        shelf.plain()
        with recorder.recording(inner):
            shelf.plain()
            shelf.Box.make()
    assert {name for _, name in inner} == {"plain", "Box.make"}
    assert inner <= outer


@pytest.mark.parametrize(
    ("old", "new", "who"),
    [
        ("return SIZE", "return SIZE + 1", {"plain", "outer"}),
        ("inner() for", "inner() + 0 for", {"outer"}),
        ("return Box()", "return Box", {"make"}),
        ("    return 1\n\nclass", "    return 2\n\nclass", {"cached"}),
        ("SIZE = 2", "SIZE = 3", {"plain", "outer", "cached", "make", "late"}),
        ("limit = 3", "limit = 4", {"plain", "outer", "cached", "make", "late"}),
    ],
    ids=["function", "inner function", "static method", "decorated", "constant", "class attribute"],
)
def test_whom_a_change_affects(shelf: ModuleType, old: str, new: str, who: set[str]) -> None:
    """A function matters to who executed it; a value to who executed its module, or one that imports from it."""
    user = sys.modules["user_of_footprints"]
    functions = [shelf.plain, shelf.outer, shelf.cached, shelf.Box.make, user.late]
    footprints = {function.__name__: record(function) for function in functions}
    owner = project()
    assert owner is not None
    path = Path(shelf.__file__ or "")
    path.write_text(path.read_text().replace(old, new))
    changes = dyntransform.reload().changes
    assert changes
    found = {name for name, seen in footprints.items() if any(affects(change, seen, owner) for change in changes)}
    assert found == who


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring")
def test_tools_of_others(shelf: ModuleType) -> None:
    """Nothing is held when no test is recorded, and never the number that hypothesis takes."""
    recorder = Recorder(lambda _path: True)
    names = [sys.monitoring.get_tool(tool) for tool in range(6)]
    with recorder.recording(set()):
        shelf.plain()
        assert sys.monitoring.get_tool(3) == names[3]
        assert sys.monitoring.get_tool(4) == "dyntransform"
    assert [sys.monitoring.get_tool(tool) for tool in range(6)] == names

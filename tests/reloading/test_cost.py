"""The work of a reload grows with the edit, not with the project: counted, not timed."""

from __future__ import annotations

import ast
import collections
import gc
import sys
from collections.abc import Sized
from types import ModuleType

import pytest

from dyntransform.reloading.applying import bindings
from dyntransform.reloading.live import heap
from dyntransform.reloading.planning import module_diff as module_edit
from dyntransform.reloading.planning import order as ordering
from dyntransform.reloading.project.module import ModuleState
from dyntransform.reloading.project.modules import States

FUNCTION = "def f{0}(x: int, y: int = LIMIT) -> int:\n    return x + y + {1}\n\n\n"


def module(functions: int, number: int = 0) -> str:
    """Return a module of which an edit changes the function in the middle."""
    parts = [FUNCTION.format(index, number if index == functions // 2 else 0) for index in range(functions)]
    return "LIMIT = 1\n\n" + "".join(parts) + "class Last:\n    def method(self):\n        return LIMIT\n"


@pytest.fixture
def counts(monkeypatch):
    """Count what grows when a fast path is lost."""
    found: collections.Counter[str] = collections.Counter()
    parse, searches, visit = ast.parse, (heap.referrers, heap.objects), ordering.Ordering._due
    walk = heap.functions_named_in

    def count(name, work):
        def counted(*args, **keywords):
            found[name] += 1
            return work(*args, **keywords)

        return counted

    def due(*args):
        for name in visit(*args):
            found["visited modules"] += 1
            yield name

    monkeypatch.setattr(ast, "parse", count("parsed texts", parse))
    monkeypatch.setattr(heap, "referrers", count("searches", searches[0]))
    monkeypatch.setattr(heap, "objects", count("searches", searches[1]))

    def functions(namespaces):
        for namespace in namespaces:
            found["walked namespaces"] += 1
            yield from walk([namespace])

    monkeypatch.setattr(ordering.Ordering, "_due", due)
    monkeypatch.setattr(heap, "functions_named_in", functions)
    for cls, name, what in (
        (module_edit.Source, "drop_syntax", "sources"),
        (States, "get", "states"),
        (ModuleState, "providers", "providers"),
        (States, "importer_names", "importers"),
        (States, "takers", "takers"),
        (bindings.Bindings, "refresh", "refreshed modules"),
        (bindings.Bindings, "rebind", "rebound names"),
        (ordering.Ordering, "_changed_since", "looks at changes"),
    ):
        monkeypatch.setattr(cls, name, count(what, getattr(cls, name)))
    return found


def test_function_edits(project, counts):
    """An edit of one function does the same work in a module of 10 functions and in one of 200."""
    seen = []
    for functions in (10, 200):
        name = f"with_{functions}"
        loaded = project.load(name, module(functions))
        project.edit(**{name: module(functions, 1)})  # the first edit parses the running version
        counts.clear()
        project.edit(**{name: module(functions, 2)})
        assert getattr(loaded, f"f{functions // 2}")(0) == 3
        seen.append(dict(counts))
    assert seen[0] == seen[1]
    assert "searches" not in seen[0]


def test_project_size(project, counts):
    """An edit does the same work whatever else is loaded, and a constant visits its importers alone."""
    project.write(constant="LIMIT = 1")
    for index in range(3):
        project.load(f"user_{index}", "from constant import LIMIT\ndef limit(): return LIMIT")
    seen = []
    for others in (2, 50):
        for index in range(others):
            project.load(f"other_{others}_{index}", module(3))
        project.edit(constant=f"LIMIT = {others}")
        counts.clear()
        project.edit(constant=f"LIMIT = {others + 1}")
        seen.append(dict(counts))
    assert seen[0] == seen[1]
    assert seen[0]["visited modules"] == 4
    assert "searches" not in seen[0]


def importers(project, numbers: range, text: str) -> list[ModuleType]:
    """Load modules, each of which imports from ``constant`` and from the one before."""
    loaded = []
    for number in numbers:
        before = f"from user_{number - 1} import limit as before\n" if number else ""
        loaded.append(project.load(f"user_{number}", before + text))
    return loaded


@pytest.mark.parametrize(
    "text",
    [
        "from constant import LIMIT\ndef limit(): return LIMIT\n",
        "from constant import LIMIT\nDOUBLE = LIMIT * 2\ndef limit(): return DOUBLE // 2\n",
        "import constant\nDOUBLE = constant.LIMIT * 2\ndef limit(): return DOUBLE // 2\n",
    ],
    ids=["rebound", "executed", "attribute"],
)
def test_importers_of_a_constant(project, counts, text):
    """A constant costs so and so much an importer, whatever their number, and only what may read it is parsed."""
    project.write(constant="LIMIT = 1")
    seen, users = [], []
    for count in (10, 20, 40, 80):
        users += importers(project, range(len(users), count), text)
        project.edit(constant=f"LIMIT = {count}")
        counts.clear()
        project.edit(constant=f"LIMIT = {count + 1}")
        assert {user.limit() for user in users} == {count + 1}
        seen.append(dict(counts))
    for name in {name for one in seen for name in one}:
        small, middle, large, largest = (one.get(name, 0) for one in seen)
        assert (large - middle, largest - large) == (2 * (middle - small), 4 * (middle - small)), name
    assert seen[-1]["visited modules"] == len(users) + 1
    if "DOUBLE" not in text:
        assert seen[-1]["parsed texts"] == seen[0]["parsed texts"]


def test_first_edit_of_a_constant(project, counts):
    """Not even the first edit parses importers that are only bound again; what stands in their functions is no read."""
    text = "from constant import LIMIT\nNAME = 'x'\nTABLE = [one for one in NAME]\ndef limit(): return LIMIT\n"
    project.write(constant="LIMIT = 1")
    users = importers(project, range(20), text)
    reader = project.load("reader", "from constant import LIMIT\nTOP = [LIMIT for _ in range(2)]")
    project.load("other", "X = 1\n")
    project.edit(other="X = 2\n")
    counts.clear()
    project.edit(constant="LIMIT = 2")
    assert {user.limit() for user in users} == {2}
    assert reader.TOP == [2, 2]
    assert counts["sources"] == 2  # of the constant and of the reader


def test_importers_of_a_function(project, counts):
    """A function costs the same whoever imports it; only its own module is searched for what holds it."""
    project.write(constant="def limit(): return 0")
    seen, users = [], []
    for count in (10, 80):
        users += importers(project, range(len(users), count), "from constant import limit\n")
        project.edit(constant=f"def limit(): return {count}")
        counts.clear()
        project.edit(constant=f"def limit(): return {count + 1}")
        assert {user.limit() for user in users} == {count + 1}
        seen.append({name: counts[name] for name in ("walked namespaces", "visited modules", "searches")})
    assert seen[0] == seen[1]
    assert seen[0]["searches"] == 0


def test_collections(project, monkeypatch):
    """What a class left behind that was made again is collected among young objects, not among all."""
    text = "import dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int = 1\n"
    cls = project.load("points", text).Point
    project.edit(points=text + "    y: int = 2\n")
    collected: list[int] = []
    collect = gc.collect
    monkeypatch.setattr(gc, "collect", lambda generation=2: (collected.append(generation), collect(generation))[1])
    gc.disable()
    try:
        project.edit(points=text + "    z: int = 2\n")
    finally:
        gc.enable()
    assert collected == [1]
    assert cls().z == 2
    assert [one for one in object.__subclasses__() if one.__qualname__ == "Point"] == [cls]


def test_dispatch(project):
    """Functions with singledispatch ask again once a class changed, and are looked for only if there are any."""
    text = "import functools\n@functools.singledispatch\ndef f(x): return 'any'\nclass A:\n    x = 1\n"
    module = project.load("lengths", text + "    def __len__(self): return 1\n")
    module.f.register(Sized, lambda _: "sized")
    assert module.f(module.A()) == "sized"
    project.edit(lengths=text)
    assert module.f(module.A()) == "any"


def test_failed_edit_leaves_nothing_behind(project):
    """What it held is gone with it, without garbage collection: the next edit need not search for unknown holders."""
    module = project.load("m", "def f(): return 1")
    counts = []
    gc.disable()
    try:
        for number in range(2, 6):
            counts.append((sys.getrefcount(module.f), sys.getrefcount(module.f.__code__)))
            assert project.try_edit(m=f"def f(): return {number}\n1 / 0").error is not None
            assert module.f() == 1
    finally:
        gc.enable()
    assert len(set(counts)) == 1

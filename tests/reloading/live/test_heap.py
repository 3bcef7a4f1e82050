"""Live functions and their caches: found by name where names account for every reference, else on the heap."""

from __future__ import annotations

import functools
from types import FunctionType

import pytest

from dyntransform.reloading.live import heap


@pytest.fixture
def no_search(monkeypatch):
    """Fail if the heap is searched."""

    def search(*_objects):
        pytest.fail("the heap was searched although names account for all references")

    monkeypatch.setattr(heap, "referrers", search)
    monkeypatch.setattr(heap, "objects", search)


MODULE = """
    def plain(): return {0}
    def outer():
        def inner(): return {0}
        return inner
    class C:
        def method(self): return {0}
        @staticmethod
        def static(): return {0}
        @property
        def prop(self): return {0}
"""


@pytest.mark.usefixtures("no_search")
def test_named_functions_need_no_search(project):
    """Edits of functions that only names of their module lead to never search the heap."""
    module = project.load("searchless", MODULE.format(1))
    instance = module.C()
    for number in (2, 3, 4):
        project.edit(searchless=MODULE.format(number))
        got = [module.plain(), module.outer()(), instance.method(), instance.static(), instance.prop]
        assert got == [number] * 5


@pytest.mark.usefixtures("no_search")
def test_importers_are_named(project):
    """A function that another module imported is found through that module's live binding."""
    module = project.load("provider", "def f(): return 1")
    importer = project.load("importer", "from provider import f\ndef call(): return f()")
    project.edit(provider="def f(): return 2")
    assert module.f() == importer.call() == 2


def test_functions_held_elsewhere(project):
    """Copies, closures and callbacks of an edited function get its new code, in each of several edits."""
    module = project.load("holder", "def f(): return 1\ndef make(n):\n    def g(): return n, 1\n    return g")
    copy = FunctionType(module.f.__code__, vars(module))
    closures = [module.make(number) for number in range(30)]
    for number in (2, 3):
        project.edit(holder=f"def f(): return {number}\ndef make(n):\n    def g(): return n, {number}\n    return g")
        assert copy() == module.f() == number
        assert [closure() for closure in closures] == [(index, number) for index in range(30)]


def test_unnamed_function(project):
    """A function that is held by a list alone gets its new code."""
    module = project.load("unnamed", "def f(): return 1\ncallbacks = [f]\ndel f")
    project.edit(unnamed="def f(): return 2\ncallbacks = [f]\ndel f")
    assert [callback() for callback in module.callbacks] == [2]


@pytest.mark.parametrize("where", ["module", "class", "elsewhere"])
def test_result_caches(project, where):
    """The lru_cache of an edited function is cleared, whoever holds it."""
    text = {
        "module": "import functools\n@functools.lru_cache\ndef f(): return 1",
        "class": "import functools\nclass C:\n    @functools.lru_cache\n    def f(): return 1\nf = C.f",
        "elsewhere": "def f(): return 1",
    }[where]
    module = project.load("cached", text)
    held = [functools.lru_cache(module.f) if where == "elsewhere" else module.f]
    assert held[0]() == 1
    for number in (2, 3):
        project.edit(cached=text.replace("return 1", f"return {number}"))
        assert held[0]() == number

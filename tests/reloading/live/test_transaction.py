"""The changes of an edit are made in one step."""

from __future__ import annotations

import gc
import sys

import pytest

from dyntransform.reloading.live import transaction

OLD = """
    import abc, enum, functools
    LIMIT = 1
    def removed(): pass
    def f(a=1): return "old"
    @functools.lru_cache
    def cached(): return "old"
    def make():
        kept = 1
        def inner(): return kept
        return inner
    inner = make()
    class K(abc.ABC):
        LIMIT = 1
        @property
        def value(self): return "old"
        def removed(self): pass
        def __new__(cls): return object.__new__(cls)
        class Inner:
            def removed(self): pass
    class E(enum.Enum):
        A = 1
"""
NEW = """
    import abc, enum, functools
    LIMIT = 2
    def added(): pass
    def f(a=2): return "new"
    @functools.lru_cache
    def cached(): return "new"
    def make():
        kept = 1
        def inner(): return "new", kept
        return inner
    inner = make()
    class K(abc.ABC):
        LIMIT = 2
        @property
        def value(self): return "new"
        def added(self): pass
        class Inner:
            def added(self): pass
    class E(enum.Enum):
        A = 2
"""


def _state(m):
    """What can be seen of the edit, without running Python code of the module."""
    codes = m.f.__code__, m.cached.__wrapped__.__code__, m.K.__dict__["value"].fget.__code__
    return [
        m.LIMIT,
        hasattr(m, "removed"),
        hasattr(m, "added"),
        m.f.__defaults__,
        *(code.co_consts[-1] for code in codes),
        m.K.LIMIT,
        hasattr(m.K, "removed"),
        hasattr(m.K, "added"),
        hasattr(m.K.Inner, "removed"),
        hasattr(m.K.Inner, "added"),
    ]


def test_no_python_code_runs_before_all_is_new(project, monkeypatch):
    """Other threads can get their turn where Python code runs: by then everything is as edited."""
    m = project.load("m", OLD)
    before = _state(m)
    seen = []
    run_all = transaction._run_all

    def watched(operations):
        """Make the changes, and look at the program wherever Python code runs meanwhile."""

        def look(frame, event, _argument):
            if event == "call" and frame.f_code is not run_all.__code__:
                seen.append((frame.f_code.co_qualname, _state(m)))

        assert not gc.isenabled()
        assert _state(m) == before
        sys.setprofile(look)
        try:
            run_all(operations)
        finally:
            sys.setprofile(None)

    monkeypatch.setattr(transaction, "_run_all", watched)
    project.edit(m=NEW)
    assert gc.isenabled()
    after = _state(m)
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert seen, "the class lost a member: what was asked of its like is forgotten by Python code"
    assert [name for name, state in seen if state != after] == []


@pytest.mark.parametrize("enabled", [True, False])
def test_collection_is_as_the_program_had_it(project, enabled):
    """A program that collects garbage itself goes on to do so."""
    m = project.load("m", "def f(): return 1\n")
    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        project.edit(m="def f(): return 2\n")
        assert (gc.isenabled(), m.f()) == (enabled, 2)
    finally:
        (gc.enable if was else gc.disable)()


@pytest.mark.parametrize("live", [True, False])
def test_what_enlists_goes_back_with_an_edit(live):
    """Whether its changes were made or not, and not once it has succeeded."""
    seen = []
    for undone in (True, False):
        edit = transaction.Transaction()
        edit.on_rollback(lambda: seen.append("back"))
        if live:
            edit.commit()
        if undone:
            assert edit.rollback() == []
        else:
            edit.finish()
            edit.rollback()
    assert seen == ["back"]


def test_modules_of_the_engine_stay(monkeypatch):
    """What the engine itself imports while it applies an edit is no part of the edit: it stays when that is undone."""
    for name in ("colorsys", "wave"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    changes = transaction.Transaction()
    with changes.imports.of_the_engine():
        import colorsys
    import wave  # noqa: F401 - as a statement of the edit does

    assert changes.rollback() == []
    assert sys.modules["colorsys"] is colorsys
    assert "wave" not in sys.modules

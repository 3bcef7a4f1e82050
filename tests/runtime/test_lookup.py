"""What an imported value has been replaced by."""

from __future__ import annotations

import builtins
import subprocess
import sys
import types
from collections.abc import Iterator

import pytest

from dyntransform.runtime import _dyn_lookup
from dyntransform.runtime.lookup import REPLACED, Replacements, looks_up, replacements
from dyntransform.transform import lowering

OLD = object()
NEW = object()


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Replacements]:
    """The table, with ``pkg.mod.y`` replaced."""
    for name in ("pkg", "pkg.mod", "pkg.sub.other"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["pkg.mod"].y = NEW  # type: ignore[attr-defined]
    before = replacements.snapshot()
    replacements.add("pkg.mod", "y", OLD)
    replacements.switch()
    yield replacements
    replacements.restore(before)


def _lowered(sources: tuple[tuple[str, str], ...], value: object, package: str = "pkg.sub") -> object:
    """Do what lowered code does in a module of a package."""
    namespace = {"__package__": package, "__name__": f"{package}.other"}
    code = f"{REPLACED}(sources, value) if {REPLACED} is not None else value"
    return eval(code, namespace, {"sources": sources, "value": value})


def test_names_agree() -> None:
    """The builtin that lowered code reads is the one that the table writes."""
    assert REPLACED == lowering.REPLACED


@pytest.mark.usefixtures("table")
def test_only_the_old_value_is_replaced() -> None:
    """What the attribute was before is replaced by what it is now; anything else is what it is."""
    assert _lowered((("pkg.mod", "y"),), OLD) is NEW
    for other in (NEW, None, object()):
        assert _lowered((("pkg.mod", "y"),), other) is other
    assert _lowered((("pkg.mod", "z"),), OLD) is OLD
    assert _lowered((("pkg", "y"),), OLD) is OLD


@pytest.mark.usefixtures("table")
def test_every_source_is_asked() -> None:
    """A name that several imports may have bound is looked up in each."""
    assert _lowered((("pkg", "y"), ("pkg.mod", "y")), OLD) is NEW


@pytest.mark.usefixtures("table")
def test_relative_sources() -> None:
    """Relative sources are those of the module whose code asks."""
    assert _lowered((("..mod", "y"),), OLD) is NEW
    assert _lowered(((".mod", "y"),), OLD, package="pkg") is NEW
    assert _lowered(((".mod", "y"),), OLD) is OLD


def test_value_without_equality(table: Replacements) -> None:
    """Values are told apart by identity; their ``__eq__``, ``__hash__`` and ``__bool__`` are never called."""

    class Hostile:
        def __eq__(self, other: object) -> bool:
            raise AssertionError

        __hash__ = None  # type: ignore[assignment]

        def __bool__(self) -> bool:
            raise AssertionError

    old = Hostile()
    table.add("pkg.mod", "y", old)
    assert _lowered((("pkg.mod", "y"),), old) is NEW
    other = Hostile()
    assert _lowered((("pkg.mod", "y"),), other) is other


def test_all_old_values_are_known(table: Replacements) -> None:
    """A value that was replaced twice leads to the newest one, from each of the old ones."""
    table.add("pkg.mod", "y", NEW)
    newest = sys.modules["pkg.mod"].y = object()  # type: ignore[attr-defined]
    assert _lowered((("pkg.mod", "y"),), OLD) is newest
    assert _lowered((("pkg.mod", "y"),), NEW) is newest


@pytest.mark.usefixtures("table")
def test_gone_attributes_and_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the attribute or the module is gone, the object that is held goes on working."""
    del sys.modules["pkg.mod"].y  # type: ignore[attr-defined]
    assert _lowered((("pkg.mod", "y"),), OLD) is OLD
    monkeypatch.delitem(sys.modules, "pkg.mod")
    assert _lowered((("pkg.mod", "y"),), OLD) is OLD


def test_switch(table: Replacements) -> None:
    """The builtin is None while there are no old values; `restore` puts back what `snapshot` gave."""
    saved = table.snapshot()
    assert getattr(builtins, REPLACED) is not None
    assert table
    assert ("pkg.mod", "y") in table.attributes()
    table.discard("pkg.mod", "y")
    table.discard("pkg.mod", "y")
    table.switch()
    assert getattr(builtins, REPLACED) is None
    assert _lowered((("pkg.mod", "y"),), OLD) is OLD
    table.restore(saved)
    assert _lowered((("pkg.mod", "y"),), OLD) is NEW


def test_snapshot_is_a_copy(table: Replacements) -> None:
    """What is added after a snapshot is not in it."""
    saved = table.snapshot()
    other = object()
    table.add("pkg.mod", "y", other)
    table.restore(saved)
    assert _lowered((("pkg.mod", "y"),), other) is other


@pytest.mark.usefixtures("table")
def test_readable_lookup() -> None:
    """The call of the readable form answers in the same way."""
    assert _dyn_lookup("pkg.mod", "y", OLD) is NEW
    assert _dyn_lookup("pkg", "y", OLD, "pkg.mod", "y") is NEW
    assert _dyn_lookup("pkg.mod", "y", 1) == 1
    namespace = {"__package__": "pkg", "lookup": _dyn_lookup, "value": OLD}
    assert eval("lookup('.mod', 'y', value)", namespace) is NEW


def test_readable_lookup_at_rest() -> None:
    """Without old values it returns its third argument."""
    assert not Replacements()
    assert _dyn_lookup("pkg.mod", "y", OLD) is OLD


def test_importing_the_runtime_makes_the_builtin() -> None:
    """Compiled files of a built tree import the runtime and nothing else, and read the builtin then."""
    code = f"import dyntransform.runtime; assert {REPLACED} is None"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (f"{REPLACED}", False),
        (f"class A:\n  {REPLACED}", False),
        (f"def f(): {REPLACED}", True),
        (f"class A:\n  def f(): return lambda: {REPLACED}", True),
        (f"def f():\n  class A: {REPLACED}", True),
        ("def f(): pass", False),
    ],
)
def test_looks_up(text: str, *, answer: bool) -> None:
    """It is a matter of functions, and of classes in them, that run long after they imported something."""
    code = compile(text, "file.py", "exec")
    assert looks_up(code) is answer

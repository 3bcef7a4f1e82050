"""What modules import, look up and are loaded from, kept from reload to reload."""

from __future__ import annotations

from dyntransform.importing import loader
from dyntransform.reloading.project.graph import topological
from dyntransform.reloading.project.modules import States
from dyntransform.transform.decide import Options


def states() -> States:
    """Return new states of what is loaded."""
    return States(Options(), loader.project().loaded)


def test_topological():
    """What is led to comes before; in a circle, where one begins decides."""
    order = topological(["a", "b", "c", "d"], {"a": ["b", "elsewhere"], "b": ["c"], "c": ["a"], "d": ["b", "d"]})
    assert sorted(order, key=order.__getitem__) == ["c", "b", "a", "d"]


def test_ranks_follow_imports(project):
    """Ranks are kept while the imports are the same, and made again when an edit changes them."""
    project.load("low", "X = 1")
    project.load("high", "X = 2")
    known = states()
    before = known.ranks()
    project.load("user", "from low import X")
    assert known.ranks() is not before
    assert known.ranks()["low"] < known.ranks()["user"]
    assert known.ranks() is known.ranks()


def test_lookups(project):
    """What functions import is known, relative imports by their absolute name."""
    project.write(
        package____init__="", package__one="X = 1\nY = 2", package__two="def f():\n    from .one import X\n    return X"
    )
    project.load("package.two")
    known = states()
    assert known.is_looked_up("package.one", "X")
    assert not known.is_looked_up("package.one", "Y")


def test_lazy_modules(project):
    """A module that gets a ``__getattr__`` while it runs counts from then on."""
    module = project.load("module", "X = 1")
    known = states()
    assert known.lazy() == set()
    module.__getattr__ = str
    assert known.lazy() == {"module"}


def test_gone_and_back(project):
    """A record that is taken back is forgotten; a module that is loaded again counts as it is then."""
    loaded = loader.project().loaded
    known, empty = states(), loaded.snapshot()
    project.write(base="X = 1")
    project.load("module", "from base import X")
    assert [state.name for state in known.importers(["base"])] == ["module"]
    loaded.restore(empty)
    assert known.importers(["base"]) == []
    assert known.current() == {}


def test_imports_that_did_not_run(project):
    """What stands below ``if TYPE_CHECKING:`` decides nothing, so it makes no circle."""
    project.write(
        pk__low="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .high import Y\nX = 1",
        pk__high="from .low import X\nY = X",
    )
    (project.root / "pk" / "__init__.py").write_text("from .low import X")
    project.load("pk.high")
    ranks = states().ranks()
    assert ranks["pk.low"] < ranks["pk.high"]
    assert ranks["pk.low"] < ranks["pk"]


def test_circle_of_imports(project):
    """What a module was loaded for does not come before it, whatever it imports from there."""
    project.write(
        z_first="A = 1\nimport b_inner\nimport c_last",
        b_inner="import z_first\nfrom a_leaf import L\nB = z_first.A",
        c_last="import b_inner, z_first\nC = b_inner.B",
        a_leaf="import z_first\nL = 1",
    )
    project.load("z_first")
    ranks = states().ranks()
    ours = sorted((name for name in ranks if "_" in name), key=ranks.__getitem__)
    assert [name for name in ours if name in {"z_first", "b_inner", "c_last", "a_leaf"}] == [
        "a_leaf",
        "b_inner",
        "c_last",
        "z_first",
    ]

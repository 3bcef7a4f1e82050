"""Imports of names that are gone."""

from reloading.two_texts import paired

from dyntransform.reloading.planning.removed_names import standing_imports


def standing(text: str) -> list[tuple[str, str]]:
    """Return the imports of ``m.A`` that were executed before: what is bound, and what is told."""
    statements = [pair.new for pair in paired(text, text).pairs]
    return [(one.qualname, one.note) for one in standing_imports(statements, {"__package__": ""}, "m", ["A"])]


def test_imports_that_would_fail() -> None:
    """One at the top of a module, or of a class, keeps what it has, and would fail at a restart."""
    told = "still imported from m: it keeps what it has, and would fail at a restart"
    assert standing("from m import A as a, B\nclass C:\n    from m import A\n") == [("a", told), ("C.A", told)]


def test_imports_with_a_way_out() -> None:
    """One that is protected would not fail."""
    text = "try:\n    from m import A\nexcept ImportError:\n    A = None\n"
    assert standing(text) == [("A", "still imported from m: it keeps what it has")]


def test_others() -> None:
    """Other names, other modules, and imports in functions keep nothing."""
    assert standing("from m import B\nfrom n import A\nimport m\ndef f():\n    from m import A\n") == []

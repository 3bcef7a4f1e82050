"""Statements of two versions that correspond."""

import pytest
from reloading.two_texts import paired


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ("A = 1", "A = 1", ["same"]),
        ("A = 1", "A  =  1  # why", ["same"]),
        ("A = 1\nB = 2", "B = 2\nA = 1", ["same", "same"]),
        ("A = 1", "A = 2", ["edited"]),
        ("A = 1", "B = 1", ["new"]),
        ("", "A = 1", ["new"]),
        ("def f(): return 1", "def f(): return 2", ["definition"]),
        ("def f(): return 1", "async def f(): return 1", ["definition"]),
        ("def f(): pass", "class f: pass", ["new"]),
        ("if x:\n def f(): return 1", "if x:\n def f(): return 2", ["block"]),
        ("if x:\n A = 1", "if x:\n A = 2", ["edited"]),
        ("a: int = 1", "a: str = 1", ["annotated"]),
        ("a: int = 1", "a: str = 2", ["edited"]),
    ],
)
def test_kinds(old: str, new: str, kinds: list[str]) -> None:
    """Equal ones wherever they stand, definitions by name, blocks by what is in them, others by what they bind."""
    assert [pair.kind for pair in paired(old, new).pairs] == kinds


def test_removed() -> None:
    """What has no counterpart is removed, and so are the names that nothing binds any more."""
    pairing = paired("A = 1\ndef f(): pass\nB = 2", "B = 2\nA = 3")
    assert [statement.name for statement in pairing.removed] == ["f"]
    assert pairing.removed_names == {"f"}

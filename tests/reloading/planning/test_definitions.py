"""What changed about a function or a class."""

import pytest
from reloading.two_texts import class_, function, paired

from dyntransform.reloading.planning.definitions import ClassEdit, evaluated, inner_edits


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("def f(): return 1", "def f(): return 2", set()),
        ("@d\ndef f(): pass", "@e\ndef f(): pass", {"decorated"}),
        ("def f(x=1): pass", "def f(x=2): pass", {"header"}),
        ("def f(x): pass", "def f(x, y): pass", {"header", "signature"}),
    ],
)
def test_functions(old: str, new: str, changed: set[str]) -> None:
    """Decorators, header and signature are told apart; a body changes none of them."""
    edit = function(old, new)
    assert {name for name in ("decorated", "header", "signature") if getattr(edit, name)} >= changed
    assert edit.decorated is ("decorated" in changed)
    assert bool(edit.signature) is ("signature" in changed)


def test_classes() -> None:
    """Bases, decorators, and the edits of members by statement."""
    edit = class_("class C(A):\n def f(self): return 1\n x = 1", "class C(B):\n def f(self): return 2\n x = 1")
    assert edit.bases
    assert not edit.decorated
    assert [statement.name for statement in edit.edits] == ["f"]


def test_names_that_headers_read() -> None:
    """An edited header reads its defaults again."""
    assert evaluated([function("def f(x=A): pass", "def f(x=B): pass")]) >= {"B"}


def test_definitions_in_blocks() -> None:
    """Those in a block are found, in order."""
    pairing = paired("if x:\n class C: a = 1\n def f(): return 1", "if x:\n class C: a = 2\n def f(): return 2")
    edits = inner_edits(pairing.pairs[0])
    assert [edit.new.name for edit in edits] == ["C", "f"]
    assert isinstance(edits[0], ClassEdit)

"""What an edit rewrites: the statements that are new, where something in them is marked."""

from __future__ import annotations

import pytest

import dyntransform
from dyntransform.reloading.model.report import Action
from dyntransform.transform import concrete

HELPER = "def help(): return 1\n"
MODULE = """\
from helper import help
LIMIT = 1
def plain(): return LIMIT
def late():
    from helper import help
    return help()
class Late:
    from helper import help as held
"""


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pieces that libcst is given."""
    found: list[str] = []
    write = concrete.write

    def watched(pieces, *more):
        found.extend(piece.text for piece in pieces)
        return write(pieces, *more)

    monkeypatch.setattr(concrete, "write", watched)
    return found


@pytest.mark.parametrize(
    ("old", "new", "pieces"),
    [
        ("LIMIT = 1", "LIMIT = 2", []),
        ("return LIMIT", "return LIMIT + 1", []),
        ("return help()", "return help() + 1", ["(_dyn_read0_() + 1)"]),
        ("import help\nLIMIT", "import help as more\nLIMIT", ["from helper import help as more"]),
        ("as held", "as kept", ["class Late: pass", "from helper import help as kept"]),
        ("def plain(): return LIMIT", "\n\ndef plain(): return LIMIT", []),
        ("LIMIT = 1", "from __future__ import annotations\nLIMIT = 1", None),
    ],
)
def test_pieces(project, written: list[str], old: str, new: str, pieces: list[str] | None) -> None:
    """Only marked pieces of statements that differ are written again."""
    project.load("helper", HELPER)
    project.load("module", MODULE)
    written.clear()
    project.write(module=MODULE.replace(old, new))
    report = dyntransform.reload()
    assert (report.error is None) is (pieces is not None)
    assert written == (pieces or [])


def test_what_cannot_be_written(project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a statement is applied as it is, and the report says so, once."""
    project.load("helper", HELPER)
    module = project.load("module", MODULE)
    monkeypatch.setattr(concrete, "write", lambda pieces, *_: [piece.text for piece in pieces])
    project.write(module=MODULE.replace("return help()", "return help() + 1"))
    report = dyntransform.reload()
    assert report.error is None
    assert module.late() == 2
    (told,) = report.waits
    assert (told.action, told.module, told.name) == (Action.REFUSED, "module", "late")
    assert "what it imports does not become current: " in told.note
    project.write(module=MODULE.replace("return help()", "return help() + 1").replace("LIMIT = 1", "LIMIT = 3"))
    assert not dyntransform.reload().waits


def test_statements_stay_what_they_are(project) -> None:
    """What is put into the code of a class is no statement of it, however often it is edited."""
    project.load("helper", HELPER)
    text = "class Late:\n    from helper import help as held\n    x = 1\n    def f(self): return self.x\n"
    module = project.load("module", text)
    for x in range(2, 5):
        project.write(module=text.replace("x = 1", f"x = {x}").replace("return self.x", f"return self.x + {x}"))
        report = dyntransform.reload()
        assert sorted(change.name for change in report.changes) == ["Late.f", "Late.x"]
        assert module.Late().f() == 2 * x
    project.write(helper="def help(): return 2\n", module=text.replace("help as held", "help as kept"))
    assert dyntransform.reload().error is None
    assert module.Late.kept() == 2
    assert not hasattr(module.Late, "held")

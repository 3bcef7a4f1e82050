"""From marks to rewritten pieces, and what is done where that is not possible."""

from __future__ import annotations

import ast
import subprocess
import sys
import threading

import pytest

from dyntransform.transform import concrete, draft
from dyntransform.transform.decide import Decisions, Options
from dyntransform.transform.draft import decide_proven
from dyntransform.transform.text import rewrite

SOURCE = "from m import a\nclass A:\n    pass\ndef f():\n    from m import y\n    return y, 'd'\n"


def proven(source: str = SOURCE) -> Decisions:
    """Decide for a text."""
    return decide_proven(source, "file.py", ast.parse(source), Options())


def test_marks_are_kept() -> None:
    """What can be written is marked."""
    marks = proven()
    assert (len(marks.links), len(marks.classes), len(marks.reads), marks.reason) == (1, 1, 1, "")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("; a = ", "; b = ", "line 1: b = _dyn_lookup('m', 'a', a) stands where a = "),
        ('"a"', '"b"', "line 1: a = _dyn_lookup('m', 'b', a) stands where a = "),
        ("import a;", "import b;", "line 1: 'a' became 'b'"),
        ("import a;", "import a; x;", "line 1: a has no live binding"),
        ("A(DynamicClass)", "A(object)", "line 2: object stands where DynamicClass should"),
        ("A(DynamicClass)", "B(DynamicClass)", "line 2: 'A' became 'B'"),
        ("A(DynamicClass)", "A", "line 2: class A has no base of ours"),
        ('"y", y', '"y", x', "line 6: _dyn_lookup('m', 'y', x) stands where "),
        (", '", ",\n '", "line 6: moved to line 7"),
        ("= _", "= (_", "line 1: the rewritten text is not valid"),
    ],
)
def test_differences(monkeypatch: pytest.MonkeyPatch, old: str, new: str, told: str) -> None:
    """A piece that is not what it was but for the marks is a reason to leave the file as it is."""
    write = concrete.write
    monkeypatch.setattr(concrete, "write", lambda *given: [text.replace(old, new) for text in write(*given)])
    marks = proven()
    assert (marks.reads, marks.links, marks.classes) == ({}, [], [])
    assert marks.reason.startswith("file.py: left as it is: line ")
    assert told in marks.reason


def test_text_that_is_not_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where libcst does not give the text of a piece back, the file is left as it is."""
    monkeypatch.setattr(concrete._Writer, "_text", lambda _self, _statement: "from m import  a")
    told = "file.py: left as it is: libcst does not give line 1 back unchanged"
    assert proven().reason == rewrite(SOURCE, "file.py", Options()).reason == told


def test_libcst_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A libcst that is not whole, as when it is the project that is being imported, is a reason, too."""
    monkeypatch.setitem(sys.modules, "dyntransform.transform.concrete", None)
    assert "file.py: left as it is: libcst cannot be imported: " in proven().reason


def test_recursion_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of the program is as before, and is only changed for what is nested deeply."""
    limits: list[int] = []
    monkeypatch.setattr(sys, "setrecursionlimit", limits.append)
    assert not proven().reason
    assert limits == []
    monkeypatch.undo()
    before = sys.getrecursionlimit()
    assert not proven(f"def f():\n from m import y\n return {'(' * 90}y{',)' * 90}\n").reason
    assert sys.getrecursionlimit() == before


def test_libcst_is_loaded_by_the_first_mark() -> None:
    """A file without marks does not load libcst."""
    code = (
        "import ast, sys\n"
        "from dyntransform.transform.draft import decide_proven\n"
        "from dyntransform.transform.decide import Options\n"
        "def libcst(text):\n"
        "    decide_proven(text, 'file.py', ast.parse(text), Options(lambda name: name == 'm'))\n"
        "    return 'libcst' in sys.modules\n"
        "print(libcst('import m; from os import path; x = 1'), libcst('from m import *'), libcst('from m import y'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False True\n"


def test_text_that_was_rewritten_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps its marks, and is not written again."""
    text = rewrite(SOURCE, "file.py", Options()).text
    monkeypatch.setattr(draft, "make_draft", None)
    assert proven(text).reads


def test_small_stack() -> None:
    """A thread with a small stack is no reason."""
    depth = 150
    found: list[Decisions] = []
    source = f"def f():\n from m import y\n return {'[' * depth}y{']' * depth}\n"
    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=lambda: found.append(proven(source)))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert [marks.reason for marks in found] == [""]

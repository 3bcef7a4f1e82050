"""Edits of modules that exist as .pyc files alone."""

from __future__ import annotations

import ast
import importlib.util
import marshal
import os
import sys
import textwrap
import traceback
from pathlib import Path
from types import ModuleType

import pytest
from late_reads import late_reads
from live import running

import dyntransform
from dyntransform.compiled.rewriting import rewrite
from dyntransform.importing.compiling import compile_file
from dyntransform.lifting.parts import Block
from dyntransform.lifting.statements import lift
from dyntransform.reloading.model.compiled_source import CompiledSource
from dyntransform.reloading.model.report import Action
from dyntransform.runtime.dynamic_class import BASE
from dyntransform.transform.decide import Options


def compiled(path: Path, text: str) -> bytes:
    """Return what a .pyc file of a source holds."""
    code = compile(textwrap.dedent(text), str(path.with_suffix(".py")), "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)


def put(project, **files: str) -> None:
    """Write compiled modules as a deployment does: beside the old ones, then renamed."""
    for name, text in files.items():
        path = (project.root / name).with_suffix(".pyc")
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_bytes(compiled(path, text))
        new.replace(path)


def load(project, name: str, text: str) -> ModuleType:
    """Import a compiled module."""
    put(project, **{name: text})
    __import__(name)
    return sys.modules[name]


def edit(project, **files: str) -> dyntransform.Report:
    """Replace compiled modules, and reload."""
    put(project, **files)
    report = dyntransform.reload()
    if report.error is not None:
        raise report.error
    return report


def test_source_appears_and_goes(project):
    """Source beside the compiled file is what runs from then on, and the compiled file when it is gone again."""
    m = load(project, "m", "def f(): return 'compiled'\nheld = [f]\n")
    project.write(m="def f(): return 'source'\nheld = [f]\nV = 1\n")
    assert dyntransform.reload().error is None
    assert (m.f(), m.held[0](), m.V) == ("source", "source", 1)
    project.edit(m="def f(): return 'edited'\nheld = [f]\nV = 2\n")
    assert (m.held[0](), m.V) == ("edited", 2)
    (project.root / "m.py").unlink()
    assert dyntransform.reload().error is None
    assert (m.f(), m.held[0]()) == ("compiled", "compiled")
    assert not hasattr(m, "V")
    assert len(m.held) == 1, "an unchanged statement did not run again"
    edit(project, m="def f(): return 'again'\nheld = [f]\n")
    assert m.held[0]() == "again"


def test_statements_that_are_the_same_in_source_and_code_are_not_executed_again(project):
    """What a statement is does not depend on the form it comes in."""
    project.write(log="seen = []\n")
    text = "import log\nfrom log import seen as s\nlog.seen.append(1)\nA = B = len(s)\nC = {'a': [A, -1]}\ndel B\n"
    load(project, "m", text)
    project.write(m=text + "D = 1\n")
    report = dyntransform.reload()
    assert [change.name for change in report.changes] == ["__file__", "D"]
    assert sys.modules["log"].seen == [1]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", ImportError),
        (b"abc", ImportError),
        (importlib.util.MAGIC_NUMBER + bytes(12), EOFError),
        (importlib.util.MAGIC_NUMBER + bytes(12) + b"\0garbage", ValueError),
        (b"\x01\x02\r\n" + bytes(12) + marshal.dumps(compile("V = 2", "m.py", "exec")), ImportError),
        (importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps({"a": 1}), ImportError),
    ],
)
def test_bad_files(project, content, error):
    """A file that is no compiled module changes nothing; the error is that of an import, and says what to do."""
    m = load(project, "m", "V = 1\n")
    (project.root / "m.pyc").write_bytes(content)
    report = dyntransform.reload()
    assert isinstance(report.error, error), report.error
    assert "compileall" in str(report)
    assert m.V == 1
    with pytest.raises(error):
        importlib.util.spec_from_file_location("other", project.root / "m.pyc").loader.get_code("other")
    edit(project, m="V = 3\n")
    assert m.V == 3


def test_a_folder_of_that_name_is_no_file(project):
    """Where the file became a folder, the module goes on as one whose file is gone."""
    m = load(project, "m", "V = 1\n")
    (project.root / "m.pyc").unlink()
    (project.root / "m.pyc").mkdir()
    report = dyntransform.reload()
    assert (report.error, m.V) == (None, 1)


def test_failed_edit_changes_nothing(project):
    """An error in a compiled module, or in what depends on it, undoes the edit."""
    m = load(project, "m", "class A:\n    def f(self): return 1\nV = 1\n")
    project.load("n", "from m import V\nW = 10 // V\n")
    held = m.A()
    put(project, m="class A:\n    def f(self): return 2\nV = 0\n")
    report = dyntransform.reload()
    assert isinstance(report.error, ZeroDivisionError)
    assert (m.V, held.f(), sys.modules["n"].W) == (1, 1, 10)
    edit(project, m="class A:\n    def f(self): return 2\nV = 5\n")
    assert (m.V, held.f(), sys.modules["n"].W) == (5, 2, 2)
    assert dyntransform.undo().error is None
    assert (m.V, held.f(), sys.modules["n"].W) == (1, 1, 10)


def test_moved_code(project):
    """Where only lines differ, nothing is executed, and tracebacks name the new lines."""
    m = load(project, "m", "runs = []\nruns.append(1)\ndef f():\n    raise ValueError\n")
    report = edit(project, m="# a comment\n\nruns = []\nruns.append(1)\n\n\ndef f():\n\n    raise ValueError\n")
    assert m.runs == [1]
    assert not [change for change in report.changes if change.action is Action.RAN]
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - it has no text
        m.f()
    assert traceback.extract_tb(caught.value.__traceback__)[-1].lineno == 9


def test_compiled_package(project):
    """Packages and relative imports are edited in the same way."""
    a = "LIMIT = {}\ndef f():\n    from . import a\n    return LIMIT, a.__name__\n"
    put(project, **{"pkg/__init__": "from .a import f\nfrom . import a\n", "pkg/a": a.format(1)})
    pkg = __import__("pkg")
    f = pkg.f
    edit(project, **{"pkg/a": a.format(2)})
    assert (f(), pkg.f is f) == ((2, "pkg.a"), True)
    edit(project, **{"pkg/__init__": "from .a import f as g\nfrom . import a\n"})
    assert (pkg.g is f, hasattr(pkg, "f")) == (True, False)


def test_new_code_beside_kept_code(project):
    """Function-local imports are late bound in code that an edit brings, in lambdas and comprehensions too."""
    project.write(conf="A = 1\n")
    __import__("conf")
    m = load(project, "m", "def make():\n    pass\n")
    edit(project, m="def make():\n    from conf import A\n    return [lambda: A for _ in range(1)], (lambda: A)\n")
    (one,), other = m.make()
    project.edit(conf="A = 2\n")
    assert (one(), other()) == (2, 2)


def test_what_follows_an_endless_loop_is_edited_alone(project):
    """What stands behind a loop that is left with `break` is edited without running the loop again."""
    text = """
        turns = []
        while True:
            try:
                turns.append(len(turns))
                if len(turns) > 2:
                    raise StopIteration
            except StopIteration:
                break
        LIMIT = {limit}
        def over(n): return n > LIMIT {more}
    """
    m = load(project, "m", text.format(limit=1, more=""))
    held = m.over
    report = edit(project, m=text.format(limit=5, more="and 'more'"))
    assert {(change.action, change.name) for change in report.changes} == {
        (Action.RAN, "LIMIT"),
        (Action.UPDATED, "over"),
    }
    assert (held(2), held(6), m.turns) == (False, "more", [0, 1, 2])


def test_name_of_a_statement_that_is_partly_code(project):
    """A report shows what is known of a call, and an ellipsis for the rest."""
    load(project, "m", "seen = []\ndef note(*given): seen.extend(given)\nnote(1 if seen else 2, 'old')\n")
    report = edit(project, m="seen = []\ndef note(*given): seen.extend(given)\nnote(1 if seen else 2, 'new')\n")
    assert [(change.action, change.name) for change in report.changes] == [(Action.RAN, "note(..., 'new')")]


ASKING = """
from lib import a, b as c
class C:
    "text"
    from lib import a
    class D: from lib import b
class E(C):
    from lib import a
if c:
    from lib import d
    class F:
        from lib import a
try:
    from lib import e
except ImportError:
    from .other import e
def f():
    global g
    from lib import g, h
    return h
@f
class G: from lib import a
"""


@pytest.mark.parametrize("text", [ASKING, "class C[T]:\n from lib import a\n"])
def test_statements_ask_behind_their_imports(tmp_path, text):
    """A statement that is compiled again asks what its module asks, once, and is lifted as from the original."""
    if "[T]" in text and sys.version_info < (3, 12):
        pytest.skip("type parameters came with Python 3.12")
    path = tmp_path / "m.pyc"
    source = CompiledSource(compiled(path, text), str(path), Options())
    wanted = late_reads(compile_file(str(path), source.data, lambda _: True).code)
    found = [source.compile([statement.node]) for statement in source.statements]
    assert len(wanted) > text.count("import") - 3
    assert sorted(each for code in found for each in late_reads(code)) == wanted
    assert late_reads(source.compile([statement.node for statement in source.statements])) == wanted
    code = compile(text, "m.py", "exec", dont_inherit=True)
    without_bases = rewrite(code, Options(lambda name: name != BASE)).code
    pairs = list(zip(lift(code), lift(without_bases), strict=True))
    assert {one.name for (one, _), (other, _) in pairs if ast.dump(one) != ast.dump(other)} <= {"f"}
    assert [one.facts for (one, _), _ in pairs if isinstance(one, Block)] == [
        other.facts for _, (other, _) in pairs if isinstance(other, Block)
    ]


def test_imports_of_an_edit(project):
    """Names that an edit imports are live bindings, at module level and in classes; what asks is no statement."""
    project.write(lib="A = 1\nB = 2\n")
    m = load(project, "m", "from lib import A\nclass C:\n    from lib import A\n    def f(self): return A\n")
    held = m.C()
    project.edit(lib="A = 10\nB = 2\n")
    assert (m.A, m.C.A, held.f()) == (10, 10, 10)
    text = "from lib import A, B\nclass C:\n    from lib import A as D\n    def f(self): return A, B, self.D\n"
    report = edit(project, m=text)
    assert {change.name for change in report.changes} == {"A, B", "C.A", "C.D", "C.f"}
    assert held.f() == (10, 2, 10)
    project.edit(lib="A = 11\nB = 3\n")
    assert (m.A, m.B, m.C.D, held.f()) == (11, 3, 11, (11, 3, 11))
    edit(project, m=text.replace("A, B\n", "A, B  # a comment\n", 1))
    assert held.f() == (11, 3, 11)


def test_watched_program(tmp_path):
    """A program is edited by replacing its compiled modules while it runs."""
    text = "import m, time\nwhile True:\n    print('says', m.f(), flush=True)\n    time.sleep(0.01)\n"
    (tmp_path / "main.py").write_text(text, "utf-8")
    module = tmp_path / "m.pyc"
    module.write_bytes(compiled(module, "def f(): return 'one'\n"))
    with running(tmp_path, ["main.py"]) as program:
        program.until("says one")
        new = tmp_path / "m.tmp"
        new.write_bytes(compiled(module, "def f(): return 'two'\n"))
        os.replace(new, module)
        program.until("says two")

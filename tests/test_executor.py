"""DynamicModeExecutor: the loop of dynamic-executor 1.2.6, with what it promised."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import weakref
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest
from side_by_side import write

import dyntransform
from dyntransform import DynamicModeExecutor

_numbers = count()


class Project:
    """A project whose modules have names of their own, so that tests do not meet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"executed_{next(_numbers)}"
        self.executor = folder / "executor.py"

    def module(self, source: str) -> ModuleType:
        """Write the module, and import it."""
        self.edit(source)
        module = __import__(self.name)
        assert isinstance(module, ModuleType)
        return module

    def edit(self, source: str) -> None:
        """Write the module."""
        write(self.folder, {f"{self.name}.py": source})

    def execute(self, source: str) -> None:
        """Write executor.py; NAME stands for the module."""
        self.executor.write_text(textwrap.dedent(source).replace("NAME", self.name))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project in the working directory, with the hook installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    made = Project(tmp_path)
    with dyntransform.install([tmp_path]):
        yield made
    sys.modules.pop(made.name, None)


def loop_in(project: Project, namespace: dict[str, object]) -> Iterator[str | None]:
    """Begin the loop in a program that imports N from the module."""
    namespace["make"] = DynamicModeExecutor(supress_print=True).execute
    exec(f"from {project.name} import N\nturns = make(locals(), globals())", namespace)
    turns = namespace["turns"]
    assert isinstance(turns, Iterator)
    return turns


def test_creates_the_file(project: Project) -> None:
    """A missing file is created, and the first turn says so."""
    turns = DynamicModeExecutor().execute({}, {})
    assert next(turns) == f"Created an executor file in {project.executor.absolute()}"
    assert project.executor.read_text() == "# Save mode executor"
    assert list(turns) == []


def test_ends_on_success(project: Project) -> None:
    """The loop ends with the first run without an error; what it bound stays."""
    project.execute("x = y + 1")
    names: dict[str, object] = {"y": 1}
    assert list(DynamicModeExecutor().execute(names, {})) == []
    assert names["x"] == 2


def test_goes_on_after_success(project: Project) -> None:
    """Unless it is told to go on: then each turn gives None, with edits applied before the next."""
    project.module("VALUE = 1")
    project.execute("import NAME\nseen.append(NAME.VALUE)")
    seen: list[int] = []
    turns = DynamicModeExecutor(finish_upon_success=False).execute({"seen": seen}, {})
    for value in (2, 3):
        assert next(turns) is None
        project.edit(f"VALUE = {value}")
    assert next(turns) is None
    assert seen == [1, 2, 3]


def test_failed_turns(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A failed run gives its traceback, which is printed as well: the file is read anew for each turn."""
    project.execute("def f():\n    1/0\nf()")
    turns = DynamicModeExecutor().execute({}, {})
    failure = next(turns)
    assert failure == capsys.readouterr().err
    assert failure.splitlines()[0] == "Traceback (most recent call last):"
    assert failure.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert failure.count("  File ") == 2
    assert f'File "{project.executor}", line 2, in f\n    1/0\n' in failure
    project.execute("x = (")
    failure = next(turns)
    assert failure is not None
    assert failure.startswith(f'  File "{project.executor}", line 1\n    x = (\n')
    project.execute("")
    assert list(turns) == []


def test_without_printing(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed if it is told so, by the constructor or for one loop."""
    project.execute("1/0")
    assert next(DynamicModeExecutor(supress_print=True).execute({}, {}))
    assert next(DynamicModeExecutor().execute({}, {}, supress_print=True))
    assert capsys.readouterr().err == ""


def test_settings_of_one_loop(project: Project) -> None:
    """The settings of the constructor hold where `execute` has none of its own."""
    other = project.folder / "other.py"
    other.write_text("x = 1")
    names: dict[str, object] = {}
    executor = DynamicModeExecutor(Path("nowhere.py"), finish_upon_success=False)
    assert list(executor.execute(names, {}, other, finish_upon_success=True)) == []
    assert names == {"x": 1}


@pytest.mark.parametrize("ending", ["exit()", "raise SystemExit(3)"])
def test_exit_is_a_failed_turn(project: Project, ending: str) -> None:
    """A run that exits does not end the program."""
    project.execute(f"import sys\nfrom builtins import *\n{ending.replace('exit()', 'sys.exit()')}")
    failure = next(DynamicModeExecutor(supress_print=True).execute({}, {}))
    assert failure is not None
    assert "SystemExit" in failure


def test_interrupt_ends_the_loop(project: Project) -> None:
    """Ctrl-C is for the person at the keyboard."""
    project.execute("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        next(DynamicModeExecutor().execute({}, {}))


def test_vanished_file(project: Project) -> None:
    """A file that is taken away is a failed turn."""
    project.execute("1/0")
    turns = DynamicModeExecutor(supress_print=True).execute({}, {})
    next(turns)
    project.executor.unlink()
    failure = next(turns)
    assert failure is not None
    assert "FileNotFoundError" in failure


def test_names_of_the_caller(project: Project) -> None:
    """Names that came from modules are current on each turn: constants, functions made anew, classes, other objects."""
    old = "N = 7\nSEVEN = 7\nclass C: tag = 'old'\nONE = C()\ndef f(): return 'old'\ng = (lambda: f)()\n"
    module = project.module(old)
    here: dict[str, object] = {"seven": 7}
    exec(f"from {project.name} import N as n, C, f, g, ONE", here)
    project.execute("seen.append((n, C.tag, f(), g is module.g, ONE is module.ONE, seven)); 1/0")
    source = f"from {project.name} import N as n\nturns = make(locals(), globals())\nnext(turns)\nedit()\nnext(turns)\n"
    seen: list[object] = []

    def edit() -> None:
        project.edit(old.replace("N = 7", "N = 8").replace("'old'", "'new'").replace("SEVEN = 7", "SEVEN = 9"))

    make = DynamicModeExecutor(supress_print=True).execute
    here.update(seen=seen, module=module, edit=edit, make=make)
    exec(source, here)
    assert seen == [(7, "old", "old", True, True, 7), (8, "new", "new", True, True, 7)]


def test_edits_that_others_applied(project: Project) -> None:
    """It does not matter who applied an edit: the watcher may have been faster."""
    project.module("N = 1")
    project.execute("seen.append(N); 1/0")
    seen: list[object] = []
    turns = loop_in(project, {"seen": seen})
    next(turns)
    for value in (2, 3):
        project.edit(f"N = {value}")
        assert dyntransform.reload().error is None
    next(turns)
    assert seen == [1, 3]


def test_name_rebound_by_the_file(project: Project) -> None:
    """A name that the program gave another value keeps it."""
    project.module("N = 1")
    project.execute("seen.append(N); N = 'mine'; 1/0")
    seen: list[object] = []
    turns = loop_in(project, {"seen": seen})
    next(turns)
    project.edit("N = 2")
    next(turns)
    assert seen == [1, "mine"]


def test_failed_edit(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """An edit that cannot be applied is reported; the turn runs with the old code, and the next save is tried again."""
    module = project.module("N = 1")
    project.execute("seen.append(module.N); 1/0")
    seen: list[int] = []
    turns = DynamicModeExecutor(supress_print=True).execute({"seen": seen, "module": module}, {})
    next(turns)
    project.edit("N = (")
    next(turns)
    assert "was never closed" in capsys.readouterr().err
    project.edit("N = 2")
    next(turns)
    assert seen == [1, 1, 2]


def test_instances_are_not_leaked(project: Project) -> None:
    """Instances of the project's classes go when the program lets them go."""
    module = project.module("class C: pass")
    project.execute("c = module.C(); refs.append(weakref.ref(c)); del c; 1/0")
    refs: list[weakref.ref[object]] = []
    turns = DynamicModeExecutor(supress_print=True).execute({"module": module, "refs": refs, "weakref": weakref}, {})
    for body in ("x = 1", "x = 2", "x = 3"):
        next(turns)
        project.edit(f"class C: {body}")
    gc.collect()
    assert [ref() for ref in refs] == [None] * 3


def test_instances_live_on(project: Project) -> None:
    """Instances that the program holds take the new code, without a base class."""
    project.module("class C:\n    def f(self): return 1")
    project.execute("import NAME\nif 'c' not in globals(): globals()['c'] = NAME.C()\nseen.append(c.f()); 1/0")
    seen: list[int] = []
    turns = DynamicModeExecutor(supress_print=True).execute({"seen": seen}, {})
    next(turns)
    project.edit("class C:\n    def f(self): return 2")
    next(turns)
    assert seen == [1, 2]


PLAIN = {
    "helper.py": "LIMIT = 1\ndef f(): return 'old'\n",
    "executor.py": "print(LIMIT, f(), flush=True)\nassert LIMIT == 2 and f() == 'new'\nprint('done', extra)\n",
}
EDIT = "open('helper.py', 'w').write(\"LIMIT = 2\\ndef f(): return 'new'\\n\")"
AT_MODULE_LEVEL = f"""
    from dyntransform import DynamicModeExecutor
    from helper import LIMIT, f
    extra = 5
    for error in DynamicModeExecutor(supress_print=True).execute(locals(), globals()):
        {EDIT}
"""
IN_A_FUNCTION = f"""
    from dyntransform import DynamicModeExecutor
    def main():
        from helper import LIMIT, f
        extra = 5
        for error in DynamicModeExecutor(supress_print=True).execute(locals(), globals()):
            {EDIT}
    main()
"""


@pytest.mark.parametrize("program", [AT_MODULE_LEVEL, IN_A_FUNCTION], ids=["module", "function"])
@pytest.mark.parametrize("given", [True, False], ids=["given", "left out"])
@pytest.mark.parametrize("command", [[], ["-m", "dyntransform"], ["-m", "dyntransform", "--no-watch"]], ids=" ".join)
def test_programs(tmp_path: Path, command: list[str], program: str, given: bool) -> None:  # noqa: FBT001 - a parameter
    """It works at module level and in functions, with and without namespaces, however the program was started."""
    source = program if given else program.replace("locals(), globals()", "")
    write(tmp_path, {**PLAIN, "main.py": source})
    done = subprocess.run(
        [sys.executable, *command, "main.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 old\n2 new\ndone 5\n"

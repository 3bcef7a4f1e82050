"""Installing, watching, forking: the hook as a library."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from side_by_side import write

import dyntransform
from dyntransform.reloading.model.report import Report

TIMEOUT_S = 20
HEAVY = {
    "argparse", "ast", "asyncio", "bytecode", "contextlib", "dataclasses", "enum", "fnmatch", "inspect", "libcst",
    "logging", "pathlib", "re", "rich", "symtable", "threading", "tokenize", "traceback", "typing", "watchfiles",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is searched for modules; those that were imported from it are forgotten."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def imported_by(code: str, folder: Path) -> set[str]:
    """Return the modules that code imports in a fresh interpreter without site-packages' start-up files."""
    code = f"import sys; before = set(sys.modules)\n{code}\nprint(*set(sys.modules) - before)"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""},
    )
    return set(done.stdout.split())


def test_install_imports_little(tmp_path: Path) -> None:
    """What a program does not need before its first edit is not imported before."""
    assert not imported_by("import dyntransform; dyntransform.install()", tmp_path) & HEAVY


def test_warm_start_imports_little(tmp_path: Path) -> None:
    """A program whose modules are compiled already imports nothing that rewrites."""
    helper = "from os import path\ndef f():\n    from other import g\n    return g"
    write(tmp_path, {"helper.py": helper, "other.py": ""})
    code = "import dyntransform; dyntransform.install(); sys.path.insert(0, '.'); import helper"
    imported_by(code, tmp_path)
    assert not imported_by(code, tmp_path) & HEAVY


def test_running_imports_little(tmp_path: Path) -> None:
    """The command line costs a program few imports, and none of what it may not need."""
    write(tmp_path, {"main.py": "import sys\nprint(*sys.modules)"})
    plain, ours = (
        set(
            subprocess.run(
                [sys.executable, "-m", *module], cwd=tmp_path, capture_output=True, text=True, check=True
            ).stdout.split()
        )
        for module in (["main"], ["dyntransform", "main.py"])
    )
    more = ours - plain
    assert not more & (HEAVY - {"threading"})
    rewriting = {name for name in more if name.startswith(("dyntransform.reloading", "dyntransform.transform."))}
    assert rewriting <= {"dyntransform.transform.optout"}


def test_public_names() -> None:
    """Every public name can be imported, and no other."""
    for name in dyntransform.__all__:
        assert getattr(dyntransform, name) is not None
        assert name in dir(dyntransform)
    with pytest.raises(AttributeError, match="module 'dyntransform' has no attribute 'nope'"):
        _ = dyntransform.nope


@pytest.mark.parametrize(
    "call", [dyntransform.reload, dyntransform.undo, dyntransform.watch, dyntransform.unwatch], ids=lambda f: f.__name__
)
def test_not_installed(call: object) -> None:
    """Without the hook an error says what to call."""
    assert callable(call)
    with pytest.raises(dyntransform.NotInstalledError, match=r"call dyntransform\.install\(\)"):
        call()


def test_context_manager(folder: Path) -> None:
    """Leaving the hook takes it away, and what it loaded stays."""
    write(folder, {"left.py": "X = 1"})
    finders = sys.meta_path.copy()
    with dyntransform.install([folder]) as hook:
        module = __import__("left")
        assert dyntransform.install([folder]) is hook
    assert sys.meta_path == finders
    assert module.X == 1
    with pytest.raises(dyntransform.NotInstalledError):
        dyntransform.reload()


def test_context_manager_with_an_error(folder: Path) -> None:
    """The same if the block fails; the error passes."""
    finders = sys.meta_path.copy()
    with pytest.raises(ZeroDivisionError), dyntransform.install([folder], watch=True):
        _ = 1 / 0
    assert sys.meta_path == finders


def test_watch_and_unwatch(folder: Path) -> None:
    """Watching can begin and end many times; saves in between are applied when it begins again."""
    write(folder, {"watched.py": "X = 0"})
    reports: queue.Queue[Report] = queue.Queue()
    with dyntransform.install([folder]):
        module = __import__("watched")
        for value in (1, 3, 5):
            write(folder, {"watched.py": f"X = {value}"})
            dyntransform.watch(reports.put)
            dyntransform.watch(reports.put)
            assert reports.get(timeout=TIMEOUT_S).error is None
            assert value == module.X
            write(folder, {"watched.py": f"X = {value + 1}"})
            assert reports.get(timeout=TIMEOUT_S).error is None
            assert value + 1 == module.X
            dyntransform.unwatch()
            dyntransform.unwatch()
        assert reports.empty()


def test_reports_of_a_watch_that_began_without(folder: Path) -> None:
    """``install(watch=True)`` reports to nobody; ``watch(on_report)`` after it reports what follows."""
    write(folder, {"told.py": "X = 0"})
    reports: queue.Queue[Report] = queue.Queue()
    with dyntransform.install([folder], watch=True):
        module = __import__("told")
        dyntransform.watch(reports.put)
        write(folder, {"told.py": "X = 1"})
        assert reports.get(timeout=TIMEOUT_S).error is None
        assert module.X == 1


def test_roots_that_are_added(folder: Path) -> None:
    """A root that is added while watching is watched too."""
    write(folder, {"one/added_one.py": "X = 0", "two/added_two.py": "X = 0"})
    reports: queue.Queue[Report] = queue.Queue()
    sys.path[:0] = [str(folder / "one"), str(folder / "two")]
    try:
        with dyntransform.install([folder / "one"]):
            dyntransform.watch(reports.put)
            dyntransform.install([folder / "two"])
            for name in ("one", "two"):
                module = __import__(f"added_{name}")
                write(folder, {f"{name}/added_{name}.py": "X = 1"})
                assert reports.get(timeout=TIMEOUT_S).error is None
                assert module.X == 1
    finally:
        del sys.path[:2]


def test_unwatch_in_a_report(folder: Path) -> None:
    """Whoever gets a report may end the watch."""
    write(folder, {"ended.py": "X = 0"})
    reports: queue.Queue[Report] = queue.Queue()
    with dyntransform.install([folder]):
        __import__("ended")
        dyntransform.watch(lambda report: (dyntransform.unwatch(), reports.put(report)))
        write(folder, {"ended.py": "X = 1"})
        assert reports.get(timeout=TIMEOUT_S).error is None


def test_module_file_that_vanished(folder: Path) -> None:
    """A module whose file was taken away stays as it is, without an error, and is reloaded when the file is back."""
    write(folder, {"vanished.py": "X = 0"})
    with dyntransform.install([folder]):
        module = __import__("vanished")
        (folder / "vanished.py").unlink()
        assert not dyntransform.reload()
        assert module.X == 0
        write(folder, {"vanished.py": "X = 1"})
        assert dyntransform.reload().error is None
        assert module.X == 1


def test_fork_waits_for_the_edit(tmp_path: Path) -> None:
    """A process that is forked while an edit is applied begins with all of it."""
    source = """
        import os, threading
        import dyntransform, state
        begun, go = threading.Event(), threading.Event()
        state.events = begun, go
        dyntransform.watch()
        with open("state.py", "w") as file:
            file.write("import __main__\\n__main__.begun.set()\\n__main__.go.wait()\\nX = 1\\nY = 1\\n")
        begun.wait()
        threading.Timer(0.1, go.set).start()
        if os.fork() == 0:
            os._exit(state.X * 2 + state.Y)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
    """
    write(tmp_path, {"main.py": source, "state.py": "X = 0\nY = 0\n"})
    done = subprocess.run(
        [sys.executable, "-Wignore", "-m", "dyntransform", "--no-watch", "main.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_root_that_is_no_folder(tmp_path: Path) -> None:
    """A root that is not there is a mistake, and nothing is installed."""
    finders = list(sys.meta_path)
    with pytest.raises(dyntransform.ConfigError, match="nowhere: no such folder"):
        dyntransform.install([tmp_path, tmp_path / "nowhere"])
    assert sys.meta_path == finders

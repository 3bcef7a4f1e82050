"""The command line: what is said, and where it goes."""

from __future__ import annotations

import py_compile
import subprocess
import sys
from pathlib import Path

import pytest
from live import replace, running
from side_by_side import Outcome, ours, plain, write

LOOP = """
    import os, time
    from helper import f
    while True:
        os.write(1, f"{f()}\\n".encode())  # whole lines: reports go to the same pipe
        time.sleep(0.02)
"""


def refused(folder: Path, *arguments: str) -> str:
    """Return what is said to a command line that cannot be followed."""
    got = ours(folder, arguments)
    assert got.code in (1, 2)
    assert got.output == ""
    return got.errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["usage: dyntransform", "name the program: main.py, or -m and a module"]),
        (["-i", "main.py"], ["unknown option -i", "before -m dyntransform"]),
        (["--colour", "main.py"], ["unknown option --colour"]),
        (["--no-wat", "main.py"], ["unknown option --no-wat"]),
        (["-c", "print(1)"], ["dyntransform: -c:", "no file that could be edited"]),
        (["-"], ["dyntransform: -:", "no file that could be edited"]),
        (["-m"], ["-m needs the name of a module"]),
        (["--root"], ["--root: expected one argument"]),
        (["--root", "nope", "main.py"], ["--root nope: no such folder"]),
        (["show"], ["usage: dyntransform show", "file"]),
        (["show", "nope.py"], ["nope.py: No such file or directory"]),
        (["show", "broken.py"], ['File "broken.py", line 1', "SyntaxError"]),
        (["show", "main.py", "--diff", "--lowered"], ["not allowed with"]),
        (["plan", "nope.py"], ["nope.py: No such file or directory"]),
        (["clean", "nodir"], ["nodir: no such folder"]),
        (["pln", "main.py"], ["pln: no such file, and no such command; did you mean plan?"]),
        (["zzz"], ["zzz: no such file, and no such command; the commands are build, clean,"]),
    ],
)
def test_refusals(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    """What cannot be done is said in a sentence, with an exit code, and without a traceback."""
    write(tmp_path, {"main.py": "print(1)", "broken.py": "x = ("})
    said = refused(tmp_path, *arguments)
    assert "Traceback" not in said
    for word in words:
        assert word in said


def test_wrong_settings(tmp_path: Path) -> None:
    """A setting that cannot be used ends the program before it begins."""
    write(tmp_path, {"main.py": "print(1)", "pyproject.toml": "[tool.dyntransform]\nroot = ['src']\n"})
    said = refused(tmp_path, "main.py")
    assert said.startswith(f"dyntransform: {tmp_path / 'pyproject.toml'}: [tool.dyntransform] has no setting 'root'")


@pytest.mark.parametrize(
    "command",
    [[], *([name] for name in ("build", "clean", "compile", "disable", "enable", "plan", "run", "show"))],
    ids=str,
)
def test_help(tmp_path: Path, command: list[str]) -> None:
    """Each command has a help text that names what it takes."""
    got = ours(tmp_path, [*command, "--help"])
    assert (got.code, got.errors) == (0, "")
    assert got.output.startswith("usage: dyntransform")
    assert "-h, --help" in got.output


def test_program_without_a_suffix(tmp_path: Path) -> None:
    """A file is run whatever it is called; after the word run, one that is missing is told in Python's own words."""
    write(tmp_path, {"pln": "print('ran')"})
    assert ours(tmp_path, ["pln"]) == Outcome(0, "ran\n", "")
    assert ours(tmp_path, ["run", "build"]).errors == plain(tmp_path, ["build"]).errors


def test_version(tmp_path: Path) -> None:
    """The version is told."""
    import dyntransform

    assert ours(tmp_path, ["--version"]) == Outcome(0, f"dyntransform {dyntransform.__version__}\n", "")


@pytest.mark.parametrize(
    "options",
    [["run"], ["--"], ["--root", "."], ["--root=."], ["--exclude", "x*", "--exclude=y"], ["--quiet", "--no-watch"]],
    ids=" ".join,
)
def test_options_before_the_program(tmp_path: Path, options: list[str]) -> None:
    """Options before the program are ours, and those behind it the program's."""
    write(tmp_path, {"main.py": "import sys; print(sys.argv)"})
    arguments = ["main.py", "--root", "x", "--quiet", "show", "-m", "--"]
    assert ours(tmp_path, [*options, *arguments]) == plain(tmp_path, arguments)


def test_show(tmp_path: Path) -> None:
    """The rewritten source is printed byte for byte, or what differs, or what the import hook compiles."""
    write(tmp_path, {"m.py": "def f():\n    from helper import g\n    return g()\n", "helper.py": ""})
    text = ours(tmp_path, ["show", "m.py"]).output
    assert text.endswith('_dyn_lookup("helper", "g", g)()\n')
    changed = ours(tmp_path, ["show", "m.py", "--diff"]).output
    assert "-    return g()\n" in changed
    assert text.splitlines()[-1] in changed
    assert "return (" in ours(tmp_path, ["show", "m.py", "--lowered"]).output
    write(tmp_path, {"m.py": "def f():\n    from helper import g\n    if g: return f'{g}'\n"})
    assert "    if __dyn_replaced__(" in ours(tmp_path, ["show", "m.py", "--lowered"]).output


def test_show_of_a_compiled_file(tmp_path: Path) -> None:
    """The functions that change are printed, before and after; of what cannot be loaded it is said what to do."""
    text = "def f():\n    from helper import g\n    a = 1\n    b = 2\n    c = 3\n    return g()\n"
    write(tmp_path, {"m.py": text, "helper.py": ""})
    for name in ("m", "helper"):
        py_compile.compile(str(tmp_path / f"{name}.py"), str(tmp_path / f"{name}.pyc"), doraise=True)
    whole = ours(tmp_path, ["show", "m.pyc"]).output
    assert whole.startswith("--- m.pyc: f, line 1\n+++ m.pyc: f, line 1 (rewritten)\n")
    assert "IMPORT_NAME" in whole
    assert [line for line in whole.splitlines() if line.startswith("+") and "__dyn_replaced__" in line]
    short = ours(tmp_path, ["show", "m.pyc", "--diff"]).output
    assert len(short) < len(whole)
    lowered = ours(tmp_path, ["show", "m.pyc", "--lowered"]).output
    assert lowered.startswith("m.pyc: f, line 1\n")
    assert "__dyn_replaced__" in lowered
    nothing = ours(tmp_path, ["show", "helper.pyc"])
    assert (nothing.code, nothing.output) == (0, "")
    assert "it runs as it is" in nothing.errors
    (tmp_path / "m.pyc").write_bytes(b"rubbish")
    bad = ours(tmp_path, ["show", "m.pyc"])
    assert bad.code == 1
    assert "bad magic number in 'm.pyc'" in bad.errors
    assert "compile its source again" in bad.errors


def test_show_into_a_closed_pipe(tmp_path: Path) -> None:
    """What reads the output may stop reading."""
    write(tmp_path, {"m.py": "x = 1\n" * 50_000})
    process = subprocess.Popen(
        [sys.executable, "-m", "dyntransform", "show", "m.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.wait()
    process.stderr.close()


def test_clean(tmp_path: Path) -> None:
    """What was compiled is removed, and Python's own files stay."""
    write(tmp_path, {"main.py": "import helper", "helper.py": "from os import path"})
    for run in (ours, plain):
        assert run(tmp_path, ["main.py"]).code == 0
    cached = tmp_path / "__pycache__"
    assert len(list(cached.iterdir())) > 1
    assert ours(tmp_path, ["clean"]).output.startswith("removed ")
    assert [path.name for path in cached.iterdir()] == [f"helper.{sys.implementation.cache_tag}.pyc"]
    assert ours(tmp_path, ["clean", "."]).output == "removed 0 files\n"


def test_edit_while_it_runs(tmp_path: Path) -> None:
    """An edit is applied and reported, on the error stream and without colours where that is no terminal."""
    write(tmp_path, {"main.py": LOOP, "helper.py": "def f():\n    return 'old'\n"})
    with running(tmp_path, ["main.py"]) as program:
        program.until("old")
        replace(tmp_path / "helper.py", "old", "new")
        assert program.until("reloaded").startswith("dyntransform reloaded helper.py in ")
        assert program.until("helper.f") == "  updated   helper.f  helper.py:1"
        program.until(lambda line: line == "new")


def test_quiet(tmp_path: Path) -> None:
    """With --quiet only an edit that cannot be applied is reported."""
    write(tmp_path, {"main.py": LOOP, "helper.py": "def f():\n    return 'old'\n"})
    with running(tmp_path, ["--quiet", "main.py"]) as program:
        program.until("old")
        replace(tmp_path / "helper.py", "old", "new")
        program.until(lambda line: line == "new")
        replace(tmp_path / "helper.py", "return", "return (")
        program.until("not applied helper.py: the program goes on with the old code")
        assert not any("reloaded" in line for line in program.seen)


@pytest.mark.parametrize("setting", [["--no-watch"], []], ids=["option", "setting"])
def test_no_watch(tmp_path: Path, setting: list[str]) -> None:
    """Without watching, edits wait for `dyntransform.reload`."""
    source = """
        import dyntransform
        from helper import f
        print(f(), flush=True)
        input()
        print(f(), flush=True)
        dyntransform.reload()
        print(f(), flush=True)
    """
    write(tmp_path, {"main.py": source, "helper.py": "def f(): return 'old'\n"})
    if not setting:
        write(tmp_path, {"pyproject.toml": "[tool.dyntransform]\nwatch = false\n"})
    process = subprocess.Popen(
        [sys.executable, "-m", "dyntransform", *setting, "main.py"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "old\n"
    replace(tmp_path / "helper.py", "old", "new")
    output, _ = process.communicate("\n")
    assert output == "old\nnew\n"


def test_script_without_extension(tmp_path: Path) -> None:
    """A script is watched whatever its name."""
    source = "import time\ndef f(): return 'old'\nwhile True:\n    print(f(), flush=True)\n    time.sleep(0.02)\n"
    write(tmp_path, {"tool": source})
    with running(tmp_path, ["tool"]) as program:
        program.until("old")
        replace(tmp_path / "tool", "'old'", "'new'")
        program.until(lambda line: line == "new")


def test_reports_are_not_the_programs(tmp_path: Path) -> None:
    """A program that collects what it writes to its error stream does not find our reports there."""
    source = """
        import contextlib, io, time
        from helper import f
        collected = io.StringIO()
        with contextlib.redirect_stderr(collected):
            print("go", flush=True)
            while f() == "old":
                time.sleep(0.02)
            time.sleep(0.1)
        print("collected", repr(collected.getvalue()), flush=True)
    """
    write(tmp_path, {"main.py": source, "helper.py": "def f():\n    return 'old'\n"})
    with running(tmp_path, ["main.py"]) as program:
        program.until("go")
        replace(tmp_path / "helper.py", "old", "new")
        assert program.until("collected") == "collected ''"
        if not any("reloaded helper.py" in line for line in program.seen):
            program.until(lambda line: "reloaded helper.py" in line)

"""A program that nobody edits is the program that plain Python runs, to the last byte of what it prints."""

from __future__ import annotations

import dataclasses
import io
import os
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from side_by_side import Outcome, ours, plain, write

ATTRIBUTES = """\
import sys
for name, value in globals().copy().items():
    if name.startswith("__"):
        print(name, repr(value) if name != "__builtins__" else type(value))
print(sys.argv, sys.path[0], sys.modules["__main__"].__dict__ is globals(), repr(sys.modules["__main__"]))
"""
FAILS = "def f():\n    raise ValueError('x')\n"


def archive(**files: str) -> bytes:
    """Return a zip archive of modules."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, text in files.items():
            opened.writestr(f"{name}.py", text)
    return buffer.getvalue()


@dataclasses.dataclass(frozen=True)
class Case:
    """A program: its files (or only main.py), the command line, and what surrounds it."""

    files: Mapping[str, str | bytes] | str | bytes
    arguments: Sequence[str] = ("main.py",)
    flags: Sequence[str] = ()
    stdin: str = ""
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)


ASCII = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
APP = archive(__main__=ATTRIBUTES + "import helper\nhelper.f()", helper=FAILS)

CASES = {
    # ---- what __main__ and sys look like
    "arguments": Case("import sys; print(sys.argv, sys.path)", ["main.py", "--root", "x", "-m", "--", "-q", ""]),
    "attributes": Case(ATTRIBUTES),
    "annotations": Case("x: int = 1\nprint(__annotations__)"),
    "future annotations": Case("from __future__ import annotations\nx: y = 1\nprint(__annotations__)"),
    "path with dots": Case({"a/main.py": ATTRIBUTES + FAILS + "f()"}, ["./a/../a/main.py"]),
    "path with slashes": Case({"a/main.py": ATTRIBUTES + "1/0"}, ["a//main.py"]),
    "main and its import are two modules": Case(
        {
            "main.py": "import other\nother.f()\nX = 1",
            "other.py": "def f():\n    import __main__\n    print(vars(__main__).keys())",
        }
    ),
    "names imported from main": Case("def g():\n    from __main__ import X\n    return X\nX = 1\nprint(g())"),
    "byte order mark": Case(b"\xef\xbb\xbfprint(1)\nraise ValueError"),
    "latin-1": Case(b"# coding: latin-1\nprint(ascii('\xe9'))\nraise ValueError('\xe9')"),
    "empty": Case(""),
    "inspect": Case(
        "import inspect, sys\ndef f():\n    return 1\nclass A:\n    x = 1\n"
        "print(inspect.getsource(f), inspect.getsource(A), inspect.getmodule(f))"
    ),
    "doctest": Case('def f():\n    """\n    >>> f()\n    2\n    """\n    return 1\nimport doctest; doctest.testmod()'),
    "pickle": Case(
        "import pickle\nclass A:\n    pass\nprint(type(pickle.loads(pickle.dumps(A()))) is A, pickle.dumps(A()))"
    ),
    "runpy inside": Case(
        {"main.py": "import runpy\nprint(runpy.run_path('x.py')['y'])\nrunpy.run_module('x', run_name='__main__')",
         "x.py": "y = 1\nprint(__name__)"}
    ),
    "main is deleted": Case("import sys\ndel sys.modules['__main__']\nprint(__name__)"),
    "main is replaced": Case("import sys, types\nsys.modules['__main__'] = types.ModuleType('__main__')\n1/0"),
    "globals are cleared": Case("globals().clear()"),
    # ---- how it ends
    **{
        f"exit {code}": Case(f"import sys; sys.exit({code})")
        for code in ("3", "'words'", "None", "''", "2.5", "True", "(1, 2)", "-1", "256")
    },
    "raise": Case("def f():\n    x = 1\n    return x + [1][3]\nf()"),
    "chained": Case(
        "def f():\n    try: {}['a']\n    except KeyError as e: raise ValueError('x') from e\n"
        "def g():\n    try: f()\n    except ValueError: raise TypeError('y')\ng()"
    ),
    "group": Case("try: 1/0\nexcept ZeroDivisionError as e: raise ExceptionGroup('g', [e, ValueError(1)])"),
    "note": Case("e = ValueError('x'); e.add_note('hello'); raise e"),
    "as deep as it gets": Case("def f(): f()\nf()"),
    "interrupt": Case("raise KeyboardInterrupt"),
    "interrupt from outside": Case(
        "import os, signal, time\ndef f():\n    os.kill(os.getpid(), signal.SIGINT); time.sleep(60)\nf()"
    ),
    "terminated": Case("import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM); time.sleep(60)"),
    "terminated with a handler": Case(
        "import os, signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *a: sys.exit(7))\n"
        "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)"
    ),
    "_exit": Case("import os\nprint('x', flush=True)\nos._exit(9)"),
    "error in a thread": Case(
        "import threading\nfor f in (lambda: 1/0, exit):\n    t = threading.Thread(target=f); t.start(); t.join()"
    ),
    "thread outlives main": Case(
        "import threading\ngo = threading.Event()\nthreading.Thread(target=lambda: (go.wait(), print('late'))).start()"
        "\nprint('end')\ngo.set()"
    ),
    "only the threads of the program": Case(
        "import threading\nprint(threading.active_count(), [t.name for t in threading.enumerate()])"
    ),
    "error in atexit": Case("import atexit\natexit.register(print, 'bye')\natexit.register(lambda: 1/0)"),
    "atexit after an error": Case(
        "import atexit, sys\natexit.register(lambda: print(sys.excepthook is sys.__excepthook__, sys.last_value,"
        " sys.last_traceback.tb_frame.f_code.co_name))\n1/0"
    ),
    "hook of its own": Case(
        "import sys\nsys.excepthook = lambda k, e, t: print(k, e, t.tb_frame.f_code.co_name, e.__traceback__ is t)\n1/0"
    ),
    "hook that fails": Case("import sys\ndef h(*a): raise TypeError('in hook')\nsys.excepthook = h\n1/0"),
    "hook that exits": Case("import sys\nsys.excepthook = lambda *a: sys.exit(5)\n1/0"),
    "hook of None": Case("import sys\nsys.excepthook = None\n1/0"),
    "traceback limit": Case("import sys\nsys.tracebacklimit = 1\ndef f(): g()\ndef g(): 1/0\nf()"),
    "error in __del__": Case("class A:\n    def __del__(self): 1/0\nA()"),
    "__del__ at the end": Case("class A:\n    def __del__(self): print('del', __name__)\na = A()"),
    "asyncio": Case("import asyncio\nasync def m():\n    await asyncio.sleep(0); 1/0\nasyncio.run(m())"),
    "asyncio interrupted": Case(
        "import asyncio, os, signal\nasync def m():\n"
        "    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)\n    await asyncio.sleep(60)\n"
        "asyncio.run(m())"
    ),
    # ---- what it reads and prints
    "stdin": Case("import sys\nprint(input('name? ')); print(sys.stdin.read())", stdin="a\nb\nc"),
    "stdin at its end": Case("input()"),
    "ascii output": Case("print('\\u20ac')", environment=ASCII),
    "ascii errors": Case("raise ValueError('\\u20ac')", environment=ASCII),
    "stderr closed": Case("import sys\nsys.stderr.close()\nprint(1)"),
    "stderr closed below": Case("import os\nos.close(2)\nprint(1)"),
    "stderr redirected": Case("import sys\nsys.stderr = sys.stdout\n1/0"),
    "stderr None": Case("import sys\nsys.stderr = None\n1/0"),
    "stdout closed": Case("import sys\nsys.stdout.close()"),
    "warnings": Case(
        "import warnings\nwarnings.warn('x')\nwarnings.warn('y', DeprecationWarning)\n"
        "def f(): warnings.warn('z', stacklevel=2)\nf()\nfor i in range(3): warnings.warn('once')\n1 is 1"
    ),
    # ---- what cannot run
    "syntax error": Case("x = 1\ndef f(:\n  pass"),
    "wrong indentation": Case("x = 1\n  y = 2"),
    "yield outside": Case("def f():\n    return 1\nyield 1"),
    "too deep": Case("x = " + "+".join(["1"] * 3000) + "\nfrom os import path"),
    "missing": Case({}, ["nope.py"]),
    "missing folder": Case({}, ["a/b/nope.py"]),
    "folder without main": Case({"pkg/x.py": ""}, ["pkg"]),
    "syntax error in a module": Case({"main.py": "import bad", "bad.py": "x = (1,\ny = 2"}),
    "syntax error in a module of a function": Case(
        {"main.py": "def f():\n    from bad import x\nf()", "bad.py": "x = (1,\ny = 2"}
    ),
    "name that is not there": Case({"main.py": "from good import missing", "good.py": ""}),
    "name that is not there in a function": Case(
        {"main.py": "def f():\n    from good import missing\nf()", "good.py": ""}
    ),
    "circular import": Case(
        {"main.py": "import a", "a.py": "from b import y\nx = 1", "b.py": "from a import x\ny = 1"}
    ),
    "error in a module": Case({"main.py": "from a import x", "a.py": "def f():\n    1/0\nx = f()"}),
    # ---- folders and archives
    "folder": Case({"app/__main__.py": ATTRIBUTES + "import helper\nhelper.f()", "app/helper.py": FAILS}, ["app", "a"]),
    "folder with a slash": Case({"app/__main__.py": ATTRIBUTES + "1/0"}, ["app/", "a"]),
    "this folder": Case({"__main__.py": ATTRIBUTES + "1/0"}, [".", "a"]),
    "archive": Case({"app.zip": APP}, ["app.zip", "a"]),
    "archive without extension": Case({"app": APP}, ["app", "a"]),
    "archive named .py": Case({"app.py": APP}, ["app.py", "a"]),
    # ---- -m
    "-m package": Case(
        {"pkg/__init__.py": "print(1)", "pkg/__main__.py": ATTRIBUTES + "from . import x\nx.f()", "pkg/x.py": FAILS},
        ["-m", "pkg", "a", "-m"],
    ),
    "-m module": Case(
        {"pkg/__init__.py": "", "pkg/mod.py": ATTRIBUTES + "from .x import f\nf()", "pkg/x.py": FAILS},
        ["-m", "pkg.mod", "a"],
    ),
    "-mmodule": Case({"pkg/mod.py": ATTRIBUTES}, ["-mpkg.mod", "a"]),
    "-m missing": Case({}, ["-m", "nope"]),
    "-m missing in a package": Case({}, ["-m", "os.nope"]),
    "-m package without main": Case({"pkg/__init__.py": ""}, ["-m", "pkg"]),
    "-m file": Case({"m.py": ""}, ["-m", "m.py"]),
    "-m package that fails": Case({"pkg/__init__.py": "1/0", "pkg/__main__.py": ""}, ["-m", "pkg"]),
    "-m package that lacks an import": Case({"pkg/__init__.py": "import nope", "pkg/__main__.py": ""}, ["-m", "pkg"]),
    "-m syntax error": Case({"m.py": "x ="}, ["-m", "m"]),
    "-m namespace package": Case({"ns/__main__.py": ATTRIBUTES}, ["-m", "ns"]),
    "-m imported before": Case({"pkg/__init__.py": "import pkg.m", "pkg/m.py": "print(__name__)"}, ["-m", "pkg.m"]),
    "-m exit": Case({"m.py": "import sys; sys.exit('words')"}, ["-m", "m"]),
    "-m interrupt": Case({"m.py": "raise KeyboardInterrupt"}, ["-m", "m"]),
    "-m unittest": Case(
        {"test_a.py": "import unittest\nclass A(unittest.TestCase):\n    def test(self): self.assertEqual(1, 2)\n"},
        ["-m", "unittest"],
    ),
    "-m pytest": Case(
        {
            "test_a.py": "from worker import f\ndef test():\n    from worker import f as g\n    assert f(1) == g(2)\n",
            "worker.py": "def f(x): return x",
        },
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"],
    ),
    "-m pytest with an error": Case(
        {"test_a.py": "from worker import f\ndef test(): f()", "worker.py": "def f():\n    from os import nope"},
        ["-m", "pytest", "-q", "-p", "no:cacheprovider"],
    ),
    "-m json.tool": Case({}, ["-m", "json.tool"], stdin='{"a": 1}'),
    "-m timeit": Case({}, ["-m", "timeit", "-n1", "-r1", "1/0"]),
    "-m cProfile": Case({"main.py": "print(__name__)"}, ["-m", "cProfile", "-o", "out", "main.py"]),
    "-m pdb": Case({"main.py": "x = 1\ny = 2\n"}, ["-m", "pdb", "main.py"], stdin="n\nn\np x\nc\nq\n"),
    # ---- options of Python
    "-O": Case("assert 0\nprint(__debug__)", flags=["-O"]),
    "-OO": Case("def f():\n    'doc'\nprint(f.__doc__)", flags=["-OO"]),
    "-W error": Case("import warnings\nwarnings.warn('x')", flags=["-W", "error"]),
    "-W error in a module": Case({"main.py": "import a", "a.py": "from os import path\nx = '\\d'"}, flags=["-Werror"]),
    "-W always in a module": Case({"main.py": "import a", "a.py": "x = '\\d'\nx is 1"}, flags=["-Walways"]),
    "-X dev": Case("import sys\nprint(sys.flags)\nopen('main.py')", flags=["-X", "dev"]),
    "-bb": Case("print(b'a' == 'a')", flags=["-bb"]),
    "-P": Case("import sys\nprint(sys.path[0] == '')", flags=["-P"]),
    "-P folder": Case({"app/__main__.py": "import sys; print(sys.path[0])"}, ["app"], flags=["-P"]),
    "-X": Case("import sys\nprint(sys.flags, sys._xoptions, sys.warnoptions)", flags=["-Xutf8", "-Xa=b", "-Wi"]),
    "-i": Case("x = 1", flags=["-i"], stdin="print(x, __name__)\n"),
    # ---- processes
    "spawn": Case("""
        import multiprocessing
        class A:
            def __init__(self, x): self.x = x
        def work(a): return a.x * 2
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool: print(pool.map(work, [A(1), A(2)]))
    """),
    "spawn from -m": Case(
        {"pkg/m.py": """
            import multiprocessing
            def work(a): return a * 2
            if __name__ == "__main__":
                with multiprocessing.get_context("spawn").Pool(1) as pool: print(pool.map(work, [1, 2]))
        """},
        ["-m", "pkg.m"],
    ),
    "forked pool": Case(
        "import multiprocessing\ndef work(x): return x + 1\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(work, [1, 2]))"
    ),
    "fork": Case(
        "import os, sys\npid = os.fork()\nif pid == 0:\n    sys.exit(5)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    ),
    "fork -W always": Case("import os\nif os.fork() == 0: os._exit(0)\nos.wait()", flags=["-Walways"]),
    "execv": Case(
        "import os, sys\nif len(sys.argv) < 2: os.execv(sys.executable, [sys.executable, *sys.argv, 'again'])\n"
        "print(sys.argv)"
    ),
}  # fmt: skip


def outcomes(folder: Path, case: Case, *options: str) -> tuple[Outcome, Outcome]:
    """Run a program twice: with Python alone, and under the tool."""
    files = {"main.py": case.files} if isinstance(case.files, (str, bytes)) else case.files
    write(folder, files)
    around = {"flags": case.flags, "stdin": case.stdin, "environment": case.environment}
    return plain(folder, case.arguments, **around), ours(folder, [*options, *case.arguments], **around)


@pytest.mark.parametrize("name", CASES)
def test_same_as_plain_python(tmp_path: Path, name: str) -> None:
    """Output, errors, tracebacks and exit code are those of plain Python, while the files are watched."""
    expected, got = outcomes(tmp_path, CASES[name])
    assert got == expected


@pytest.mark.skipif(sys.version_info < (3, 12), reason="older versions do not warn")
def test_forks_with_threads_warn(tmp_path: Path) -> None:
    """A program that forks with a thread of its own is warned as ever."""
    source = """
        import os, threading
        go = threading.Event()
        threading.Thread(target=go.wait).start()
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        go.set()
    """
    write(tmp_path, {"main.py": source})
    for _ in range(5):  # whether the watch has begun when it forks is a matter of chance
        assert "multi-threaded, use of fork()" in ours(tmp_path, ["main.py"]).errors


def test_main_outside_of_the_roots(tmp_path: Path) -> None:
    """A script that is no project code runs as it is, and its modules are the project's."""
    write(tmp_path, {"tool/main.py": "import sys\nprint(type(__loader__).__name__)", "src/x.py": ""})
    assert ours(tmp_path, ["--root", "src", "tool/main.py"]) == plain(tmp_path, ["tool/main.py"])


def test_linked_script(tmp_path: Path) -> None:
    """The folder of what a link points to is searched for modules, as Python does."""
    write(tmp_path, {"real/main.py": "import helper, sys\nprint(sys.path[0], __file__)", "real/helper.py": ""})
    (tmp_path / "link.py").symlink_to("real/main.py")
    expected = plain(tmp_path, ["link.py"])
    assert expected.code == 0
    assert ours(tmp_path, ["link.py"]) == expected


def test_unreadable_script(tmp_path: Path) -> None:
    """What cannot be read is reported in Python's words."""
    write(tmp_path, {"main.py": ""})
    (tmp_path / "main.py").chmod(0)
    if os.access(tmp_path / "main.py", os.R_OK):
        pytest.skip("this user may read everything")
    assert ours(tmp_path, ["main.py"]) == plain(tmp_path, ["main.py"])


def test_console_script(tmp_path: Path) -> None:
    """The console script runs a program as ``python -m dyntransform`` does."""
    write(tmp_path, {"main.py": ATTRIBUTES + FAILS + "f()"})
    script = "import sys; from dyntransform.cli import main; sys.exit(main())"
    write(tmp_path, {"bin/dyntransform": script})
    assert plain(tmp_path, ["bin/dyntransform", "main.py", "a"]) == plain(tmp_path, ["main.py", "a"])

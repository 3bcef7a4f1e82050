"""Debuggers, tracebacks, warnings, coverage and the tools of the import system see what they see in plain Python."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

import pytest
from fidelity import ASKED, MODULE, SOURCE, seen
from hooked import run, write

PROGRAMS = {
    "stacks": """
        import faulthandler, inspect, sys, traceback
        open("stacks.py", "w").write('''
        import traceback, inspect, sys
        from source import func as at_the_top
        print([line for line in traceback.format_stack() if "stacks.py" in line])
        def walk():
            from source import func as f
            frames = [(frame.f_code.co_qualname, line) for frame, line in traceback.walk_stack(sys._getframe())]
            (f, print)[1](frames)
            print(traceback.StackSummary.extract(traceback.walk_stack(None)).format())
            print([(i.function, i.lineno, i.code_context, i.positions) for i in inspect.stack()])
            f(traceback.print_stack(file=sys.stdout))
            for summary in traceback.extract_stack(): print(summary, summary.colno, summary.end_colno, summary.line)
        def fail():
            from source import fail as g, value
            try:
                g()
            except ValueError as error:
                raise KeyError(value) from error
        def group():
            from source import value, fail as g
            errors = []
            for _ in "ab":
                try: g()
                except ValueError as error: errors.append(error)
            raise ExceptionGroup(value, errors)
        ''')
        import stacks
        stacks.walk()
        for call in (stacks.fail, stacks.group):
            try: call()
            except Exception as error:
                traceback.print_exception(error)
                print([(f.f_code.co_name, line) for f, line in traceback.walk_tb(error.__traceback__)])
                print([(i.function, i.lineno, i.positions) for i in inspect.trace()])
        faulthandler.dump_traceback()
    """,
    "breakpoints": """
        import io, pdb, sys, module
        def debug(words, call):
            commands = io.StringIO("\\n".join(words) + "\\n")
            output = io.StringIO()
            debugger = pdb.Pdb(stdin=commands, stdout=output, nosigint=True, readrc=False)
            debugger.use_rawinput = False
            call(debugger)
            print(output.getvalue())
        line = next(n for n, text in enumerate(open("module.py"), 1) if "y = 1" in text)
        words = [f"break module.py:{line}, v == 'real'", "break source.func", "tbreak source.py:12", "break",
                 "commands 1", "p v", "p sorted(locals())", "end", "continue", "up", "p v", "where", "down",
                 "longlist", "source module.failing", "continue", "return", "args", "clear 1", "continue"]
        debug(words, lambda debugger: debugger.runcall(module.late))
        words = [f"break module.py:{line + 5}", "continue", "jump " + str(line), "next", "p v, y", "until", "!y = 5",
                 "!v = 'mine'", "next", "next", "next", "continue"]
        debug(words, lambda debugger: print(debugger.runcall(module.late)))
        try: module.failing()
        except ValueError as error: problem = error
        words = ["where", "up", "list", "p v", "args", "p sorted(locals())", "quit"]
        debug(words, lambda debugger: (debugger.reset(), debugger.interaction(None, problem.__traceback__)))
        words = ["step"] * 40 + ["continue"]
        debug(words, lambda debugger: debugger.runcall(module.branches, 3))
        sys.breakpointhook = lambda: print(sorted(sys._getframe(1).f_locals), sys._getframe(1).f_lineno)
        text = "def f():\\n    from source import value as v\\n    breakpoint()\\n    return v\\n"
        open("breaks.py", "w").write(text)
        import breaks
        print(breaks.f())
    """,
    "line numbers of frames": """
        import sys, module
        jumps = []
        def trace(frame, event, arg):
            if frame.f_code is not module.branches.__code__: return None
            if event == "line" and frame.f_lineno == first + 7 and not jumps:
                jumps.append(frame.f_lineno)
                frame.f_lineno = first + 9
            return trace
        first = module.branches.__code__.co_firstlineno
        sys.settrace(trace)
        try: print(module.branches(2))
        except Exception as error: print(error)
        sys.settrace(None)
        print(jumps, [line for _, _, line in module.branches.__code__.co_lines() if line] and "lines")
    """,
    "warnings": """
        import sys, warnings
        open("warns.py", "w").write('''
        import warnings
        from source import warn, value
        warnings.warn("at import", stacklevel=2)
        warnings.warn("at the top", DeprecationWarning)
        class Base:
            def __init_subclass__(cls):
                from source import value as v
                warnings.warn(f"{v} {cls.__name__}", stacklevel=2)
        class Child(Base):
            pass
        def levels():
            from source import warn as w, value as v
            for level in (1, 2, 3, 40):
                warnings.warn(v, UserWarning, stacklevel=level)
            w(); w()
            warnings.warn_explicit(v, UserWarning, "elsewhere.py", 7, registry={})
            if hasattr(warnings, "_is_internal_filename") and "skip_file_prefixes" in str(warnings.warn.__doc__):
                warnings.warn(v, skip_file_prefixes=(__file__,))
        def outer():
            from warns import levels as inner
            inner()
        ''')
        for action in ("always", "default", "error"):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter(action)
                sys.modules.pop("warns", None)
                try:
                    import warns
                    warns.outer()
                    warns.outer()
                except Warning as error: print("raised", repr(error))
            for each in caught: print(each.category.__name__, each.message, each.filename, each.lineno, each.line)
        warnings.filterwarnings("ignore", module="warns")
        warnings.filterwarnings("error", module="module")
        import module
        sys.modules.pop("warns", None)
        import warns
        try: module.warned()
        except UserWarning as error: print("of the module", error)
        print(sorted(map(str, warns.__dict__.get("__warningregistry__", ()))))
    """,
    "doctests that fail": """
        import doctest
        open("tested.py", "w").write('''
        from source import func
        def late(x):
            \\"\\"\\"
            >>> from source import value as v; v
            'fake'
            >>> def local():
            ...     from source import func as f
            ...     return f(1) / 1
            >>> local()
            >>> late(0)
            \\"\\"\\"
            from source import value as v
            return [v[i] / x
                    for i in [0] if v]
        ''')
        import tested
        print([(each.name, each.lineno, len(each.examples)) for each in doctest.DocTestFinder().find(tested)])
        print(doctest.testmod(tested))
    """,
    "unit tests that fail": """
        import io, re, unittest
        open("tests.py", "w").write('''
        import unittest
        from unittest import mock
        class Tests(unittest.TestCase):
            def test_name(self):
                from source import value as v
                assert not v, (v,
                               1)
            def test_lines(self):
                from source import value as v, func as f
                assert (f(1) and
                        not v)
            def test_sub(self):
                from source import value as v
                for letter in v:
                    with self.subTest(letter): self.assertEqual(letter, v)
            def test_warning(self):
                from source import warn as w
                with self.assertWarns(UserWarning) as caught: w()
                self.assertEqual((caught.filename[-8:], caught.lineno), v)
            @mock.patch("source.value", 5)
            def test_patched(self):
                from source import value as v
                self.assertEqual(v, 6)
        ''')
        import tests
        output = io.StringIO()
        unittest.TextTestRunner(output, verbosity=2).run(unittest.defaultTestLoader.loadTestsFromModule(tests))
        print(re.sub(r"[0-9.]+s", "", output.getvalue()))
    """,
    "interpreter in the program": """
        import code, io, contextlib, module
        inner = code.InteractiveInterpreter({"module": module, "__name__": "inner"})
        with contextlib.redirect_stderr(io.StringIO()) as told:
            inner.runsource("def f():\\n    from source import value as v\\n    return v / 0\\n", symbol="exec")
            for text in ("f()", "module.failing()", "x = = 1"): inner.runsource(text)
        print(told.getvalue())
    """,
    "warnings of the compiler": """
        import importlib, sys, warnings
        text = "x = ~True\\ndef f():\\n    from source import value as v\\n    return v is 1, '\\\\d'\\n"
        open("wrong.py", "w").write(text)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            import wrong
        for each in caught: print(each.category.__name__, each.message, each.filename, each.lineno)
        for text in ("x = 1 is 1\\nreturn\\n", "x = '\\\\d'\\ny = = 1\\n", "x = '\\\\d'\\nreturn\\n"):
            open("refused.py", "w").write("from source import value\\n" + text)
            for action in ("always", "error"):
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter(action)
                    try: import refused
                    except SyntaxError as error: print(error, [str(each.message) for each in caught])
    """,
    "coroutines": """
        import sys, asyncio, module
        sys.set_coroutine_origin_tracking_depth(5)
        started = module.coroutine()
        print(started.cr_origin[0][1:], started.cr_code.co_name, started.cr_frame.f_lineno)
        started.close()
        sys.set_coroutine_origin_tracking_depth(0)
        running = module.generator(); next(running)
        print(running.gi_frame.f_lineno, running.gi_frame.f_locals, running.gi_code.co_qualname)
        async def main():
            task = asyncio.create_task(module.coroutine())
            await asyncio.sleep(0)
            task.print_stack(file=sys.stdout)
            return await task
        print(asyncio.run(main(), debug=True))
    """,
    "modules": """
        import importlib, sys, types, module, source
        from unittest import mock
        late = module.late
        del sys.modules["source"]
        try: print(late())
        finally: print(sys.modules["source"] is source)
        stub = types.ModuleType("source"); stub.value = "stub"; stub.func = lambda *a: a; stub.Thing = int
        stub.fail = stub.warn = None
        with mock.patch.dict(sys.modules, {"source": stub}):
            print(late(), module.Plain().method())
            again = importlib.reload(module)
            print(again is module, module.value, module.Plain.kept)
        print(module.late(), module.value, importlib.reload(module).value)
        sys.modules["source"] = None
        try: module.late()
        except ImportError as error: print(repr(error), error.name, error.path)
        sys.modules["source"] = types.SimpleNamespace(value="space", func=lambda *a: "called")
        print(module.late())
        class Lazy(types.ModuleType):
            @property
            def value(self): return "property"
            def __getattr__(self, name):
                if name.startswith("__"): raise AttributeError(name)
                return lambda *a: name
        source.__class__ = Lazy
        del vars(source)["value"], vars(source)["func"]
        sys.modules["source"] = source
        print(module.late())
        sys.modules["alias"] = module
        import alias
        from alias import late as aliased
        print(alias.__name__, aliased(), importlib.import_module("alias") is module)
        del sys.modules["module"]
        import module as second
        print(second is module, second.late is late)
    """,
    "import function": """
        import builtins, types, module
        original = builtins.__import__
        def other(name, globals=None, locals=None, fromlist=(), level=0):
            if name == "source": return types.SimpleNamespace(value="other", func=lambda *a: ("other", *a))
            return original(name, globals, locals, fromlist, level)
        builtins.__import__ = other
        print(module.late(), module.factory()(1))
        builtins.__import__ = original
        print(module.late())
        space = {"__builtins__": {**vars(builtins), "__import__": other}, "__name__": "space"}
        print(types.FunctionType(module.late.__code__, space, "late", (2,))(key=1))
    """,
    "packages": """
        import importlib, importlib.resources as resources, os, pkgutil, runpy, sys, zipfile
        package = "from .inner import f\\nimport pkgutil\\n__path__ = pkgutil.extend_path(__path__, __name__)\\n"
        for name, text in {
            "pkg/__init__.py": package,
            "pkg/inner.py": "def f():\\n    from .values import a as b\\n    return b\\n",
            "pkg/values.py": "a = 1\\n", "pkg/data/text.txt": "text", "pkg/sub/__init__.py": "from ..values import a",
            "pkg/__main__.py": "from pkg.inner import f\\nprint(__name__, __package__, __spec__.name, f())",
            "one/space/a.py": "def f():\\n    from space.b import x\\n    return x\\n", "two/space/b.py": "x = 5\\n",
            "two/pkg/extra.py": "def f():\\n    from pkg.values import a\\n    return a + 1\\n",
        }.items():
            os.makedirs(os.path.dirname(name), exist_ok=True)
            open(name, "w").write(text)
        sys.path += ["one", "two"]
        print(sorted(info.name for info in pkgutil.walk_packages(["."]) if info.name.startswith("pkg")))
        import pkg, space.a, pkg.extra
        print(pkg.f(), pkg.extra.f(), space.a.f(), type(space.__path__).__name__, list(space.__path__)[0][-9:])
        print(pkgutil.get_data("pkg", "data/text.txt"), pkgutil.resolve_name("pkg.inner:f")())
        files = resources.files("pkg")
        print(sorted(entry.name for entry in files.iterdir() if not entry.name.startswith("__")))
        with resources.as_file(files / "data" / "text.txt") as path: print(path.read_text(), path.name)
        print((resources.files(space) / "b.py").read_text(), resources.is_resource("pkg", "inner.py"))
        print(sorted(runpy.run_module("pkg.values", run_name="x")))
        runpy.run_module("pkg", run_name="__main__", alter_sys=True)
        print(runpy.run_path("pkg/values.py")["a"], runpy.run_path("pkg", run_name="there")["__name__"])
        with zipfile.ZipFile("zipped.zip", "w") as archive:
            archive.writestr("zpkg/__init__.py", "from .z import f")
            archive.writestr("zpkg/z.py", "def f():\\n    from source import value as v\\n    return v\\n")
            archive.writestr("zpkg/text.txt", "in the archive")
            archive.writestr("__main__.py", "import zpkg; print(zpkg.f(), __name__)")
        sys.path.insert(0, "zipped.zip")
        import zpkg
        print(zpkg.f(), type(zpkg.__loader__).__name__, resources.files("zpkg").joinpath("text.txt").read_text())
        runpy.run_path("zipped.zip", run_name="__main__")
        importlib.reload(pkg.inner)
        print(pkg.inner.f(), [m.name for m in pkgutil.iter_modules(zpkg.__path__)])
    """,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project of two modules."""
    write(tmp_path, {"source.py": SOURCE, "module.py": MODULE})
    return tmp_path


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(root: Path, name: str) -> None:
    """A program prints the same under the hook."""
    (root / "plain").mkdir()
    write(root / "plain", {"source.py": SOURCE, "module.py": MODULE})
    code = PROGRAMS[name] + "    print('to the end')"
    plain = seen(root / "plain", code, hook=False).replace(f"{root}/plain", str(root))
    assert "to the end" in plain
    assert seen(root, code) == plain


COVERAGE = """
    import coverage, io, json, sys
    measured = coverage.Coverage(
        branch={branch}, data_file=None, include=["./module.py", "./source.py"], config_file=False
    )
    measured.start()
    import module
    module.late(); module.branches(2); list(module.generator()); module.Plain().method(); module.factory()
    measured.stop()
    data = measured.get_data()
    for name in sorted(data.measured_files()):
        print(name, sorted(data.lines(name)), measured.analysis2(name)[1:])
        print({branch} and measured.branch_stats(name))
        print({arcs} and sorted(data.arcs(name) or ()))
    report = io.StringIO()
    print(measured.report(file=report, show_missing=True), report.getvalue())
    measured.json_report(outfile="report.json")
    print(json.load(open("report.json"))["files"])
"""


@pytest.mark.parametrize("branch", [True, False], ids=["branches", "lines"])
@pytest.mark.parametrize("core", ["ctrace", "pytrace", "sysmon"])
def test_coverage(root: Path, monkeypatch: pytest.MonkeyPatch, core: str, *, branch: bool) -> None:
    """Coverage finds the same lines and branches, whichever way it measures."""
    if core == "sysmon" and sys.version_info < (3, 12):
        pytest.skip("sys.monitoring is new in Python 3.12")
    monkeypatch.setenv("COVERAGE_CORE", core)
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")  # coverage says where it cannot measure branches with sysmon
    # With sysmon on 3.14 and later, the data have arcs that lead from a line with a lookup to what follows on the way
    # through it; no report shows arcs that do not begin at a branch of the source.
    code = COVERAGE.format(branch=branch, arcs=core != "sysmon")
    plain = run(root, code, hook=False)
    assert "module.py" in plain
    assert run(root, code) == plain
    assert run(root, code, before=ASKED) == plain


PICKLED = """
import enum, functools
class Base:
    def __init__(self, value): self.value = value
    def method(self):
        from helper import double
        return double(self.value)
class Slotted:
    __slots__ = ("a",)
    def __reduce__(self):
        from helper import make
        return make, (self.a,)
class Color(enum.Enum):
    RED = 1
    def paint(self):
        from helper import double
        return double(self.value)
class Problem(Exception):
    pass
def late(x):
    from helper import double
    return double(x)
"""
HELPER = """
def double(x): return x * 2
def make(a):
    from shapes import Slotted
    new = Slotted(); new.a = a
    return new
"""
DUMP = """
    import copyreg, functools, pickle, shapes
    slotted = shapes.Slotted(); slotted.a = 4
    base = shapes.Base(3)
    values = [base, slotted, shapes.Color.RED, shapes.late, shapes.Base, base.method, functools.partial(shapes.late, 5),
              shapes.Problem("why"), shapes.Base.method]
    pickle.dump(values, open("values.pickle", "wb"), {protocol})
"""
LOAD = """
    import pickle, shapes
    base, slotted, red, late, Base, method, partial, problem, function = pickle.load(open("values.pickle", "rb"))
    print(base.method(), slotted.a, red is shapes.Color.RED, red.paint(), late is shapes.late, late(1))
    print(Base(2).method(), method(), partial(), repr(problem), function(base), type(base) is shapes.Base)
"""


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_between_processes(tmp_path: Path, protocol: int) -> None:
    """What a plain process pickled a rewritten one reads, and the other way round; the bytes are the same."""
    write(tmp_path, {"shapes.py": PICKLED, "helper.py": HELPER})
    pickles, results = [], []
    for dumped, loaded in ((False, False), (False, True), (True, False), (True, True)):
        run(tmp_path, DUMP.format(protocol=protocol), hook=dumped)
        pickles.append((tmp_path / "values.pickle").read_bytes())
        results.append(run(tmp_path, LOAD, hook=loaded))
    assert results[0].startswith("6 4 True 2 True 2\n4 6 10 Problem('why') 6 True")
    assert set(results) == {results[0]}
    assert set(pickles) == {pickles[0]}


def test_profile_names(root: Path) -> None:
    """What a profiler prints of a rewritten module is what it prints of a plain one."""
    code = """
        import cProfile, io, pstats, module
        profile = cProfile.Profile(timer=lambda: 0)
        profile.runcall(lambda: (module.late(), module.branches(3), module.Plain.create().method(), module.factory()()))
        output = io.StringIO()
        stats = pstats.Stats(profile, stream=output)
        stats.sort_stats("nfl").print_stats(); stats.print_callers(); stats.print_callees()
        print(output.getvalue())
    """
    run(root, "import module; module.late()")  # compiled files are there: importing is not what is measured
    plain = run(root, code, hook=False)
    assert f"{os.path.join('module.py')}:" in plain
    assert seen(root, code) == seen(root, code, hook=False)

"""The same program: what a program sees of itself under the hook is what it sees under plain Python.

Each program prints what it sees. It is run three times, in interpreters of its own: plainly, under the hook, and under
the hook with every lookup asked, as it is after an edit.
"""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

import pytest
from fidelity import ASKED, MODULE, SOURCE, seen
from hooked import run, write

PROGRAMS = {
    "mock": """
        import module, source
        from unittest import mock
        inner, running = module.factory(), module.generator()
        awaited = module.coroutine()
        print(next(running))
        with mock.patch("module.value", "mock"), mock.patch.object(module, "function", None):
            print(module.value, module.function, module.late())
        with mock.patch("source.value", "mock"), mock.patch("source.func", lambda *a: ("mock", *a)):
            print(module.late(), inner(), next(running), module.value, module.factory()(), module.generator())
            try: awaited.send(None)
            except StopIteration as stop: print(stop.value)
        print(module.late(), inner(), module.value, source.value)
        with mock.patch.dict(vars(module), value=2): print(module.value)
        with mock.patch("module.Plain", autospec=True) as plain: print(plain().method.call_count, plain.create())
    """,
    "inspect": """
        import inspect, module
        for one in (module.late, module.Plain.method, module.Plain.create, module.factory(), module.failing):
            print(inspect.getsource(one), inspect.getsourcelines(one)[1], inspect.signature(one), inspect.getdoc(one))
            print(inspect.getfile(one), inspect.getmodule(one), one.__qualname__, one.__defaults__, one.__kwdefaults__)
        print(inspect.getsource(module.Plain), inspect.getsource(module) == open(module.__file__).read())
        print([name for name, _ in inspect.getmembers(module)])
        print([one for one in inspect.getmro(module.Plain) if one.__name__ != "DynamicClass"])
        print(inspect.getclosurevars(module.factory()).nonlocals, inspect.getclosurevars(module.late).globals)
        print(inspect.classify_class_attrs(module.Plain)[-1].name, dir(module.Plain), module.__doc__)
        print(module.late.__code__.co_varnames, module.late.__code__.co_freevars, module.late.__code__.co_firstlineno)
        print(inspect.iscoroutinefunction(module.coroutine), inspect.isgeneratorfunction(module.generator))
    """,
    "pydoc": """
        import pydoc, module
        for one in (module.late, module.Plain.method, module.Plain.create, module.failing):
            print(pydoc.render_doc(one, renderer=pydoc.plaintext))
    """,
    "tracebacks": """
        import module, traceback, sys
        for call in (module.failing, lambda: module.unbound(0), lambda: module.late(1, 2), lambda: module.missing):
            try: call()
            except Exception as error:
                print(traceback.format_exc())
                frames = traceback.extract_tb(error.__traceback__)
                print([(f.name, f.lineno, f.end_lineno, f.colno, f.end_colno, f.line) for f in frames])
        stack = traceback.TracebackException.from_exception
        try: module.failing()
        except ValueError as error: print("".join(stack(error, capture_locals=True).format()))
    """,
    "uncaught": """
        import module
        module.failing()
    """,
    "warnings": """
        import warnings, module
        warnings.simplefilter("default")
        module.warned(); module.warned()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            module.warned()
        print([(w.filename, w.lineno, str(w.message)) for w in caught])
        print(sorted(module.__dict__.get("__warningregistry__", ())))
    """,
    "trace": """
        import module, sys
        events = []
        def trace(frame, event, arg):
            if frame.f_code.co_filename.endswith(("module.py", "source.py")):
                events.append((event, frame.f_lineno, frame.f_code.co_name, sorted(frame.f_locals)))
            return trace
        sys.settrace(trace)
        module.late(); list(module.generator()); module.branches(3); module.factory()(); module.Plain().method()
        try: module.failing()
        except ValueError: pass
        sys.settrace(None)
        for event in events: print(event)
    """,
    "calls": """
        import module, sys
        module.late()
        calls = []
        def profile(frame, event, arg): calls.append((event, frame.f_code.co_name, getattr(arg, "__name__", "")))
        sys.setprofile(profile)
        module.late(); module.branches(2)
        sys.setprofile(None)
        print([call for call in calls if call[0].startswith("c_") or call[1] in ("late", "branches", "func")])
    """,
    "conditions": """
        import sys, traceback
        open("tests.py", "w").write('''
        def several(n=0):
            from source import value as y, func as f
            while n < 3 and (
                y
            ):
                n += 1
            while (y
                   and n < 5): n += 1
            found = [
                y
                for i in y
                if y
                if not (f
                        and n)
                or (y if f else n)
            ]
            match n:
                case 5 if y: n += 1
                case _: pass
            if not y: return 1
            elif f: pass
            return (1 if y
                    else 2), (lambda: 1 if y
                              else f)(), found
        def one():
            from falsy import missed as y
            assert y
        def two():
            from falsy import missed as y; from source import value
            assert value; assert (not value or
                                  y), y
        def three():
            from falsy import missed as y; from source import value
            assert y if value else \\\\
                value, [y for _ in value
                        if y]
        ''')
        open("falsy.py", "w").write("missed = 0")
        import tests
        events = []
        def trace(frame, event, arg):
            if frame.f_code.co_filename.endswith("tests.py"):
                events.append((frame.f_code.co_name, event, frame.f_lineno))
                return trace
        sys.settrace(trace)
        print(tests.several())
        sys.settrace(None)
        print(events)
        for call in (tests.one, tests.two, tests.three):
            try: call()
            except AssertionError: traceback.print_exc(file=sys.stdout)
    """,
    "profile": """
        import cProfile, pstats, module
        profile = cProfile.Profile()
        profile.runcall(module.late); profile.runcall(module.branches, 3); profile.runcall(module.Plain().method)
        print(sorted((key[1:], value[:2]) for key, value in pstats.Stats(profile).stats.items() if ".py" in key[0]))
    """,
    "pdb": """
        import io, pdb, module
        words = "step step next next next p_v,y where list args display_v until return continue"
        commands = io.StringIO(words.replace(" ", "\\n").replace("_", " ") + "\\n")
        output = io.StringIO()
        debugger = pdb.Pdb(stdin=commands, stdout=output, nosigint=True, readrc=False)
        debugger.use_rawinput = False
        debugger.runcall(module.late)
        print(output.getvalue())
    """,
    "doctest": """
        import doctest, sys, types
        open("tested.py", "w").write('''
        from source import func
        class A:
            def f(self):
                \\"\\"\\"
                >>> A().f()
                ('real', 1)
                >>> func(1)
                ('real', 2)
                \\"\\"\\"
                from source import func as f
                return f(1)
        ''')
        import importlib; importlib.invalidate_caches()
        import tested
        print(doctest.testmod(tested))
    """,
    "namespaces": """
        import module
        open("spaces.py", "w").write(open("module.py").read() + '''
        def show():
            from source import value as v, func
            a = 1
            exec("b = v; print(sorted(locals()))")
            print(eval("v"), sorted(locals()), sorted(vars()), dir(), len([locals() for _ in "a"]))
            class Inner:
                c = v
                print(sorted(k for k in locals() if not k.startswith("__")))
            return locals()["v"], eval("a + 1"), eval("v", globals(), locals())
        ''')
        import importlib; importlib.invalidate_caches()
        import spaces
        print(spaces.show(), sorted(vars(spaces)), dir(spaces.Plain))
        import types
        print(types.FunctionType(spaces.late.__code__, {"__builtins__": __builtins__}, "moved", (7,))(key=1))
        spaces.value = 3; print(spaces.value); del spaces.value
        try: spaces.value
        except AttributeError as error: print(error)
    """,
    "replaced modules": """
        open("chameleon.py", "w").write('''
        import sys, types
        from source import value
        class Fake(types.ModuleType):
            value = "fake"
            def call(self):
                from source import func as f
                return f(self.value)
        sys.modules[__name__] = Fake(__name__)
        ''')
        open("attributes.py", "w").write('''
        from source import value
        def __getattr__(name):
            from source import func as f
            if name == "absent": raise AttributeError(name)
            return f(name)
        def __dir__(): return ["anything"]
        ''')
        open("user.py", "w").write('''
        from chameleon import value, call
        from attributes import dynamic, value as other
        def late():
            from chameleon import value as v, call as c
            from attributes import more as m
            try:
                from attributes import absent
            except ImportError as error:
                print(str(error).partition("(")[0])
            return v, c(), m
        ''')
        import importlib; importlib.invalidate_caches()
        import user, chameleon, attributes
        print(user.value, user.call(), user.dynamic, user.other, user.late(), type(chameleon), dir(attributes))
    """,
    "import function": """
        import builtins
        seen, original = [], builtins.__import__
        def spy(name, globals=None, locals=None, fromlist=(), level=0):
            if name in ("source", "module", "dyntransform"):
                seen.append((name, globals and globals["__name__"], fromlist, level))
            return original(name, globals, locals, fromlist, level)
        builtins.__import__ = spy
        import module
        module.late(); module.Plain().method(); module.factory()()
        print(seen)
    """,
    "circular imports": """
        open("one.py", "w").write("from two import b\\na = 1\\ndef f():\\n    from two import b as c\\n    return c\\n")
        open("two.py", "w").write("import one\\nb = 2\\ndef f():\\n    from one import a as c\\n    return c\\n")
        open("three.py", "w").write("from four import b\\na = 1\\n")
        open("four.py", "w").write("from three import a\\nb = 1\\n")
        import importlib; importlib.invalidate_caches()
        import one, two
        print(one.f(), two.f(), one.b)
        import three
    """,
    "classes": """
        import copy, enum, module, pickle, typing
        plain = module.Plain()
        print(pickle.loads(pickle.dumps(plain)).__dict__, pickle.dumps(module.late), copy.deepcopy(plain).method(2))
        print(typing.get_type_hints(module.Plain.method, {"Thing": module.Thing}), module.Plain.kept)
        print(type(module.Plain), [one for one in module.Plain.__mro__ if one.__name__ != "DynamicClass"])
        print(module.Plain.__doc__, sorted(module.Plain.__dict__.keys() - {"__dict__", "__weakref__"}))
        class Other(module.Plain, dict): pass
        print(Other.__mro__[:2], Other.__mro__[-2:], repr(Other()))
        print(module.Plain.__weakrefoffset__, module.Plain.__basicsize__)
    """,
    "asyncio": """
        import asyncio, module
        async def main(): return await asyncio.gather(*(module.coroutine() for _ in range(3)))
        print(asyncio.run(main()))
    """,
    "logging": """
        import logging
        text = "def f():\\n    from logging import warning as w\\n    from source import value as v\\n    w(v)\\n"
        open("logs.py", "w").write(text)
        import importlib; importlib.invalidate_caches()
        import logs
        logging.basicConfig(format="%(pathname)s %(lineno)d %(funcName)s %(module)s %(message)s")
        logs.f()
    """,
    "source that is compiled again": """
        import ast, itertools, module
        print(len(ast.parse(open(module.__file__).read()).body), module.__loader__.get_source("module")[:40])
        lines = (line for *_, line in module.__loader__.get_code("module").co_lines())
        print([line for line, _ in itertools.groupby(lines)])
    """,
    "monitoring": """
        import sys, module
        print(sys.version_info)
        if sys.version_info >= (3, 12):
            lines = []
            sys.monitoring.use_tool_id(3, "test")
            seen = lambda code, line: lines.append((code.co_name, line))
            sys.monitoring.register_callback(3, sys.monitoring.events.LINE, seen)
            sys.monitoring.set_events(3, sys.monitoring.events.LINE)
            module.late(); module.branches(3); list(module.generator())
            sys.monitoring.set_events(3, 0)
            print([line for line in lines if line[0] in ("late", "branches", "generator", "func")])
    """,
    "recursion": """
        open("deep.py", "w").write("def f(n):\\n    from deep import f as g\\n    return g(n + 1)\\n")
        import importlib; importlib.invalidate_caches()
        import deep
        try: deep.f(0)
        except RecursionError as error: print(error)
        print(__import__("sys").getrecursionlimit())
    """,
}


FAILING = {"uncaught", "circular imports"}
"""Programs that end with an error."""

TRACED = {"calls", "profile", "recursion"}
"""Programs that see the call of a lookup, while there are replaced values."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project of two modules."""
    write(tmp_path, {"source.py": SOURCE, "module.py": MODULE})
    return tmp_path


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(root: Path, name: str) -> None:
    """A program prints the same under the hook; and after an edit of something else, but for what looks at calls."""
    code = PROGRAMS[name] + "    print('to the end')"
    plain = seen(root, code, hook=False)
    assert ("to the end" in plain) is (name not in FAILING)
    assert seen(root, code) == plain
    if name not in TRACED:
        assert seen(root, code, before=ASKED) == plain


CHILDREN = """
import multiprocessing, sys
import dyntransform

def work(number):
    import module
    return module.late(number), module.Plain().method()[1]

if __name__ == "__main__":
    dyntransform.install()
    import module
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(1) as pool:
        print(pool.map(work, [1, 2]))
        print(pool.map(module.late, [3]))
        print(pool.apply(module.Plain.create).method())
    process = context.Process(target=module.failing)
    process.start(); process.join()
    print(process.exitcode)
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_child_processes(root: Path, method: str) -> None:
    """Processes that a hooked process starts run correctly, whichever way they are started."""
    write(root, {"main.py": CHILDREN})
    plain = CHILDREN.replace("    dyntransform.install()\n", "\n")
    write(root, {"plain.py": plain})
    results = [
        run(
            root,
            f"import sys, runpy; sys.argv = ['{name}', '{method}']; runpy.run_path('{name}', run_name='__main__')",
            hook=False,
        )
        for name in ("plain.py", "main.py")
    ]
    assert "1, 'k'" in results[0]
    assert results[0] == results[1]


def test_failing_cold_transform_is_silent(root: Path) -> None:
    """A file that is left as it is runs all the same, and prints nothing."""
    write(root, {"deep.py": f"def f():\n    from source import value as v\n    return {'+'.join(['v'] * 500)}\n"})
    code = "import sys; sys.setrecursionlimit(400); import deep; print(len(deep.f()))"
    assert run(root, code) == f"{500 * len('real')}\n"


def test_what_can_be_observed(root: Path) -> None:
    """The few things that code can observe are these; they are listed in the documentation."""
    code = """
        import inspect, module
        print(type(module.__loader__).__name__, module.__spec__.loader is module.__loader__)
        print(sorted(inspect.getclosurevars(module.late).builtins))
        print("__dyn_replaced__" in module.late.__code__.co_names, __builtins__.__dyn_replaced__)
    """
    assert run(root, code) == "DynLoader True\n['__dyn_replaced__']\nTrue None\n"


def test_python_options(root: Path) -> None:
    """-W error, -X dev and -bb find nothing of ours to complain about."""
    for options in (("-W", "error"), ("-X", "dev", "-W", "error"), ("-bb",), ("-O",), ("-OO",), ("-X", "importtime")):
        output = run(root, "import module; module.late(); print('fine')", options=options)
        assert "fine" in output
        assert "Warning" not in output


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695 is new in Python 3.12")
def test_type_parameters(root: Path) -> None:
    """Generic functions and classes with imports in their functions run."""
    write(
        root,
        {
            "generic.py": """
                class Box[T]:
                    def get[U](self, value: U) -> "U":
                        from source import value as v, Thing as thing
                        type Alias = dict[str, thing]
                        def inner[V: (int, str)](x: V) -> thing: return v
                        return inner, Alias.__value__, Box.__type_params__
            """
        },
    )
    code = """
        import generic
        inner, alias, parameters = generic.Box().get(1)
        print(inner(1), alias, parameters, inner.__annotations__, inner.__type_params__)
    """
    assert run(root, code) == run(root, code, hook=False)

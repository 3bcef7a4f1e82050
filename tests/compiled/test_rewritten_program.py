"""Rewritten code runs as the plain code does, until a value is replaced."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import sys
import traceback
import types
from collections.abc import Iterator
from types import CodeType

import pytest
from behind_imports import IMPORTS, Handing, events, executed

from dyntransform.compiled.rewriting import rewrite
from dyntransform.runtime.lookup import Replacements, replacements
from dyntransform.transform.decide import Options

PROGRAM = '''
"""A module."""

def value():
    """The docstring stays."""
    from string import digits as y
    return y, value.__doc__

def closure():
    from string import digits as y
    return [f() for f in [lambda: y, lambda a=y: a]], [y for _ in "ab"], {y: y}, f"{y=}", f"{y!r:>12}"

def shadowed():
    from string import digits as y
    return [y for y in "ab"], [[y for x in "a"] for y in "b"], y, [(lambda: y)() for y in "cd"], {y for y in y}

def shadowed_cell():
    from string import digits as y
    f = lambda: y
    return [(lambda: y)() for y in "cd"], y, f(), [y for y in "e"], f()

def seen():
    from string import digits as y
    a = 1
    return sorted(locals()), [sorted(locals()) for _ in [y]], locals()["y"] is y

def blocks():
    from string import digits as y, ascii_letters as z
    result = []
    for i in range(3):
        try:
            if i == 1:
                raise KeyError(y[0])
            if i == 2:
                continue
            result.append((y[i], z[i]))
        except KeyError as error:
            result.append(error.args)
        else:
            result.append(y[-1])
        finally:
            result.append((i, z[-1], y))
    while y:
        y = y[:-1]
        if y == "01":
            break
    with memoryview(b"abc") as view:
        result.append((y, bytes(view)))
    return result

def patterns():
    from types import SimpleNamespace as y
    from string import Template as t
    z = y(a=1, b=[2, 3], t=t)
    match z:
        case y(a=1, b=[c, *d]) if y is not None:
            return c, d, isinstance(t(""), z.t), y
        case _:
            return t

def several(way=1):
    if way:
        from string import digits as y
    else:
        from string import ascii_letters as y
    return y

def classes():
    from string import digits as y, Template as t
    class C(t):
        a = y
        b = [y for _ in "a"]
        y = "its own"
        c = y
        def method(self): return y, super().delimiter
    return C.a, C.b, C.c, C("").method(), C.__mro__[1:]

def outer_assignment():
    from string import digits as y
    def inner():
        nonlocal y
        y += "!"
        from string import ascii_letters as z
        return y, z
    return inner(), y, [w := y, w], w

def generator():
    from string import digits as y
    yield locals()
    received = yield y
    yield from y
    yield y / 2

async def coroutine():
    from asyncio import sleep as s, Lock as y
    async with y() as lock:
        await s(0)
    return lock, [x async for x in asynchronous(y)], [await s(0, a) for a in "ab" if y]

async def asynchronous(y):
    from string import digits as y
    for one in y[:3]:
        yield one, y

def augmented(y=1):
    from string import digits as y
    y += y
    y += y if y else "never"
    return y

def unbound():
    print(y)
    from string import digits as y

def unbound_in_lambda():
    (lambda: y)()
    from string import digits as y

def unbound_in_list():
    [y for _ in "a"]
    from string import digits as y

def unbound_in_class():
    class C:
        a = y
    from string import digits as y

def deleted():
    from string import digits as y
    del y
    return 1 + y

def attribute():
    from string import digits as y
    return (1 +
            y.missing)

def call():
    from string import digits as y
    return 1, y(1,
                k=2), 3

def keywords():
    from string import Template as y
    return y("$a").substitute(a=y, **{"b": y}), y(template="").nothing

def operator():
    from string import digits as y
    return y + 1

def comparison():
    from string import digits as y
    return "" < y < 1

def subscript():
    from string import digits as y
    y[0] = 1

def in_handler():
    from string import digits as y
    try:
        y.missing
    except AttributeError as error:
        raise ValueError(y) from error

def unpacked():
    from string import digits as y
    a, b = y

def in_list():
    from string import digits as y
    return [y.missing
            for _ in y]
'''
NAMES = [node.name for node in ast.parse(PROGRAM).body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def pair(text: str = PROGRAM) -> tuple[CodeType, CodeType]:
    """Compile a text, and rewrite what comes of it."""
    plain = compile(text, "file.py", "exec", dont_inherit=True)
    rewritten = rewrite(plain, Options())
    assert not rewritten.reason
    assert rewritten.lookups
    return plain, rewritten.code


@pytest.fixture(params=["at rest", "asked"])
def table(request: pytest.FixtureRequest) -> Iterator[Replacements]:
    """The table of replaced values: empty, or with a value that nothing has."""
    if request.param == "asked":
        replacements.add("nothing", "nothing", object())
    replacements.switch()
    yield replacements
    replacements.discard("nothing", "nothing")
    replacements.switch()


def told(code: CodeType, name: str) -> str:
    """Run a function of a module, and tell its result or its traceback, without addresses."""
    namespace: dict[str, object] = {"__name__": "module"}
    exec(code, namespace)
    function = namespace[name]
    assert isinstance(function, types.FunctionType)
    try:
        if inspect.iscoroutinefunction(function):
            text = repr(asyncio.run(function()))
        elif inspect.isgeneratorfunction(function):
            text = repr(list(function()))
        else:
            text = repr(function())
    except Exception:  # noqa: BLE001 - the traceback is compared
        text = traceback.format_exc()
    return re.sub(r" at 0x[0-9a-f]+", "", text)


@pytest.fixture(autouse=True)
def source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tracebacks show the lines of the program."""
    import linecache

    monkeypatch.setitem(linecache.cache, "file.py", (len(PROGRAM), None, PROGRAM.splitlines(keepends=True), "file.py"))


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("name", [name for name in NAMES if name != "asynchronous"])
def test_results_and_tracebacks(name: str) -> None:
    """A function gives the result, or the traceback with its carets, that it gives in plain Python."""
    plain, rewritten = pair()
    expected = told(plain, name)
    assert told(rewritten, name) == expected


@pytest.mark.parametrize("name", ["closure", "shadowed", "blocks", "patterns", "classes", "augmented", "in_list"])
def test_line_events(name: str) -> None:
    """A debugger stops on the lines where it stops in plain Python, while no value is replaced."""
    replacements.switch()
    plain, rewritten = [events(lambda code=code: told(code, name)) for code in pair()]
    assert plain
    assert plain == rewritten


def test_names_in_functions_are_live_after_a_value_was_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """What running functions, closures, generators and cells imported is read anew; other variables are not."""
    module = types.ModuleType("replaced")
    module.__dict__.update(value="old", other="other")
    monkeypatch.setitem(sys.modules, "replaced", module)
    text = """
def closures():
    from replaced import value as y, other
    held = y
    class C:
        a = y
        def method(self): return y
    def inner():
        nonlocal y
        return [y for _ in "a"], f"{y}", other
    return C().method, inner, lambda: (y, held), lambda: [y for y in [held]], lambda: type("", (C,), {}).a
def generator():
    from replaced import value as y
    held = y
    while True:
        yield y, held, [y for y in [held]]
def plain_ones():
    from replaced import value as y
    held = [y]
    yield
    match 1:
        case 2: pass
    y += "!"
    yield y, held
"""
    namespace: dict[str, object] = {}
    exec(pair(text)[1], namespace)
    functions = namespace["closures"]()  # type: ignore[operator]
    running = namespace["generator"]()  # type: ignore[operator]
    plain = namespace["plain_ones"]()  # type: ignore[operator]
    next(plain)
    assert [function() for function in functions] == ["old", (["old"], "old", "other"), ("old", "old"), ["old"], "old"]
    assert next(running) == ("old", "old", ["old"])
    saved = replacements.snapshot()
    replacements.add("replaced", "value", module.value)
    module.value = "new"
    replacements.switch()
    try:
        late = [function() for function in functions]
        assert next(running) == ("new", "old", ["old"])
        assert next(plain) == ("old!", ["old"])
    finally:
        replacements.restore(saved)
    assert late == ["new", (["new"], "new", "other"), ("new", "old"), ["old"], "old"]


COMPILED = IMPORTS | {
    "enumeration": "import enum\nclass A(enum.Enum):\n  from m import a\n  b = 1\na = A.a.value; x = len(A)\n",
    "declared in a function": "from m import a\ndef f():\n  global a\n  a = a,\n",
}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module ``m``."""
    module = types.ModuleType("m")
    vars(module).update(a=object(), b=object())
    monkeypatch.setitem(sys.modules, "m", module)
    return module


@pytest.mark.usefixtures("table", "provider")
@pytest.mark.parametrize("text", list(COMPILED.values()), ids=list(COMPILED))
def test_behind_imports(text: str) -> None:
    """A module asks behind its imports; names, their order and line events are those of the plain code."""
    plain = compile(text, "file.py", "exec", dont_inherit=True)
    rewritten = rewrite(plain, Options(lambda name: name == "m"))
    assert not rewritten.reason
    assert (rewritten.code is plain) is ("Enum" in text)
    (lines, one), (again, other) = executed(plain), executed(rewritten.code)
    assert lines == again
    assert list(one) == list(other)
    assert [one.get(name) is other.get(name) for name in "acxyi"] == [True] * 5


@pytest.mark.parametrize("name", ["line", "class", "global", "declared in a function"])
def test_replaced_behind_an_import(provider: types.ModuleType, name: str) -> None:
    """An imported value that an edit replaced is what it was replaced by."""
    old, new = provider.a, object()
    code = rewrite(compile(COMPILED[name], "file.py", "exec", dont_inherit=True), Options()).code

    module = Handing(old, a=new, b=provider.b)
    sys.modules["m"] = module
    saved = replacements.snapshot()
    replacements.add("m", "a", old)
    replacements.switch()
    namespace: dict[str, object] = {}
    try:
        exec(code, namespace)
    finally:
        replacements.restore(saved)
    assert not module.olds
    assert namespace["a"] is new


@pytest.mark.parametrize("count", [70, 300, 3_000])
def test_long_functions(count: int) -> None:
    """Jumps over lookups reach as far as they have to, and so do handlers."""
    body = "\n".join(f"            a = y[{i % 10}], y" for i in range(count))
    text = f"""
def long():
    from string import digits as y
    seen = []
    for i in range(3):
        try:
{body}
            if i == 1: raise KeyError(y)
            if i == 2: break
        except KeyError as error:
            seen.append(error.args)
        finally:
            seen.append((i, a[0], y))
    return seen
"""
    plain, rewritten = pair(text)
    assert told(rewritten, "long") == told(plain, "long")

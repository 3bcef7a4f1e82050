"""The code that the import hook runs."""

from __future__ import annotations

import ast
import builtins
import dis
import sys
import textwrap
import traceback
import types
from collections.abc import Iterator
from types import CodeType

import pytest
from behind_imports import IMPORTS, Handing, events, executed
from same_code import differences

from dyntransform.runtime.lookup import Replacements, replacements
from dyntransform.transform.decide import Options, decide
from dyntransform.transform.lowering import REPLACED, lower

PROGRAM = """
def value():
    from string import digits as y
    return y

def closure():
    from string import digits as y
    return [lambda: y, [y for _ in "ab"], {y: y}, f"{y=}", f"{y!r:>12}"]

def unbound():
    print(y)
    from string import digits as y

def unbound_in_lambda():
    (lambda: y)()
    from string import digits as y

def unbound_in_list():
    [y for _ in "a"]
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

def operator():
    from string import digits as y
    return y + 1

def subscript():
    from string import digits as y
    y[0] = 1

def generator():
    from string import digits as y
    yield locals()
    yield y / 2

def asserted():
    from string import digits as y
    assert (
        not y)

def asserted_with_a_message():
    from string import digits as y
    assert y and not y, (1,
                         2)

def condition_of_a_list():
    from string import digits as y
    return {
        [x]
        for x in y
        if y if
        not not y
    }

def guard():
    from string import digits as y
    match 1:
        case 1 if (y and
                   (y if y else 1)):
            return y.missing
"""
LINES = {
    "if": "if (y\n  ):\n   x = 1\n else:\n   x = 2\n return x",
    "if not": "if not (\n  y):\n   x = 1\n else:\n   x = 2\n return x",
    "while": "while (1 and\n   y):\n   break\n return 1",
    "loop": "for i in y:\n  if (y\n   and not y): continue\n  x = i\n return x",
    "and, or": "if (y or\n y) and (\n y and y): x = 1",
    "conditional": "x = (\n (y if\n y\n else 2) + ''\n  )",
    "assert": "assert (y or\n y), 1",
    "failing assert": "assert (y and\n not y), (1,\n 2)",
    "list": "x = [\n x\n for x in y\n if y\n ]",
    "dictionary": "x = {\n x: 1\n for x in y\n if y if\n not y\n }",
    "generator": "x = list(\n x + \n '' for x in y\n if y\n )",
    "guard": "match 1:\n  case 1 if (\n   y):\n   return y\n  case _: pass",
}


def codes(text: str) -> tuple[CodeType, CodeType]:
    """Compile a text as it is, and lowered."""
    tree = ast.parse(text)
    lower(tree, decide(text, "file.py", tree, Options()))
    return compile(text, "file.py", "exec"), compile(tree, "file.py", "exec")


@pytest.fixture(params=["at rest", "asked"])
def table(request: pytest.FixtureRequest) -> Iterator[Replacements]:
    """The table of replaced values: empty, or with a value that nothing has."""
    if request.param == "asked":
        replacements.add("nothing", "nothing", object())
    replacements.switch()
    yield replacements
    replacements.discard("nothing", "nothing")
    replacements.switch()


def _outcome(function: types.FunctionType) -> str:
    try:
        result = function()
        return repr(list(result) if isinstance(result, types.GeneratorType) else [type(result), str(result)[:3]])
    except Exception:  # noqa: BLE001 - the traceback is compared
        return traceback.format_exc()


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("name", [node.name for node in ast.parse(PROGRAM).body if isinstance(node, ast.FunctionDef)])
def test_results_and_tracebacks(name: str) -> None:
    """A function gives the result, or the traceback with its carets, that it gives in plain Python."""
    plain, lowered = [{} for _ in range(2)], codes(PROGRAM)
    for namespace, code in zip(plain, lowered, strict=True):
        exec(code, namespace)
    assert _outcome(plain[0][name]) == _outcome(plain[1][name])


def _lines(code: CodeType) -> list[tuple[str, str, int]]:
    """Return the events that a trace function sees of the code's function f."""
    namespace: dict[str, types.FunctionType] = {}
    exec(code, namespace)
    failed = []

    def call() -> None:
        try:
            namespace["f"]()
        except AssertionError:
            failed.append(("failed", "f", 0))

    return [*events(call), *failed]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("body", list(LINES.values()), ids=list(LINES))
def test_line_events(body: str) -> None:
    """A trace function sees the lines of the source, also where the name is a condition."""
    plain, lowered = (_lines(code) for code in codes(f"def f():\n from string import digits as y\n {body}\n"))
    assert plain == lowered


def test_positions() -> None:
    """Line and column tables are the plain ones but for the marked names."""
    assert list(differences(*codes(PROGRAM))) == []


def test_comparison_finds_a_difference() -> None:
    """The comparison that these tests and the corpus rest on does see a name in another place."""
    plain, _ = codes(PROGRAM)
    _, lowered = codes(PROGRAM.replace("return 1 + y", "return  1 + y"))
    assert any("deleted" in found for found in differences(plain, lowered))


@pytest.mark.usefixtures("table")
def test_other_globals() -> None:
    """A function's code runs with globals that know nothing of us."""
    namespace: dict[str, types.FunctionType] = {}
    exec(codes(PROGRAM)[1], namespace)
    moved = types.FunctionType(namespace["value"].__code__, {"__builtins__": builtins})
    assert moved() == "0123456789"


def test_constants_and_names() -> None:
    """A lowered function reads one builtin and holds one constant for each set of sources."""
    namespace: dict[str, types.FunctionType] = {}
    exec(codes("def f():\n from m import y\n return y\n")[1], namespace)
    assert namespace["f"].__code__.co_names == ("m", "y", REPLACED)
    assert (("m", "y"),) in namespace["f"].__code__.co_consts


def test_nothing_to_lower() -> None:
    """Code without marks is byte for byte the plain code."""
    text = "import m\nclass A(m.B):\n    def f(self):\n        return a\n"
    plain, lowered = codes(text)
    assert plain == lowered
    assert list(differences(plain, lowered)) == []


def test_at_rest_costs_one_test() -> None:
    """At rest, a read is a load of the builtin, a jump, and the read; nothing is called."""
    text = textwrap.dedent("""
        def f():
            from m import y
            return y
    """)
    _, lowered = codes(text)
    code = next(constant for constant in lowered.co_consts if isinstance(constant, CodeType))
    instructions = list(dis.get_instructions(code))
    first = next(index for index, one in enumerate(instructions) if one.opname == "LOAD_GLOBAL")
    jump = instructions[first + 1]
    assert "IF_NONE" in jump.opname
    read, after = [one for one in instructions if one.offset >= jump.argval][:2]
    assert (read.opname, after.opname) == ("LOAD_FAST", "RETURN_VALUE")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module ``m``."""
    module = types.ModuleType("m")
    vars(module).update(a=object(), b=object())
    monkeypatch.setitem(sys.modules, "m", module)
    return module


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("name", IMPORTS)
def test_behind_imports(provider: types.ModuleType, table: Replacements, name: str, *, asks: bool) -> None:
    """A module asks behind its imports; names, lines, places and events are those of the plain code."""
    plain, lowered = codes(IMPORTS[name])
    assert REPLACED in str(list(_all_names(lowered)))
    assert list(differences(plain, lowered)) == []
    if asks:
        table.add("m", "none", object())
        table.switch()
    (lines, one), (again, other) = executed(plain), executed(lowered)
    assert lines == again
    assert list(one) == list(other)
    assert [one.get(each) is other.get(each) for each in "acxyi"] == [True] * 5
    assert provider is not None


def _all_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _all_names(constant)


def test_replaced_behind_an_import(provider: types.ModuleType, table: Replacements) -> None:
    """An imported value that an edit replaced is what it was replaced by."""
    old, new = provider.a, object()
    table.add("m", "a", old)
    table.switch()

    sys.modules["m"] = module = Handing(old, a=new)
    namespace: dict[str, object] = {}
    exec(codes("from m import a\n")[1], namespace)
    assert not module.olds
    assert namespace["a"] is new


@pytest.mark.parametrize(
    "text",
    [
        "from m import *\n",
        "import m\n",
        "class A(int):\n  from m import a\n",
        "class A(k=1):\n  from m import a\n",
        "from m import a\nglobal a\n",
        "def f():\n  from m import a\n  global a\n",
    ],
)
def test_nothing_behind_an_import(text: str) -> None:
    """Where a second binding could be refused, or would not be valid, there is none."""
    assert list(_all_names(codes(text)[1])).count(REPLACED) == 0

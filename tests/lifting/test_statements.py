"""Statements from compiled code: what is seen of them, what counts as equal, and that they compile again."""

from __future__ import annotations

import ast
import copy
import dataclasses
import os
import re
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from dyntransform.cpython.features import LAZY_IMPORTS
from dyntransform.lifting.annotations import FUTURE
from dyntransform.lifting.assembling import assemble
from dyntransform.lifting.parts import Block, Body, Part
from dyntransform.lifting.statements import inner_function, lift

STRAIGHT = [
    "import os\nimport os.path\nimport os.path as p\nfrom a import b\nfrom .a import b as c, d\nfrom . import e\n",
    "from os.path import *\n",
    "A = 1\nB = C = [1, 2, x]\nD = {'a': 1, 'b': x, **y}\nE = {1, x}\nF = (1, x, *y)\nG = -1\n",
    "a.b = 1\na[b] = c\na[1:2] = c\na.b.c[d].e = f\n",
    "N += 1\na.b += 1\na[b] -= c\n",
    "a, b = c\na, *b = c\n(a, (b, c)) = d\n",
    "del a\ndel a.b\ndel a[c]\n",
    "f()\na.b(1, *c, d=2, **e)\nprint(1, sep='')\n",
    "x = a + b * c - ~d\ny = not a\nz = a < b\nw = a is not b\nv = a in b\n",
    "x = a[1:2]\ny = a[1:2:3]\nz = a.b[c].d\n",
    "x = f'{a!r:>{w}} {b}'\n",
    "x = lambda a, b=1, *, c=d: a\n",
    "x: int = 1\ny: str\n",
    "def f(a, b=1, /, c=x, *args, d, e=2, **kwargs) -> int: pass\nasync def g(a: int): pass\n",
    "@a\n@b.c(1)\ndef f(): pass\n",
    "class C: pass\nclass D(C, x.y, metaclass=M): pass\n@a\nclass E: pass\n",
    "class C:\n    '''text'''\n    x: int = 1\n    y = 2\n    def f(self): return super().f()\n",
    "class C:\n    class D:\n        z = 1\n    @property\n    def __p(self): return self.__x\n",
    "'''text'''\nx = 1\n",
]

if hasattr(ast, "TemplateStr"):
    STRAIGHT += [
        "x = t'a {b!r:>{c}} d{e.f:x}{g[0]!s}'\ny = t''\nz = t'a' t'{b}'\nf(t'{a}', t'b')\n",
        "x = t'{t'{a}'}'\ny = t'{f'{a}'} {b=}'\n",
    ]
if LAZY_IMPORTS:
    STRAIGHT += [
        "lazy import a\nlazy import a.b\nlazy import a.b as c\nlazy from a import b, c as d\nlazy from . import e\n",
    ]

GENERIC = [
    "def f[T: int](x: T = 3, *, k=4) -> T: return x\n",
    "class A[T, *U](B, m=1):\n    x: T\n    def m(self, y: T): return T\n    def g[V](self, y: V) -> int: return V\n",
    "def h[T: (int, str), **P](a: T): return T\n",
    "@deco\nclass Z[T: 'A']: pass\n@deco\ndef q[X](): return X\n",
]


DEFAULTS = [
    "def f[T = int](x: T) -> T: return x\n",
    "class A[T: int = bool, **P = [int]](B):\n    x: T\n    def g[V = T](self, y: V): return V\n",
    "class A[T]:\n    def h[V: T](self): pass\n    def k[V: int = int](self): pass\n",
    "class A[*U = *tuple[int, str]]: pass\ntype L[T = int] = list[T]\n",
]


def code_of(text: str) -> CodeType:
    """Compile a module."""
    return compile(text, "m.py", "exec", dont_inherit=True)


def header(node: ast.stmt) -> ast.stmt:
    """Return a statement without what the code of functions stands for, and as the compiler sees it."""
    node = copy.deepcopy(node)
    for part in ast.walk(node):
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
            part.body = []
        elif isinstance(part, ast.Lambda):
            part.body = ast.Constant(None)
        elif isinstance(part, (ast.TypeAlias if sys.version_info >= (3, 12) else ())):
            part.value = ast.Constant(None)  # type: ignore[attr-defined]
        elif type(part).__name__ == "TypeVar":
            part.bound = None  # type: ignore[attr-defined]
        if getattr(part, "default_value", None) is not None:
            part.default_value = ast.Constant(None)  # type: ignore[attr-defined]
        elif isinstance(part, ast.ClassDef):
            part.body = [each for each in part.body if not isinstance(each, ast.Pass)]
    return node


def shown(node: ast.stmt) -> str:
    """Return a text of a statement in which kinds of string constants make no difference."""
    return re.sub(r", kind='u'", "", ast.dump(header(node)))


@pytest.mark.parametrize("text", STRAIGHT)
def test_straight_code_is_seen_as_it_was_written(text):
    """Names, calls, imports and headers of definitions are the nodes of the source."""
    lifted = [shown(node) for node, _ in lift(code_of(text))]
    assert lifted == [shown(node) for node in ast.parse(text).body]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters came with Python 3.12")
@pytest.mark.parametrize("text", [*GENERIC, "type L[T] = list[T]\ntype M = int\n"])
def test_type_parameters_are_seen_as_they_were_written(text):
    """Definitions with type parameters are definitions."""
    lifted = [shown(node) for node, _ in lift(code_of(text))]
    assert lifted == [shown(node) for node in ast.parse(text).body]


@pytest.mark.skipif(sys.version_info < (3, 13), reason="their defaults came with Python 3.13")
@pytest.mark.parametrize("text", DEFAULTS)
def test_type_parameters_with_defaults(text):
    """Definitions are seen, and what they default to is evaluated by the code that did so."""
    nodes = [node for node, _ in lift(code_of(text))]
    assert [shown(node) for node in nodes] == [shown(node) for node in ast.parse(text).body]
    plain, again = ({"__name__": "m", "B": type("B", (), {})} for _ in range(2))
    exec(code_of(text), plain)
    exec(assemble(nodes, "m.py"), again)
    one, other = ([repr(p.__default__) for p in each.popitem()[1].__type_params__] for each in (plain, again))
    assert one == other


CROOKED = [
    ("x = a or b\n", "x = part"),
    ("x = f(a) and b.c or d\n", "x = part"),
    ("f(1, a or b, k=c if d else e)\n", "f(1, part, k=part)"),
    ("f(a < b < c).d(e)\n", "f(part).d(e)"),
    ("@a.b(c or d, 'e')\n@g\ndef f(): pass\n", "@a.b(part, 'e')\n@g\ndef f():\n    pass"),
    ("@a(b and c)\nclass C(d or e):\n    f = 1\n", "@a(part)\nclass C(part):\n    f = 1"),
]


class WithoutCode(ast.NodeTransformer):
    """Puts a name where a node is code."""

    def visit_Part(self, _node: Part) -> ast.expr:  # noqa: D102 - the name of the node's class
        return ast.Name("part", ast.Load())

    def visit_Body(self, _node: Body) -> ast.stmt:  # noqa: D102
        return ast.Pass()


@pytest.mark.parametrize(("text", "wanted"), CROOKED)
def test_what_is_not_straight_is_a_part_of_what_is(text, wanted):
    """A condition in an expression hides nothing but itself."""
    ((node, _),) = lift(code_of(text))
    assert ast.unparse(WithoutCode().visit(node)) == wanted


BLOCKS = """
import sys
seen = []
x = y = 3
if x > 2 and y: z = 1
else: z = 2
try:
    import nothing_of_that_name
except ImportError as error:
    seen.append(str(error))
finally:
    seen.append("finally")
with open(sys.executable, "rb") as file:
    first = file.read(1)
for i in range(5):
    if i == 1: continue
    if i == 4: break
    seen.append(i)
else:
    seen.append("never")
while x:
    x -= 1
squares = [n * n for n in range(4) if n]
table = {k: v for k, v in zip("ab", range(2))}
chosen = "a" if squares else "b"
first_of = squares and squares[0] or None
compared = 1 < y < 5
print_later = [(lambda k=k: k + y) for k in range(3)]
later = [each() for each in print_later]
if (n := len(later)) > 2:
    def branch(a=n): return a
    class InBranch:
        def m(self): return n
match y:
    case 1 | 2: kind = "small"
    case int() as number if number > 2: kind = "large"
assert y == 3, "y"
class C:
    values = [i for i in range(3)]
    if values:
        def m(self): return len(self.values)
    else:
        def m(self): return 0
    limit = 1 if values else 2
made = C().m(), branch(), InBranch().m()
try:
    raise ValueError("x")
except ValueError:
    last = "handled"
tail = 1 if made else 2
"""


def values(namespace: dict[str, Any]) -> dict[str, Any]:
    """Return what can be compared of the outcome of a program."""
    kinds = (int, str, bytes, list, tuple, dict, bool)
    return {name: value for name, value in namespace.items() if type(value) in kinds and not name.startswith("__")}


def test_statements_compiled_one_by_one_do_what_the_module_does():
    """Blocks, handlers, comprehensions and conditions are put back as they were."""
    code = code_of(BLOCKS)
    plain: dict[str, Any] = {"__name__": "m"}
    exec(code, plain)
    again: dict[str, Any] = {"__name__": "m"}
    for node, _ in lift(code):
        exec(assemble([node], "m.py"), again)
    del plain["print_later"], again["print_later"]
    assert values(plain) == values(again)
    assert plain["C"]().m() == again["C"]().m()


def test_tracebacks_name_the_lines_of_the_source():
    """A statement that is compiled again fails on the line that it was on."""
    code = code_of("x = 1\n\nif x:\n    y = 1\n    z = (y\n         / 0)\n")
    (_, (block, _codes)) = lift(code)
    with pytest.raises(ZeroDivisionError) as caught:
        exec(assemble([block], "m.py"), {"x": 1})
    assert caught.traceback[-1].lineno == 4


def keys(text: str) -> list[str]:
    """Return what the engine compares of each statement."""
    return [ast.dump(node) for node, _ in lift(code_of(text))]


@pytest.mark.parametrize("text", [*STRAIGHT, BLOCKS])
def test_lines_and_comments_make_no_difference(text):
    """Statements are equal wherever they stand."""
    assert keys(text) == keys("# a comment\n\n\n" + text.replace("\nx", "\n\n# another\n\nx"))


def test_every_change_of_code_makes_a_difference():
    """Another constant, name, default or order is another statement, deep inside of functions too."""
    one = "def f(a=1):\n    def g(): return {}\n    return [x for x in a if {}]\n"
    parts = [(1, "x"), (2, "x"), (1, "y"), (1.0, "x"), ("True", "x")]
    texts = [one.format(*part) for part in parts]
    assert len({key for text in texts for key in keys(text)}) == len(texts)


def test_a_block_knows_the_definitions_in_it():
    """Definitions, imports and annotated names in blocks are seen; code of theirs is no part of the block's own."""
    text = "with a:\n    def f(x={0}): return {1}\n    class C:\n        def m(self): return {1}\n    from b import c\n"
    (first, _), (second, _), (third, _) = (
        lift(code_of(text.format(default, result)))[0] for default, result in ((1, 1), (1, 2), (2, 1))
    )
    assert isinstance(first, Block) and isinstance(second, Block) and isinstance(third, Block)  # noqa: PT018 - for mypy
    assert [type(node) for node in first.body] == [ast.FunctionDef, ast.ClassDef, ast.ImportFrom]
    assert first.structure == second.structure != third.structure
    assert ast.dump(first) != ast.dump(second)


def test_names_of_a_block():
    """What a block reads, binds, certainly binds and updates is told from its flow."""
    text = "for i in rows:\n    if i: t = i\n    table[i] = limit\n    words.append(i)\n    total += i\n"
    ((block, _),) = lift(code_of(text))
    assert isinstance(block, Block)
    assert block.facts.reads == {"rows", "table", "limit", "words", "total"}
    assert block.facts.binds == {"i", "t", "total"}
    assert block.facts.always == set()
    assert block.facts.mutates == {"table", "words", "total"}
    assert block.facts.attributes == {("words", "append")}
    ((both, _),) = lift(code_of("if a:\n    x = b\n    y = x\nelse:\n    x = 1\n    z = x\n"))
    assert isinstance(both, Block)
    assert (both.facts.reads, both.facts.always) == ({"a", "b"}, {"x"})


def test_definitions_in_functions():
    """The header of a function that another one makes is seen, to compare its defaults."""
    code = code_of("def f(n):\n    k = n or 1\n    def g(a, b=2, *, c=n): return a\n    return g\n")
    outer = next(each for each in code.co_consts if isinstance(each, CodeType))
    inner = next(each for each in outer.co_consts if isinstance(each, CodeType))
    node = inner_function(outer, inner)
    assert isinstance(node, ast.FunctionDef)
    assert ast.unparse(ast.fix_missing_locations(node.args)) == "a, b=2, *, c=n"


def test_future_annotations():
    """Text that the compiler made of annotations is what was written, and is made to the same text again."""
    text = "x: int = 1\nclass C:\n    y: a.b\ndef f(z: 'q', *s: *r) -> list[int]:\n    pass\n"
    nodes = [node for node, _ in lift(code_of(f"from __future__ import annotations\n{text}"))]
    assert [shown(node) for node in nodes[1:]] == [shown(node) for node in ast.parse(text).body]
    again: dict[str, Any] = {"__name__": "m"}
    exec(assemble(nodes, "m.py", FUTURE), again)
    assert again["__annotations__"] == {"x": "int"}
    assert again["C"].__annotations__ == {"y": "a.b"}
    assert again["f"].__annotations__ == {"z": "'q'", "s": "*r", "return": "list[int]"}


# ---------------------------------------------------------------------- real code

STDLIB = Path(sysconfig.get_path("stdlib"))
SAMPLE = [
    "argparse",
    "calendar",
    "dataclasses",
    "datetime",
    "enum",
    "glob",
    "inspect",
    "shutil",
    "subprocess",
    "typing",
]


def modules() -> list[Path]:
    """Return files of the standard library: a sample, or all of them if DYN_CORPUS is ``all``."""
    if os.environ.get("DYN_CORPUS") == "all":
        every = sorted(path for path in STDLIB.rglob("*.py") if path.is_file())
        return [path for path in every if "site-packages" not in path.parts]
    return [STDLIB / f"{name}.py" for name in SAMPLE]


@dataclasses.dataclass
class Outline:
    """The functions, classes and imports of a module."""

    names: list[str] = dataclasses.field(default_factory=list)

    def take(self, nodes: list[ast.stmt], around: str = "") -> None:
        """Collect what is not in a block."""
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                self.names.append(f"class {around}{node.name}")
                self.take(node.body, f"{around}{node.name}.")
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.names.append(f"{type(node).__name__} {around}{node.name}{ast.unparse(node.args)}")
            elif isinstance(node, ast.ImportFrom):
                self.names.append(f"{node.level} {node.module} {[(a.name, a.asname) for a in node.names]}")


def outline(nodes: list[ast.stmt]) -> list[str]:
    """Return the outline of a module."""
    found = Outline()
    found.take(nodes)
    return found.names


def compiled(path: Path) -> tuple[ast.Module, CodeType] | None:
    """Return the tree and the code of a file; None if Python refuses it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = path.read_bytes()
            return ast.parse(data), compile(data, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None


def opaque(nodes: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the nodes that stand for code."""
    for node in nodes:
        yield from (part for part in ast.walk(node) if isinstance(part, (Block, Part, Body)))


_DIFFERS = re.compile(r"\(|\d [*/]|lambda|=__")
"""What the compiler computes or mangles, and lambdas, have another text than in the source."""


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(STDLIB)))
def test_everything_in_the_standard_library(path):
    """All definitions and imports are seen, and the module compiles again."""
    files = compiled(path)
    if files is None:
        pytest.skip("not valid Python")
    tree, code = files
    nodes = [node for node, _ in lift(code)]
    simple = [node for node in tree.body if "body" not in node._fields or isinstance(node, ast.ClassDef)]
    wanted = {each for each in outline(simple) if not _DIFFERS.search(each)}
    assert wanted <= set(outline(nodes))
    for node in nodes:
        assemble([node], str(path))

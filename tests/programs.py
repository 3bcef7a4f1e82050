"""Random projects of a few modules (hypothesis), made of what rewriting touches: imports, scopes, classes.

`project` draws the files. Many programs raise; some are not even valid. What matters is that they do so alike.
Nothing generated can loop or recurse: only names of leaf functions are called.
"""

from __future__ import annotations

import string
from collections.abc import Callable

from hypothesis import strategies as st

__all__ = ["project"]

LEAF = """\
a = 1
b = [2, 3]
__p = 'private'
_C__p = 'mangled'
_D__p = 'mangled too'
def f(*args):
    return 'f', args
def g(x=5):
    return x + 1
class K:
    a = 'K.a'
    __match_args__ = ('a',)
    def __call__(self):
        return 'K()'
class E(Exception):
    pass
"""
_ATTRIBUTES = ["a", "b", "f", "g", "K", "E", "__p", "missing"]
_VALUES = ["a", "b", "c", "z", "__p"]
_CALLABLE = ["f", "g", "K"]
_DEFINED = ["h", "k", "C", "D"]
_SOURCES = ["m", "pkg", "pkg.leaf", "pkg.mid", ".leaf", ".", ".mid", "os.path", "nowhere"]

Draw = Callable[[st.SearchStrategy[str]], str]
values = st.sampled_from(_VALUES)
callables = st.sampled_from(_CALLABLE)

# Templates: {n} a name, {c} something to call, {e} and {o} expressions, {s} one without quotes (f-strings cannot nest
# before 3.12), {i} and {p} a block and a short one, {b} a function's body.
_EXPRESSIONS = [
    "{n}",
    "{c}()",
    "{c}({e})",
    "f(*({e}, {o}), **dict(k={n}))",
    "({e}, {o})",
    "({e}) + ({o})",
    "({e}) is ({o})",
    "[{n} for {n} in [1, 2] if {n}]",
    "[({e}) for i in [1] for {n} in [{n}]]",
    "{{({e}): (lambda: {n}) for i in [1]}}",
    "{{({n}, (lambda: {n})): (lambda: {n}) for i in [1]}}",
    "list({n} for i in [{o}])",
    "(lambda {n}=({e}): ({o}))()",
    "(lambda: ({e}))()",
    "({n} := ({e}))",
    "f'<{{{n}}}>'",
    "f'{{{n}=}} {{{n}!r:>4}} {{{c}():{{{n}}}}}'",
    "({e}) if {n} else ({o})",
    "(({e})\n if {n} and\n ({o}) else {n})",
    "[({e})\n for i in [1, 2]\n for {n} in [i,\n {o}]\n if {n} or not\n {n}]",
    "{c}({e},\n{n},\n{o}\n)",
    "K.{n}",
    "{n}[0]",
    "getattr(K, 'a', {e})",
    "sorted(k for k in locals() if len(k) < 3)",
    "eval('{n}')",
    "__name__",
]
_SIMPLE = [
    "{n} = {e}",
    "{n} += {e}",
    "{n}: int = {e}",
    "del {n}",
    "print({e})",
    "K.{n} = {e}",
    "import m",
    "import pkg.leaf",
    "import pkg.mid as z",
    "raise E({e})",
    "assert {e}",
    "assert not {n}, {n}",
]
_IN_FUNCTIONS = [*_SIMPLE, "return {e}", "yield {e}", "return {n}"]
_IN_MODULES = [*_SIMPLE, "from m import *", "from .leaf import *", "from pkg.mid import *"]
_COMPOUND = [
    "def {d}({n}=1):\n{b}",
    "def {d}():\n{b}",
    "def {d}(x: {n} = {e}) -> {n}:\n{b}",
    "async def {d}():\n{b}",
    "@staticmethod\ndef {d}():\n{b}",
    "class {d}:\n{i}",
    "class {d}(object):\n    def __init__(self):\n    {b}",
    "class {d}(K):\n{p}    @classmethod\n    def h(cls):\n    {b}",
    "class {d}(E, metaclass=type):\n{i}",
    "if {e}:\n{i}else:\n{p}",
    "while {n}:\n{i}    break\n",
    "while ({n} and\n{e}):\n    from m import missing as {n}\n",
    "for {n} in [1, {e}]:\n{i}else:\n{p}",
    "try:\n{i}except (E, NameError, TypeError) as {n}:\n{p}",
    "try:\n{i}except ImportError:\n{p}finally:\n{p}",
    "with __import__('contextlib').suppress(ImportError) as {n}:\n{i}",
    "match {e}:\n    case K({n}) if {e}:\n    {i}    case _:\n    {p}",
]


def _fill(template: str, parts: dict[str, Callable[[], str]]) -> str:
    """Draw a part for every place of a template."""
    filled = []
    for text, place, _, _ in string.Formatter().parse(template):
        filled.append(text)
        if place is not None:
            part = parts[place]()
            start = text.rpartition("\n")[2]  # indentation that the template gives a block
            filled.append(part.replace("\n", f"\n{start}").removesuffix(start) if start.isspace() else part)
    return "".join(filled)


def _expression(draw: Draw, depth: int) -> str:
    if depth == 0:
        return draw(st.sampled_from([*_VALUES, "1", "K", "f()"]))
    inner = lambda: _expression(draw, depth - 1)
    parts = {"n": lambda: draw(values), "c": lambda: draw(callables), "e": inner, "o": inner}
    return _fill(draw(st.sampled_from(_EXPRESSIONS)), parts)


def _import(draw: Draw) -> str:
    """Draw a from-import; names that are called are only ever leaf functions."""
    aliases = []
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):  # type: ignore[arg-type]
        attribute = draw(st.sampled_from(_ATTRIBUTES))
        bound = draw(st.sampled_from([attribute, *(_CALLABLE if attribute in _CALLABLE else _VALUES)]))
        aliases.append(attribute if bound == attribute else f"{attribute} as {bound}")
    form = draw(st.sampled_from(["{}", "({})", "({},)"]))
    return f"from {draw(st.sampled_from(_SOURCES))} import {form.format(', '.join(aliases))}"


def _simple(draw: Draw, templates: list[str]) -> str:
    inner = lambda: _expression(draw, 2)
    return _fill(draw(st.sampled_from(templates)), {"n": lambda: draw(values), "e": inner})


def _block(draw: Draw, depth: int, templates: list[str], first: str = "") -> str:
    """Draw some statements, among them at least one import."""
    lines = [first, _import(draw)] if first else [_import(draw)]
    kinds = ["import", "simple", "simple", "compound"] if depth else ["import", "simple"]
    for _ in range(draw(st.sampled_from([1, 2, 3]))):  # type: ignore[arg-type]
        kind = draw(st.sampled_from(kinds))
        if kind == "import":
            lines.append(_import(draw))
        elif kind == "simple":
            lines.append(_simple(draw, templates))
        else:
            lines.append(_compound(draw, depth - 1, templates).rstrip("\n"))
    one_line = not any("\n" in line for line in lines) and draw(st.booleans())  # type: ignore[arg-type]
    return ("; " if one_line else "\n").join(lines) + "\n"


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def _compound(draw: Draw, depth: int, templates: list[str]) -> str:
    inside = [one for one in templates if "*" not in one]

    def body() -> str:
        scope = draw(st.sampled_from(["", "", "", "", "global", "global", "nonlocal"]))
        return _indented(_block(draw, depth, _IN_FUNCTIONS, f"{scope} {draw(values)}" if scope else ""))

    parts = {
        "n": lambda: draw(values),
        "e": lambda: _expression(draw, 1),
        "d": lambda: draw(st.sampled_from(_DEFINED)),
        "b": body,
        "i": lambda: _indented(_block(draw, depth, inside)),
        "p": lambda: _indented(_block(draw, 0, inside)),
    }
    return _fill(draw(st.sampled_from(_COMPOUND)), parts)


@st.composite
def project(draw: Draw) -> dict[str, str]:
    """Draw the files of a project whose entry is main."""
    head = draw(st.sampled_from(["", '"""doc"""\n', "from __future__ import annotations\n", "# comment\n\n"]))
    main = [_compound(draw, 2, _SIMPLE) for _ in range(draw(st.sampled_from([1, 2, 3])))]  # type: ignore[arg-type]
    return {
        "m.py": LEAF,
        "pkg/leaf.py": LEAF,
        "pkg/__init__.py": LEAF,
        "pkg/mid.py": LEAF + _block(draw, 1, _IN_MODULES),
        "main.py": head + LEAF.replace("1", "7") + "".join(main) + _block(draw, 1, _IN_MODULES),
    }

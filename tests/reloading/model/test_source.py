"""A version of a file that is spliced from the one before equals the one that is parsed as a whole."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dyntransform.reloading.model.source import Source
from dyntransform.transform.decide import Options

BLOCKS = [
    "import os",
    "from pkg import name as other",
    "from __future__ import annotations",
    "from __future__ import division",
    '"""A docstring."""',
    "VALUE = 1",
    "a = 1; b = 2",
    "ä = 'ö' + f'{VALUE!r:>{10}}'",
    "long = 1 + \\\n    2",
    "open_end = 1 \\\n",
    "text = '''\nVALUE = 1\ndef f():\n'''",
    "# only a comment",
    "",
    "    # an indented comment",
    "\x0c",
    "def f(x: 'T' = VALUE) -> int:\n    from pkg import late\n\n    return late(x)",
    "@decorator\n@other(\n    1\n)\ndef g():\n    return 1",
    "async def h():\n    from . import late as l\n    return [l async for _ in l]",
    (
        "class C(Base):\n    from pkg import member\n    x: int = 1\n    def m(self, y: (lambda: 1) = 2):\n"
        "        from pkg import late\n        return late, self.__x"
    ),
    "if VALUE:\n    one = 1\nelse:\n    one = 2",
    "else:\n    one = 3",
    "try:\n    import json\nexcept ImportError:\n    json = None\nfinally:\n    pass",
    "for i in []:\n    pass",
    "global VALUE",
    "if 1:\n    global late_global",
    "late_global = 1",
    "match VALUE:\n    case 1:\n        pass",
    "case = 3",
    "return 1",
    "    stray = 1",
    "x = (",
    ")",
    "'''",
    "@decorator",
    "lambdas = [lambda: 1, lambda: 2]",
    "from pkg import *",
    "if True: y = 1",
]

options = Options(lambda name: name in {"pkg", "pkg2"})
texts = st.lists(st.sampled_from(BLOCKS), max_size=8).map("\n".join)
line_ends = st.sampled_from(["\n", "\r\n", "\r"])


def view(source: Source) -> object:
    """Return everything that the engine reads from a source."""
    statements = []
    for statement in source.statements:
        tree = ast.dump(statement.node, include_attributes=True)
        place = statement.first_line, statement.last_line, statement.column, statement.lines
        names = statement.kind, statement.name, statement.key, statement.usage, statement.is_definition
        statements.append((tree, place, names, statement.future_annotations))
    codes = [source.compile([statement.node]) for statement in source.statements]
    return statements, codes, source.links, source.lookups, source.flags, source.reads, source.attributes


def outcome(make) -> object:
    """Return the view of a source, or the error of making, compiling and checking it."""
    try:
        source = make()
        source.check()
        return view(source)
    except (SyntaxError, ValueError) as error:
        return type(error), str(error), getattr(error, "lineno", None), getattr(error, "offset", None)


def is_valid(text: str) -> bool:
    """Whether the text can be the running version."""
    try:
        compile(text, "file.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@settings(max_examples=300, deadline=None)
@given(texts.filter(is_valid), st.data())
def test_spliced_equals_parsed(first, data):
    """Whatever lines change, and however often, statements, code, bindings and errors are those of the whole file."""
    ends = data.draw(line_ends)
    lines = first.split("\n")
    begin = data.draw(st.integers(0, len(lines)))
    end = data.draw(st.integers(begin, len(lines)))
    second = "\n".join([*lines[:begin], *data.draw(texts).split("\n"), *lines[end:]])
    before, after = (text.replace("\n", ends).encode() for text in (first, second))
    old = Source(before, "file.py", options)
    assert outcome(lambda: old.edited(after)) == outcome(lambda: Source(after, "file.py", options))


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@settings(max_examples=100, deadline=None)
@given(texts.filter(is_valid), texts.filter(is_valid), texts.filter(is_valid))
def test_splicing_again(first, second, third):
    """A source spliced from a spliced one, of which the syntax trees were dropped, is as good as new."""
    whole = Source(third.encode(), "file.py", options)
    source = Source(first.encode(), "file.py", options)
    for text in (second, third):
        view(source)
        source = source.edited(text.encode())
        if source.divisible:
            source.drop_syntax()
    assert view(source) == view(whole)


def test_untouched_statements_are_kept():
    """Only the statements at the edit are parsed; those before it are the same objects, those after it move."""
    old = Source(b"a = 1\nb = 2\nc = 3\nd = 4\ne = 5\n", "file.py", options)
    view(old)
    new = old.edited(b"a = 1\nb = 2\nc = 33\nmore = 0\nd = 4\ne = 5\n")
    assert new.statements[0] is old.statements[0]
    assert [statement.name for statement in new.statements] == ["a", "b", "c", "more", "d", "e"]
    assert [statement.first_line for statement in new.statements] == [1, 2, 3, 4, 5, 6]
    assert [statement.node.lineno for statement in new.statements] == [1, 2, 3, 4, 5, 6]
    assert new.statements[-1].usage is old.statements[-1].usage

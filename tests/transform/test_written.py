"""The readable form, compiled."""

from __future__ import annotations

import ast
import builtins
import textwrap
from typing import Any

import pytest

from dyntransform.runtime import DynamicClass
from dyntransform.transform.decide import Options
from dyntransform.transform.text import rewrite
from dyntransform.transform.written import is_live_binding, lower_written


def lowered(text: str) -> ast.Module:
    """Rewrite a module, and lower what was written."""
    tree = ast.parse(rewrite(textwrap.dedent(text), "m.py", Options()).text)
    lower_written(tree)
    return tree


def test_lookups() -> None:
    """A lookup becomes the question with all its sources; links and bases stay as they are written."""
    tree = lowered(
        '''
        """Doc."""
        from m import x

        class C:
            def f(self):
                if self:
                    from .n import y
                else:
                    from o import z as y
                return y
        '''
    )
    text = ast.unparse(tree)
    key = "(('.n', 'y'), ('o', 'z'))"
    assert f"return __dyn_replaced__({key}, y) if __dyn_replaced__ is not None else y" in text
    assert "x = __dyn_replaced__((('m', 'x'),), x) if __dyn_replaced__ is not None else x" in text
    assert "class C(DynamicClass):" in text
    assert ast.get_docstring(tree) == "Doc."


def test_places_are_those_of_the_text() -> None:
    """What a traceback points at is the call that stands in the text."""
    text = rewrite("0\ndef f():\n    from m import y\n    return y + 1\n", "m.py", Options()).text
    tree = ast.parse(text)
    lower_written(tree)
    found = next(node for node in ast.walk(tree) if isinstance(node, ast.IfExp))
    assert ast.get_source_segment(text, found) == '_dyn_lookup("m", "y", y)'


def test_header_is_no_import_of_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps count of the imports that a module makes finds those of the program."""
    real = builtins.__import__
    seen = []

    def tracking(name: str, globals: Any = None, *rest: Any) -> Any:  # noqa: A002 - as the builtin has it
        if globals:
            seen.append(name)
        return real(name, globals, *rest)

    assert DynamicClass.__module__ == "dyntransform.runtime.dynamic_class", "it is imported already"
    code = compile(lowered('"""Doc."""\nimport json\nclass C: pass\n'), "m.py", "exec")
    monkeypatch.setattr(builtins, "__import__", tracking)
    namespace: dict[str, Any] = {"__name__": "m"}
    exec(code, namespace)
    assert seen == ["json"]
    assert namespace["C"].__bases__ == (DynamicClass,)


@pytest.mark.parametrize("text", ["x = 1\n", "def f():\n    from m import y\n    return y\n"])
def test_without_a_header_nothing_is_done(text: str) -> None:
    """Where names are spelled out in place, or nothing was rewritten, the text is compiled as it stands."""
    written = rewrite(text, "m.py", Options()).text
    tree = ast.parse(written)
    lower_written(tree)
    assert ast.dump(tree, include_attributes=True) == ast.dump(ast.parse(written), include_attributes=True)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('y = _dyn_lookup("m", "y", y)', True),
        ('y = __dyn_lookup("m", "z", y)', True),
        ('y = __import__("dyntransform.runtime").runtime._dyn_lookup("m", "y", y)', True),
        ('x = _dyn_lookup("m", "y", y)', False),
        ('y = lookup("m", "y", y)', False),
        ('y = _dyn_lookup("m", "y", y)()', False),
        ("y = y", False),
    ],
)
def test_live_bindings(text: str, answer: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A live binding is told from other statements that call something."""
    assert is_live_binding(ast.parse(text).body[0]) is answer

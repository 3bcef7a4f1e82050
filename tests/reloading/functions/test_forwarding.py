"""Old function objects whose closure cannot take the new code pass every call on."""

from __future__ import annotations

import asyncio
import inspect

import pytest

FACTORY = """\
def make(a):
    b = a + 1
    def keep(): return b
    {kind} inner(x, *, y=1):
        {body}
    return inner, keep
"""


@pytest.mark.parametrize(
    ("kind", "verb", "ask"),
    [
        ("def", "return", inspect.isfunction),
        ("def", "yield", inspect.isgeneratorfunction),
        ("async def", "return", inspect.iscoroutinefunction),
        ("async def", "yield", inspect.isasyncgenfunction),
    ],
)
def test_method_that_gains_super(project, kind, verb, ask):
    """A method that begins to use super() serves all holders, and stays the kind of function that it was."""
    text = "class Base:\n    def name(self): return 'base'\nclass C(Base):\n    {} f(self):\n        {}\n"
    m = project.load("m", text.format(kind, f"{verb} 'c'"))
    held, bound = m.C.f, m.C().f
    project.edit(m=text.format(kind, f"{verb} super().name()"))
    assert ask(held)
    assert [_result(call()) for call in (bound, m.C().f, lambda: held(m.C()))] == ["base"] * 3
    project.edit(m=text.format(kind, f"{verb} super().name() + '!'"))
    assert [_result(call()) for call in (bound, m.C().f, lambda: held(m.C()))] == ["base!"] * 3


def test_variable_that_the_factory_call_did_not_keep(project):
    """A closure that lacks a new variable keeps its code, and the report says which variable."""
    m = project.load("m", FACTORY.format(kind="def", body="return x"))
    inner, _ = m.make(1)
    report = project.edit(m=FACTORY.format(kind="def", body="return (x, a)"))
    assert inner(5) == 5
    assert any("without a" in change.note for change in report.waits)
    assert m.make(1)[0](5) == (5, 1)


def _result(value):
    if inspect.iscoroutine(value):
        return asyncio.run(value)
    if inspect.isasyncgen(value):
        return asyncio.run(_first(value))
    return next(value) if inspect.isgenerator(value) else value


async def _first(items):
    async for item in items:
        return item
    return None

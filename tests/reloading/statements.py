"""Hypothesis strategies for the statements of a module."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from reloading.expressions import Body, Expressions, Pen, Scope
from reloading.members import draw_class, draw_enum, draw_record
from reloading.projects import Statement

__all__ = ["KINDS", "draw_statement"]


def _constant(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    text = pen.one_of([f"{name} = {{}}", f"{name}: int = {{}}"]).format(pen.integer(0, 9))
    return Statement("constant", number, text, ((name, "int"),))


def _derived(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    value = Expressions(pen, scope)
    return Statement("derived", number, f"{name} = {value.number()}", ((name, "int"),), frozenset(value.needs))


def _guard(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    """Draw a statement that fails if a constant is one half, which no edit makes it but one that must fail."""
    value = Expressions(pen, scope)
    text = f"{name} = int(10 / ({value.name('int')} - 0.5))"
    return Statement("guard", number, text, ((name, "int"),), frozenset(value.needs))


def _data(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    value = Expressions(pen, scope)
    one, two, three = (
        value.number(),
        value.name("function", "class", "record", "object", "closure"),
        value.name("data", "list", "int"),
    )
    text = pen.one_of(
        [
            f"{name} = [{one}, {two}, {three}]",
            f"{name} = ({one}, {two}, {three})",
            f"{name} = {{'a': {one}, 'b': {two}}}",
            f"{name} = {{'a': [{two}], 'b': ({three},)}}",
        ]
    )
    return Statement("data", number, text, ((name, "data"),), frozenset(value.needs))


def _block(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    value = Expressions(pen, scope)
    read, result = value.name("int"), value.number()
    shapes = [
        ["if {0} > 4:", "    {2} = {1}", "else:", "    {2} = 0"],
        ["try:", "    {2} = 10 // {0}", "except ZeroDivisionError:", "    {2} = 0"],
        ["try:", "    from no_such_module import {2}", "except ImportError:", "    {2} = {1}"],
        ["{2} = 0", "for {2}_each in [1, {0}]:", "    {2} += {2}_each"],
    ]
    lines = [line.format(read, result, name) for line in pen.one_of(shapes)]
    return Statement("block", number, "\n".join(lines), ((name, "int"),), frozenset(value.needs))


def _choice(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    """Draw functions of one name in the branches of an if statement."""
    value = Expressions(pen, scope)
    lines = [f"if {value.name('int')} > 4:"]
    lines += [f"    def {name}(x=1):", *_indented(Body(pen, scope, number, ["x"]).lines(), 8), "else:"]
    lines += [f"    def {name}(x=1):", *_indented(Body(pen, scope, number, ["x"]).lines(), 8)]
    return Statement("choice", number, "\n".join(lines), ((name, "function"),), frozenset(value.needs))


def _function(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    value = Expressions(pen, scope)
    parameters, known = pen.one_of(
        [("", []), ("x={}", ["x"]), ("x={}, *, y={}", ["x", "y"]), ("*args", []), ("x: int = {}", ["x"])]
    )
    prefix, keyword = pen.one_of([("", "return"), ("", "return"), ("", "yield"), ("async ", "return")])
    lines = [f"{prefix}def {name}({parameters.format(value.number(), value.number())}):"]
    lines += [f'    """Text {pen.integer(0, 9)}."""'] if pen.maybe() else []
    lines += _indented(Body(pen, scope, number, known).lines(keyword))
    decorators = (
        (f"@{value.name('decorator', 'register')}",) if scope.of_kind("decorator", "register") and pen.maybe() else ()
    )
    return Statement(
        "function", number, "\n".join(lines), ((name, "function"),), frozenset(value.needs), decorators=decorators
    )


def _lambda(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    value = Expressions(pen, scope)
    text = f"{name} = lambda x={value.number()}: (x, {Body(pen, scope, number).value()})"
    return Statement("lambda", number, text, ((name, "closure"),), frozenset(value.needs))


def _decorator(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    """Draw a decorator; only what its wrapper does is ever edited, for decorators do not run again for that."""
    lines = [f"def {name}(function):", "    @functools.wraps(function)", "    def wrapper(*args, **kwargs):"]
    lines += _indented(Body(pen, scope, number).lines("more ="), 8)
    lines += ["        return function(*args, **kwargs), more", "    return wrapper"]
    return Statement("decorator", number, "\n".join(lines), ((name, "decorator"),))


def _register(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    """Draw a registry; what is in it is not taken out when its definition is removed."""
    table = f"{name}_table"
    lines = [f"{table} = {{}}", f"def {name}(function):"]
    lines += [f"    {table}[function.__name__] = function", "    return function"]
    return Statement("register", number, "\n".join(lines), ((name, "register"), (table, "table")))


def _factory(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    """Draw a factory; its closures use all its parameters, for what a call did not keep cannot be used later."""
    lines = [f"def {name}(n, m):", "    def inner(x=1):"]
    lines += _indented(Body(pen, scope, number, ["n", "m"]).lines("more ="), 8)
    lines += ["        return n, m, x, more", "    return inner"]
    return Statement("factory", number, "\n".join(lines), ((name, "factory"),))


def _use(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    """Draw a statement that makes something of a function or class."""
    value = Expressions(pen, scope)
    forms = [
        ("factory", "closure", "{0}({1}, {2})"),
        ("class", "object", "{0}({1})"),
        ("record", "object", "{0}({1})"),
        ("function", "closure", "{0}"),
        ("function", "closure", "functools.partial({0})"),
        ("object", "closure", "{0}.run"),
        ("object", "object", "{0}"),
        ("class", "class", "{0}"),
    ]
    possible = [form for form in forms if scope.of_kind(form[0])]
    if not possible:
        return _constant(pen, scope, number, name)
    source, kind, form = pen.one_of(possible)
    made = form.format(value.name(source), value.number(), value.number())
    return Statement("use", number, f"{name} = {made}", ((name, kind),), frozenset(value.needs))


def _list(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    """Draw a list; the number makes each drawing another one."""
    value = Expressions(pen, scope)
    text = f"{name} = [{pen.number()}, {value.number()}]"
    return Statement("list", number, text, ((name, "list"),), frozenset(value.needs))


def _update(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    """Draw a statement that changes what another one of the module bound."""
    value = Expressions(pen, scope)
    forms = [("int", "{0} += {1}"), ("list", "{0}.append({1})"), ("list", "{0} += [{1}]"), ("list", "{0}[0] = {1}")]
    possible = [(target, form) for kind, form in forms for target in scope.of_kind(kind) if target in scope.own]
    if not possible:
        return _constant(pen, scope, number, name)
    target, form = pen.one_of(possible)
    text = form.format(target, value.number())
    value.use(target)
    return Statement("update", number, text, (), frozenset(value.needs), (target,))


def _again(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    """Draw a statement that binds a name once more, also an imported one, or counts on from it."""
    value = Expressions(pen, scope)
    names = [each for each in scope.of_kind("int") if "." not in each]
    if not names:
        return _constant(pen, scope, number, name)
    target = pen.one_of(names)
    text = f"{target} = {value.number()}"
    return Statement("again", number, text, ((target, "int"),), frozenset(value.needs))


def _indented(lines: list[str], width: int = 4) -> list[str]:
    return [" " * width + line for line in lines]


KINDS: dict[str, tuple[str, Callable[[Pen, Scope, int, str], Statement]]] = {
    "constant": ("K", _constant),
    "function": ("f", _function),
    "derived": ("V", _derived),
    "class": ("C", draw_class),
    "use": ("u", _use),
    "guard": ("G", _guard),
    "data": ("D", _data),
    "block": ("B", _block),
    "choice": ("f", _choice),
    "lambda": ("l", _lambda),
    "decorator": ("deco", _decorator),
    "factory": ("make", _factory),
    "record": ("R", draw_record),
    "enum": ("E", draw_enum),
    "register": ("reg", _register),
    "list": ("L", _list),
    "update": ("U", _update),
    "again": ("A", _again),
}
"""Strategies by kind, each with the first letters of the names it makes."""

ALIKE = [("constant", "derived", "block", "guard"), ("function", "choice")]
"""Kinds that can take each other's place."""


def draw_statement(pen: Pen, scope: Scope, kind: str, old: Statement | None = None) -> Statement:
    """Draw a statement of a kind; in place of an old one, if that is given."""
    prefix, make = KINDS[kind]
    if old is None:
        return make(pen, scope, pen.number(), pen.name(prefix))
    alike = next((kinds for kinds in ALIKE if kind in kinds), (kind,))
    prefix, make = KINDS[pen.one_of((kind, *alike))]
    return dataclasses.replace(make(pen, scope, old.number, old.name or pen.name(prefix)), remark=old.remark)

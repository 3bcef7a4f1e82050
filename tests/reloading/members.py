"""Hypothesis strategies for classes and the statements of their bodies."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

from reloading.expressions import Body, Expressions, Pen, Scope
from reloading.projects import Statement

__all__ = ["draw_class", "draw_enum", "draw_member", "draw_record"]

_First: TypeAlias = Callable[[Pen, Scope, int], Statement]
REQUIRED = 2
"""So many statements at the start of each class body stay: what its instances are made with, and ``run``."""


def draw_class(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    """Draw a class."""
    return _with_members(pen, scope, _header(pen, scope, number, name, "class"), _init)


def draw_record(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    """Draw a dataclass; of which kind follows from its number, for another kind would be another class."""
    flavour = ("", "(order=True)", "(frozen=True)", "(slots=True)")[number % 4]
    header = _header(pen, scope, number, name, "record")
    header = dataclasses.replace(header, decorators=(f"@dataclasses.dataclass{flavour}",))
    return _with_members(pen, scope, header, _first)


def _header(pen: Pen, scope: Scope, number: int, name: str, kind: str) -> Statement:
    value = Expressions(pen, scope)
    earlier = {base for base, _ in scope.of_kind_later(number, "class")}  # no class is its own base
    bases = [base for base in scope.of_kind("class") if base in earlier] if kind == "class" else []
    text = f"class {name}({value.use(pen.one_of(bases))}):" if bases and pen.maybe() else f"class {name}:"
    return Statement(kind, number, text, ((name, kind),), frozenset(value.needs))


def _with_members(pen: Pen, scope: Scope, header: Statement, first: _First) -> Statement:
    required = [dataclasses.replace(make(pen, scope, header.number), number=pen.number()) for make in (first, _run)]
    statement = dataclasses.replace(header, body=tuple(required))
    for _ in range(pen.integer(0, 2)):
        statement = dataclasses.replace(statement, body=(*statement.body, draw_member(pen, scope, statement)))
    return statement


def draw_enum(pen: Pen, scope: Scope, number: int, name: str) -> Statement:
    """Draw an enumeration; its base follows from its number."""
    base = ("enum.Enum", "enum.IntEnum")[number % 2]
    names = pen.one_of([("RED", "BLUE"), ("RED",), ("RED", "GREEN", "BLUE")])
    lines = [f"class {name}({base}):"]
    lines += [f"    {part} = {pen.integer(0, 3) * 10 + index}" for index, part in enumerate(names)]
    if pen.maybe():
        lines += ["    def run(self):", *_indented(Body(pen, scope, number, ["self.value"]).lines(), 8)]
    return Statement("enum", number, "\n".join(lines), ((name, "enum"),))


def draw_member(pen: Pen, scope: Scope, cls: Statement, old: Statement | None = None) -> Statement:
    """Draw a statement of a class body; in place of an old one, if that is given.

    What its functions may call depends on the number of the class, so that none calls what makes the class again.
    """
    position = cls.body.index(old) if old is not None else len(cls.body)
    known = [part.name for part in cls.body[REQUIRED:position] if part.kind in _INTEGERS]
    kind = old.kind if old is not None else pen.one_of(list(_PREFIXES))
    if kind in _FIRST:
        member = _FIRST[kind](pen, scope, cls.number)
    else:
        name = old.name if old is not None else pen.name(_PREFIXES[kind])
        member = _MEMBERS[kind](pen, scope, cls.number, name, known)
    return dataclasses.replace(member, number=old.number if old is not None else pen.number())


def _init(pen: Pen, scope: Scope, number: int) -> Statement:
    """Draw __init__; it always sets ``n``, for instances are not made again."""
    value = Expressions(pen, scope)
    lines = [f"def __init__(self, n={value.number()}):", "    self.n = n", f"    self.made = n + {pen.integer(0, 9)}"]
    return Statement("init", number, "\n".join(lines), (("__init__", "method"),), frozenset(value.needs))


def _first(pen: Pen, scope: Scope, number: int) -> Statement:
    return Statement("first", number, f"n: int = {pen.integer(0, 9)}", (("n", "int"),))


def _run(pen: Pen, scope: Scope, number: int) -> Statement:
    value = Expressions(pen, scope)
    known = ["self.n", "x"]
    if pen.maybe():
        known.append("getattr(super(), 'run', int)()")
    lines = [f"def run(self, x={value.number()}):", *_indented(Body(pen, scope, number, known).lines())]
    return Statement("run", number, "\n".join(lines), (("run", "method"),), frozenset(value.needs))


def _attribute(pen: Pen, scope: Scope, number: int, name: str, known: list[str]) -> Statement:
    value = Expressions(pen, scope, known)
    return Statement("attribute", number, f"{name} = {value.number()}", ((name, "int"),), frozenset(value.needs))


def _field(pen: Pen, scope: Scope, number: int, name: str, known: list[str]) -> Statement:
    value = Expressions(pen, scope)
    return Statement("field", number, f"{name}: int = {value.number()}", ((name, "field"),), frozenset(value.needs))


def _method(pen: Pen, scope: Scope, number: int, name: str, known: list[str]) -> Statement:
    value = Expressions(pen, scope)
    decorator, first = pen.one_of([("", "self"), ("@property", "self"), ("@staticmethod", ""), ("@classmethod", "cls")])
    usable = [*(["self.n"] if first == "self" else []), *(f"{first}.{attribute}" for attribute in known if first)]
    parameters = ", ".join(filter(None, [first, "" if decorator else f"x={value.number()}"]))
    lines = [f"def {name}({parameters}):", *_indented(Body(pen, scope, number, usable).lines())]
    decorators = (decorator,) if decorator else ()
    if not decorator and scope.of_kind("decorator") and pen.maybe():
        decorators = (f"@{value.name('decorator')}",)
    return Statement(
        "method", number, "\n".join(lines), ((name, "method"),), frozenset(value.needs), decorators=decorators
    )


def _private(pen: Pen, scope: Scope, number: int, name: str, known: list[str]) -> Statement:
    body = Body(pen, scope, number, ["self.n"]).lines()
    lines = [f"def {name}(self):", "    return self.__n, self.__class__.__name__", ""]
    lines += ["@property", "def __n(self):", *_indented(body)]
    return Statement("private", number, "\n".join(lines), ((name, "method"),))


def _nested(pen: Pen, scope: Scope, number: int, name: str, known: list[str]) -> Statement:
    value = Expressions(pen, scope)
    lines = [f"class {name}:", f"    k = {value.number()}", "    def run(self):"]
    lines += _indented(Body(pen, scope, number, ["self.k"]).lines(), 8)
    return Statement("nested", number, "\n".join(lines), ((name, "nested"),), frozenset(value.needs))


def _imported(pen: Pen, scope: Scope, number: int, name: str, known: list[str]) -> Statement:
    usable = [
        (module, each)
        for module in scope.earlier
        for each, bound in scope.project[module].items()
        if bound.kind == "int"
    ]
    if not usable:
        return _attribute(pen, scope, number, name, known)
    module, each = pen.one_of(usable)
    text = f"from {module} import {each} as {name}"
    return Statement("imported", number, text, ((name, "int"),), frozenset([(f"{module}:{each}", "int")]))


def _counted(pen: Pen, scope: Scope, number: int, name: str, known: list[str]) -> Statement:
    """Draw statements that bind a name and count on from it."""
    value = Expressions(pen, scope, known)
    start, more, last = pen.integer(0, 9), value.number(), value.name("int")
    shapes = [
        ["{0} = {1}", "{0} += {2}"],
        ["{0} = {1}", "{0} = {0} * 2 + {2}"],
        ["{0} = 0", "for {0}_each in [{1}, {3}]:", "    {0} += {0}_each"],
        ["{0} = []", "{0}.append({2})", "{0} = {0}[0]"],
    ]
    lines = [line.format(name, start, more, last) for line in pen.one_of(shapes)]
    return Statement("counted", number, "\n".join(lines), ((name, "int"),), frozenset(value.needs))


def _chosen(pen: Pen, scope: Scope, number: int, name: str, known: list[str]) -> Statement:
    """Draw a value that a condition decides about; in one of the branches another name is bound too."""
    value = Expressions(pen, scope, known)
    lines = [f"if {value.name('int')} > 4:", f"    {name} = {value.number()}", f"    {name}_more = 1"]
    lines += ["else:", f"    {name} = {value.number()}"]
    return Statement("chosen", number, "\n".join(lines), ((name, "int"),), frozenset(value.needs))


def _branches(pen: Pen, scope: Scope, number: int, name: str, known: list[str]) -> Statement:
    """Draw methods of one name in the branches of an if statement."""
    value = Expressions(pen, scope, known)
    lines = [f"if {value.name('int')} > 4:"]
    lines += [f"    def {name}(self):", *_indented(Body(pen, scope, number, ["self.n"]).lines(), 8), "else:"]
    lines += [f"    def {name}(self):", *_indented(Body(pen, scope, number, ["self.n"]).lines(), 8)]
    return Statement("branches", number, "\n".join(lines), ((name, "method"),), frozenset(value.needs))


def _called(pen: Pen, scope: Scope, number: int, name: str, known: list[str]) -> Statement:
    """Draw a method that a call makes something else of."""
    body = Body(pen, scope, number, ["self.n"]).lines()
    lines = [f"def {name}(self):", *_indented(body), f"{name} = property({name})"]
    return Statement("called", number, "\n".join(lines), ((name, "method"),))


def _lambda(pen: Pen, scope: Scope, number: int, name: str, known: list[str]) -> Statement:
    text = f"{name} = lambda self: (self.n, {Body(pen, scope, number).value()})"
    return Statement("lambda", number, text, ((name, "method"),))


def _indented(lines: list[str], width: int = 4) -> list[str]:
    return [" " * width + line for line in lines]


_FIRST: dict[str, _First] = {"init": _init, "first": _first, "run": _run}
_MEMBERS: dict[str, Callable[[Pen, Scope, int, str, list[str]], Statement]] = {
    "attribute": _attribute,
    "method": _method,
    "private": _private,
    "nested": _nested,
    "field": _field,
    "imported": _imported,
    "lambda": _lambda,
    "counted": _counted,
    "chosen": _chosen,
    "branches": _branches,
    "called": _called,
}
_PREFIXES = {
    "attribute": "a",
    "method": "m",
    "private": "p",
    "nested": "Inner",
    "field": "d",
    "imported": "i",
    "lambda": "l",
    "counted": "c",
    "chosen": "h",
    "branches": "b",
    "called": "p",
}
_INTEGERS = ("attribute", "imported", "counted", "chosen")

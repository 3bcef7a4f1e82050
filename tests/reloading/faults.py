"""Hypothesis strategies for edits that must fail."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from reloading.expressions import Pen
from reloading.projects import Module, Project, Statement

__all__ = ["Fault", "draw_fault"]


@dataclasses.dataclass(frozen=True)
class Fault:
    """A project that cannot be loaded.

    Attributes:
        project: with the fault.
        error: name of the exception.
        path: the file that the report must name.
    """

    project: Project
    error: str
    path: str


_STATEMENTS = [
    ("1 / 0", "ZeroDivisionError"),
    ("raise ValueError('fault')", "ValueError"),
    ("raise SystemExit(3)", "SystemExit"),
    ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ("def fault(:", "SyntaxError"),
    ("  indented = 1", "IndentationError"),
    ("return 1", "SyntaxError"),
    ("fault = missing_name", "NameError"),
    ("import no_such_module", "ModuleNotFoundError"),
    ("from functools import no_such_name", "ImportError"),
    ("@missing_decorator\ndef fault(): pass", "NameError"),
    ("@(lambda function: 1 / 0)\ndef fault(): pass", "ZeroDivisionError"),
    ("def fault(x=1 / 0): pass", "ZeroDivisionError"),
    ("class Fault:\n    before = 1\n    x = 1 / 0", "ZeroDivisionError"),
    ("class Fault(missing_base):\n    pass", "NameError"),
    ("class Fault(1):\n    pass", "TypeError"),
    ("class Fault(enum.Enum):\n    A = 1\n    A = 2", "TypeError"),
    ("import broken", "OverflowError"),
]
_MEMBERS = [
    ("fault = 1 / 0", "ZeroDivisionError"),
    ("def fault(self, x=1 / 0): pass", "ZeroDivisionError"),
    ("@missing_decorator\ndef fault(self): pass", "NameError"),
    ("class Fault:\n    x = 1 / 0", "ZeroDivisionError"),
]
_BROKEN = Statement("fault", 0, "first = 1\nraise OverflowError('fault')")


def draw_fault(pen: Pen, project: Project) -> Fault:
    """Draw a way to break a project."""
    return pen.one_of([_statement, _statement, _statement, _member, _decorator, _constant])(pen, project)


def _at(pen: Pen, project: Project, fits: Callable[[Statement], bool]) -> tuple[int, int] | None:
    places = [
        (index, position)
        for index, module in enumerate(project.modules)
        for position, statement in enumerate(module.statements)
        if fits(statement)
    ]
    return pen.one_of(places) if places else None


def _statement(pen: Pen, project: Project) -> Fault:
    """Put a statement in that fails."""
    index = pen.integer(0, len(project.modules) - 1)
    text, error = pen.one_of(_STATEMENTS)
    module = project.modules[index]
    position = pen.integer(1, len(module.statements))
    statements = (*module.statements[:position], Statement("fault", 0, text), *module.statements[position:])
    broken = project.with_module(index, statements)
    if text != "import broken":
        return Fault(broken, error, module.path)
    added = Module("broken", (_BROKEN,))
    return Fault(Project((*broken.modules, added)), error, added.path)


def _put(project: Project, place: tuple[int, int], statement: Statement) -> Project:
    index, position = place
    statements = project.modules[index].statements
    return project.with_module(index, (*statements[:position], statement, *statements[position + 1 :]))


def _member(pen: Pen, project: Project) -> Fault:
    """Put a statement into a class that fails."""
    place = _at(pen, project, lambda statement: bool(statement.body))
    if place is None:
        return _statement(pen, project)
    module = project.modules[place[0]]
    old = module.statements[place[1]]
    text, error = pen.one_of(_MEMBERS)
    position = pen.integer(0, len(old.body))
    body = (*old.body[:position], Statement("fault", 0, text), *old.body[position:])
    return Fault(_put(project, place, dataclasses.replace(old, body=body)), error, module.path)


def _decorator(pen: Pen, project: Project) -> Fault:
    """Decorate a definition with what fails."""
    place = _at(pen, project, lambda statement: statement.kind in ("function", "class", "record", "enum", "factory"))
    if place is None:
        return _statement(pen, project)
    module = project.modules[place[0]]
    old = module.statements[place[1]]
    decorators = (*old.decorators, "@(lambda made: 1 / 0)")
    return Fault(
        _put(project, place, dataclasses.replace(old, decorators=decorators)), "ZeroDivisionError", module.path
    )


def _constant(pen: Pen, project: Project) -> Fault:
    """Give a constant a value with which a statement that reads it fails, maybe in another module."""
    guarded = [
        name.rpartition(".")[2]
        for module in project.modules
        for statement in module.statements
        if statement.kind == "guard"
        for name, _ in statement.needs
    ]
    rebound = {name for module in project.modules for name in _bound_again(module)}
    guarded = [name for name in guarded if name not in rebound]
    if not guarded:
        return _statement(pen, project)
    name = pen.one_of(guarded)
    place = _at(pen, project, lambda statement: statement.kind == "constant" and statement.name == name)
    if place is None:
        return _statement(pen, project)
    old = project.modules[place[0]].statements[place[1]]
    broken = _put(project, place, dataclasses.replace(old, text=f"{name} = 0.5"))
    first = next(each for each in broken.modules if any(_guards(statement, name) for statement in each.statements))
    return Fault(broken, "ZeroDivisionError", first.path)


def _bound_again(module: Module) -> set[str]:
    return {
        name
        for statement in module.statements
        if statement.kind in ("again", "update")
        for name in (statement.name, *statement.updates)
    }


def _guards(statement: Statement, name: str) -> bool:
    return statement.kind == "guard" and any(need.rpartition(".")[2] == name for need, _ in statement.needs)

"""What stands on the stack of the machine besides syntax, and what it finds out about a statement."""

from __future__ import annotations

import ast
import dataclasses
from types import CodeType
from typing import Any, Final

from bytecode import Instr

__all__ = [
    "GENERIC_BASE",
    "STAR",
    "Annotation",
    "BuildClass",
    "Entry",
    "Function",
    "Imported",
    "ImportedName",
    "Item",
    "Lifted",
    "Null",
    "UnknownCodeError",
    "located",
]


class UnknownCodeError(Exception):
    """Code that the machine cannot express as syntax."""


class Null:
    """What stands below or above a callable on the stack."""


class BuildClass:
    """The builtin that makes classes."""


@dataclasses.dataclass(frozen=True)
class Imported:
    """A module that an import gave; with the names to be taken from it, if it is a from-import.

    It is lazy if that was written (PEP 810).
    """

    level: int
    names: tuple[str, ...] | None
    module: str
    is_lazy: bool = False


@dataclasses.dataclass(frozen=True)
class ImportedName:
    """What an import took from a module."""

    source: object
    name: str


@dataclasses.dataclass(frozen=True)
class Item:
    """One of the values that an unpacked one gave, to be stored in the next of its targets."""

    targets: list[ast.expr]
    starred: bool = False

    def take(self, target: ast.expr) -> None:
        """Have it stored in a target."""
        self.targets.append(ast.Starred(target, ast.Store()) if self.starred else target)


@dataclasses.dataclass
class Function:
    """A function or class being made.

    Attributes:
        code: what it runs.
        defaults: default values of its last positional parameters.
        keywords: default values of keyword-only parameters, by name.
        annotations: by parameter name; ``return`` for what it returns.
        annotate: the code that evaluates the annotations, if that is done later (PEP 649).
        decorators: outermost first.
        call: for a class, the call that makes it: bases and keywords.
        alias: for a ``type`` statement, its value.
        type_params: type parameters (PEP 695).
        node: where it stands.
    """

    code: CodeType
    node: ast.expr
    defaults: list[ast.expr] = dataclasses.field(default_factory=list)
    keywords: dict[str, ast.expr] = dataclasses.field(default_factory=dict)
    annotations: dict[str, ast.expr] = dataclasses.field(default_factory=dict)
    annotate: CodeType | None = None
    decorators: list[ast.expr] = dataclasses.field(default_factory=list)
    call: ast.Call | None = None
    alias: ast.expr | None = None
    type_params: list[ast.AST] = dataclasses.field(default_factory=list)

    @property
    def is_definition(self) -> bool:
        """Whether it has a name of its own."""
        return self.call is not None or self.alias is not None or not self.code.co_name.startswith("<")


@dataclasses.dataclass(frozen=True)
class Annotation:
    """An entry in the annotations of the scope.

    Attributes:
        name: of the variable.
        value: the annotation.
        number: by which the scope marks it when the variable is come to (PEP 649); None if it does not.
        place: a node at the place of the variable, if that is known.
    """

    name: str
    value: ast.expr
    number: int | None = None
    place: ast.expr | None = None


@dataclasses.dataclass
class Lifted:
    """What a statement does: one of these.

    Attributes:
        stores: targets and values, in order.
        value: an expression of which the value is dropped.
        definition: a name and the function or class that is bound to it.
        alias: names that an import binds; with it comes `source`.
        deleted: targets of a ``del``.
        annotation: an annotated variable.
    """

    stores: list[tuple[ast.expr, Any]] = dataclasses.field(default_factory=list)
    value: ast.expr | None = None
    definition: tuple[str, Function] | None = None
    source: Imported | None = None
    aliases: list[ast.alias] = dataclasses.field(default_factory=list)
    deleted: list[ast.expr] = dataclasses.field(default_factory=list)
    annotation: Annotation | None = None


@dataclasses.dataclass
class Entry:
    """A value on the stack.

    Attributes:
        value: syntax, or one of the classes of this module.
        start: index of the instruction that its code begins with.
    """

    value: Any
    start: int


def located(node: Any, instruction: Instr) -> Any:
    """Give a node the place of an instruction."""
    place = instruction.location
    if place is not None and place.lineno is not None:
        node.lineno, node.col_offset = place.lineno, place.col_offset or 0
        node.end_lineno = place.end_lineno or place.lineno
        node.end_col_offset = place.end_col_offset if place.end_col_offset is not None else node.col_offset
    return node


STAR: Final = object()
"""What a star import leaves behind."""

GENERIC_BASE: Final = object()
"""The base class that type parameters give a class."""

"""What changed about a function or a class, seen from its syntax alone; made before the trees are lowered."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterable
from typing import TypeAlias

from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.model.usage import signature_annotations
from dyntransform.reloading.planning.pairing import Kind, Pair, Pairing, compare, is_definition

__all__ = [
    "ClassEdit",
    "DefinitionEdit",
    "FunctionEdit",
    "class_edit",
    "default_names",
    "definition_edit",
    "evaluated",
    "inner_definitions",
    "inner_edits",
]

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclasses.dataclass(frozen=True, eq=False)
class FunctionEdit:
    """How a function statement changed.

    Attributes:
        decorated: its decorators, or type parameters, are others: the statement has to run again.
        parameters: its parameters are others.
        defaults: names of the parameters whose default is another expression, or new.
        annotated: annotations are others.
    """

    old: Statement
    new: Statement
    decorated: bool
    parameters: bool
    defaults: frozenset[str]
    annotated: bool

    @property
    def signature(self) -> bool:
        """Whether its parameters or annotations are others."""
        return self.parameters or self.annotated

    @property
    def header(self) -> bool:
        """Whether something must be evaluated although no decorator runs."""
        return self.parameters or self.annotated or bool(self.defaults)


@dataclasses.dataclass(frozen=True, eq=False)
class ClassEdit:
    """How a class statement changed.

    Attributes:
        body: its statements, paired.
        edits: edits of the functions and classes in the body, by new statement.
        decorated: decorators, keywords or type parameters are others.
        bases: the written bases are others.
    """

    old: Statement
    new: Statement
    body: Pairing
    edits: dict[Statement, DefinitionEdit]
    decorated: bool
    bases: bool


DefinitionEdit: TypeAlias = FunctionEdit | ClassEdit


def definition_edit(old: Statement, new: Statement) -> DefinitionEdit:
    """Compare two definitions of the same kind."""
    if new.kind is ast.ClassDef:
        return class_edit(old, new)
    if new.same_text(old):
        return FunctionEdit(old, new, decorated=False, parameters=False, defaults=frozenset(), annotated=False)
    assert isinstance(old.node, Function) and isinstance(new.node, Function)  # noqa: PT018 - for the type checker
    return _function_edit(old, new, old.node, new.node)


def _function_edit(old: Statement, new: Statement, before: Function, after: Function) -> FunctionEdit:
    defaults_before, defaults_after = _defaults(before), _defaults(after)
    return FunctionEdit(
        old,
        new,
        decorated=_dump(before.decorator_list) != _dump(after.decorator_list) or _generic(before) != _generic(after),
        parameters=_parameters(before) != _parameters(after),
        defaults=frozenset(name for name, text in defaults_after.items() if defaults_before.get(name) != text),
        annotated=_annotations(old, before) != _annotations(new, after),
    )


def class_edit(old: Statement, new: Statement) -> ClassEdit:
    """Compare two class statements."""
    before, after = old.node, new.node
    assert isinstance(before, ast.ClassDef) and isinstance(after, ast.ClassDef)  # noqa: PT018 - as above
    body = compare(old.body, new.body, in_class=True)
    edits = {
        pair.new: definition_edit(pair.old, pair.new)
        for pair in body.pairs
        if pair.old is not None and pair.new.is_definition and pair.kind in (Kind.DEFINITION, Kind.SAME)
    }
    return ClassEdit(
        old,
        new,
        body,
        edits,
        decorated=(
            _dump(before.decorator_list) != _dump(after.decorator_list)
            or _dump(before.keywords) != _dump(after.keywords)
            or _generic(before) != _generic(after)
        ),
        bases=_dump(before.bases) != _dump(after.bases),
    )


def evaluated(edits: Iterable[DefinitionEdit]) -> frozenset[str]:
    """Return the names that edited definitions read anew: in headers, and in the statements of class bodies."""
    names: set[str] = set()
    for edit in edits:
        reads = edit.new.usage.reads
        if edit.decorated or (edit.header if isinstance(edit, FunctionEdit) else edit.bases):
            names |= reads
        elif isinstance(edit, ClassEdit):
            written = [pair.new for pair in edit.body.pairs if pair.kind in (Kind.NEW, Kind.EDITED)]
            inner = evaluated(edit.edits.values()).union(*(statement.usage.reads for statement in written))
            names |= inner & reads
    return frozenset(names)


def inner_edits(pair: Pair) -> list[DefinitionEdit]:
    """Return the edits of definitions inside a block of which nothing else changed."""
    if pair.old is None:
        return []
    olds, news = inner_definitions(pair.old), inner_definitions(pair.new)
    return [definition_edit(old, new) for old, new in zip(olds, news, strict=True)]


def inner_definitions(block: Statement) -> list[Statement]:
    """Return the functions and classes that a block defines."""
    found: list[Statement] = []
    pending = list(ast.iter_child_nodes(block.node))
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.stmt) and is_definition(node):
            found.append(block.inner(node))
        elif isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            pending.extend(ast.iter_child_nodes(node))
    return found


def default_names(node: Function | ast.Lambda) -> dict[str, ast.expr]:
    """Return the default expressions by parameter name."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    found = {}
    if arguments.defaults:
        for argument, default in zip(positional[-len(arguments.defaults) :], arguments.defaults, strict=True):
            found[argument.arg] = default
    for argument, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if keyword_default is not None:
            found[argument.arg] = keyword_default
    return found


def _defaults(node: Function) -> dict[str, str]:
    return {name: ast.dump(default) for name, default in default_names(node).items()}


def _parameters(node: Function) -> object:
    arguments = node.args
    return (
        [argument.arg for argument in arguments.posonlyargs],
        [argument.arg for argument in arguments.args],
        [argument.arg for argument in arguments.kwonlyargs],
        list(default_names(node)),
        arguments.vararg is None,
        arguments.kwarg is None,
    )


def _annotations(statement: Statement, node: Function) -> tuple[bool, dict[str, str]]:
    """Return the annotations, and whether they are text (PEP 563)."""
    found = signature_annotations(node)
    return bool(found) and statement.future_annotations, {name: ast.dump(node) for name, node in found.items()}


def _generic(node: ast.stmt) -> list[str]:
    return _dump(getattr(node, "type_params", []))


def _dump(nodes: object) -> list[str]:
    return [ast.dump(node) for node in nodes]  # type: ignore[attr-defined]

"""What a top-level or class-level statement reads, binds and updates when it is executed.

Bodies of functions and lambdas run later and do not count; decorators, defaults, annotations, bases and class bodies
do.
"""

from __future__ import annotations

import ast
import dataclasses
from typing import TypeAlias

__all__ = ["Usage", "signature_annotations", "usage"]

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclasses.dataclass(frozen=True)
class Usage:
    """The names of a statement.

    Attributes:
        reads: names it loads.
        attributes: pairs of a loaded name and the attribute taken from it.
        binds: names it assigns, defines, imports or deletes.
        updates: names it loads in order to change what an earlier statement bound (``N += 1``, ``REG.append(1)``,
            ``TABLE[k] = v``).
        makes_code: it creates functions, classes or generators, which keep the namespace they were made in.
    """

    reads: frozenset[str]
    attributes: frozenset[tuple[str, str]]
    binds: frozenset[str]
    updates: frozenset[str]
    makes_code: bool


def usage(node: ast.stmt, *, future_annotations: bool = False) -> Usage:
    """Return what executing the statement reads, binds and updates."""
    visitor = _Visitor(future_annotations=future_annotations)
    visitor.visit(node)
    return Usage(
        frozenset(visitor.reads),
        frozenset(visitor.attributes),
        frozenset(visitor.binds),
        frozenset(visitor.updates),
        visitor.makes_code,
    )


class _Visitor(ast.NodeVisitor):
    def __init__(self, *, future_annotations: bool) -> None:
        self.reads: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.binds: set[str] = set()
        self.updates: set[str] = set()
        self.makes_code = False
        self._annotations = not future_annotations

    def visit_Name(self, node: ast.Name) -> None:
        (self.reads if isinstance(node.ctx, ast.Load) else self.binds).add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and isinstance(node.ctx, ast.Load):
            self.attributes.add((node.value.id, node.attr))
        if not isinstance(node.ctx, ast.Load):
            self._update(node)
        self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._update(node)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.reads.add(node.target.id)
            self.updates.add(node.target.id)
        else:
            self.visit(node.target)
        self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            self._update(value.func)
        self.visit(node.value)

    def _update(self, node: ast.expr) -> None:
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        if isinstance(node, ast.Name):
            self.updates.add(node.id)

    def visit_Import(self, node: ast.Import) -> None:
        self.binds.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.binds.update(alias.asname or alias.name for alias in node.names if alias.name != "*")

    def visit_FunctionDef(self, node: _Function) -> None:
        self.makes_code = True
        self.binds.add(node.name)
        for expression in [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]:
            if expression is not None:
                self.visit(expression)
        if self._annotations:
            for annotation in signature_annotations(node):
                self.visit(annotation)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.makes_code = True
        for expression in [*node.args.defaults, *node.args.kw_defaults]:
            if expression is not None:
                self.visit(expression)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.makes_code = True
        self.binds.add(node.name)
        for expression in [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]:
            self.visit(expression)
        bound: set[str] = set()
        for statement in node.body:
            inner = _Visitor(future_annotations=not self._annotations)
            inner.visit(statement)
            self.reads |= inner.reads - bound
            self.attributes |= {(name, attribute) for name, attribute in inner.attributes if name not in bound}
            self.updates |= inner.updates - bound - inner.binds
            bound |= inner.binds

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        inner = _Visitor(future_annotations=not self._annotations)
        inner.generic_visit(node)
        targets = {
            target.id
            for generator in node.generators
            for target in ast.walk(generator.target)
            if isinstance(target, ast.Name)
        }
        self.reads |= inner.reads - targets
        self.attributes |= {(name, attribute) for name, attribute in inner.attributes if name not in targets}
        self.binds |= inner.binds - targets
        self.makes_code |= inner.makes_code or isinstance(node, ast.GeneratorExp)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.visit(node.target)
        if self._annotations:
            self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self._capture(node)

    visit_MatchStar = visit_MatchAs  # type: ignore[assignment]

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self.binds.add(node.rest)
        self.generic_visit(node)

    def _capture(self, node: ast.MatchAs | ast.MatchStar) -> None:
        if node.name:
            self.binds.add(node.name)
        self.generic_visit(node)

    def visit_TypeAlias(self, node: ast.AST) -> None:
        """The value is evaluated lazily (PEP 695)."""
        self.binds.add(node.name.id)  # type: ignore[attr-defined]


def signature_annotations(node: _Function) -> list[ast.expr]:
    """Return the annotations of a function's signature."""
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    found = [argument.annotation for argument in every if argument is not None and argument.annotation is not None]
    return [*found, node.returns] if node.returns is not None else found

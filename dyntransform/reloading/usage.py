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
        attributes: chains of a loaded name and the attributes taken from it, one after the other.
        binds: names it assigns, defines, imports or deletes.
        updates: names it loads in order to change what an earlier statement bound (``N += 1``, ``REG.append(1)``,
            ``TABLE[k] = v``).
        calls: it calls something, so it may have effects beyond its names.
        makes_code: it creates functions, classes or generators, which keep the namespace they were made in.
    """

    reads: frozenset[str]
    attributes: frozenset[tuple[str, ...]]
    binds: frozenset[str]
    updates: frozenset[str]
    calls: bool
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
        visitor.calls,
        visitor.makes_code,
    )


class _Visitor(ast.NodeVisitor):
    def __init__(self, *, future_annotations: bool) -> None:
        self.reads: set[str] = set()
        self.attributes: set[tuple[str, ...]] = set()
        self.binds: set[str] = set()
        self.updates: set[str] = set()
        self.calls = False
        self.makes_code = False
        self._annotations = not future_annotations

    def visit_Name(self, node: ast.Name) -> None:
        (self.reads if isinstance(node.ctx, ast.Load) else self.binds).add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain = _chain(node)
        if chain and isinstance(node.ctx, ast.Load):
            self.attributes.add(chain)
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

    def visit_Call(self, node: ast.Call) -> None:
        self.calls = True
        eager = isinstance(node.func, ast.Name) and node.func.id in _CALL_AT_ONCE
        called = [node.func]
        if eager:
            called += [*node.args, *(keyword.value for keyword in node.keywords)]
        for part in called:
            if isinstance(part, ast.Lambda):
                self._run_now(part)
        self.generic_visit(node)

    def _run_now(self, function: ast.Lambda) -> None:
        """Count what the body of a lambda reads that is called at once."""
        inner = _Visitor(future_annotations=not self._annotations)
        inner.visit(function.body)
        own = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
        self.reads |= inner.reads - own
        self.attributes |= {chain for chain in inner.attributes if chain[0] not in own}

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
        self.calls = True
        self.binds.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.calls = True
        self.binds.update(alias.asname or alias.name for alias in node.names if alias.name != "*")

    def visit_FunctionDef(self, node: _Function) -> None:
        self.makes_code = True
        self.calls |= bool(node.decorator_list)
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
        self.calls |= bool(node.decorator_list or node.bases)
        self.binds.add(node.name)
        for expression in [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]:
            self.visit(expression)
        bound: set[str] = set()
        for statement in node.body:
            inner = _Visitor(future_annotations=not self._annotations)
            inner.visit(statement)
            self.reads |= inner.reads - bound
            self.attributes |= {chain for chain in inner.attributes if chain[0] not in bound}
            self.updates |= inner.updates - bound - inner.binds
            self.calls |= inner.calls
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
        self.attributes |= {chain for chain in inner.attributes if chain[0] not in targets}
        self.binds |= inner.binds - targets
        self.calls |= inner.calls
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


_CALL_AT_ONCE = {"all", "any", "dict", "filter", "list", "map", "max", "min", "set", "sorted", "sum", "tuple"}
"""Builtins that call the functions they are given before the statement is over (`filter` and `map` when consumed)."""


def _chain(node: ast.expr) -> tuple[str, ...]:
    """Return ``("a", "b", "c")`` for ``a.b.c``; nothing if it does not begin with a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) and names else ()


def signature_annotations(node: _Function) -> list[ast.expr]:
    """Return the annotations of a function's signature."""
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    found = [argument.annotation for argument in every if argument is not None and argument.annotation is not None]
    return [*found, node.returns] if node.returns is not None else found

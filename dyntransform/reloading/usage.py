"""What a top-level or class-level statement reads, binds and updates when it is executed.

Bodies of functions and lambdas run later and do not count; decorators, defaults, annotations, bases and class bodies
do, and so do lambdas that are called at once. A name that the statement has certainly bound before it reads it is not
read.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from dyntransform.lifting.parts import Block, Part

from dyntransform.transform.written import is_live_binding

__all__ = ["Usage", "reads_any", "signature_annotations", "usage"]

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclasses.dataclass(frozen=True)
class Usage:
    """The names of a statement.

    Attributes:
        reads: names it loads.
        attributes: chains of a loaded name and the attributes taken from it, one after the other.
        binds: names it assigns, defines, imports or deletes.
        updates: names it loads in order to change what an earlier statement bound (``N += 1``, ``REG.append(1)``,
            ``TABLE[k] = v``).
        counts: names whose new value it makes from the one they had (``N += 1``, ``N = N + 1``).
        calls: it calls something, so it may have effects beyond its names.
        makes_code: it creates functions, classes or generators, which keep the namespace they were made in.
    """

    reads: frozenset[str]
    attributes: frozenset[tuple[str, ...]]
    binds: frozenset[str]
    updates: frozenset[str]
    counts: frozenset[str]
    calls: bool
    makes_code: bool

    @functools.cached_property
    def loads(self) -> frozenset[str]:
        """The names it reads, and the chains of attributes as they are written, ``"a.b.c"``."""
        return self.reads | {".".join(chain) for chain in self.attributes}


def reads_any(node: ast.expr, names: frozenset[str]) -> bool:
    """Whether an expression loads one of the names or chains (``"a.b.c"``)."""
    if not names:
        return False
    return bool(usage(ast.Expr(node)).loads & names)


def usage(node: ast.stmt, *, future_annotations: bool = False) -> Usage:
    """Return what executing the statement reads, binds and updates; a written live binding is not the program's."""
    visitor = _Visitor(future_annotations=future_annotations)
    if not is_live_binding(node):
        visitor.visit(node)
    return Usage(
        frozenset(visitor.reads),
        frozenset(visitor.attributes),
        frozenset(visitor.binds),
        frozenset(visitor.updates),
        frozenset(visitor.counted | visitor.reads & visitor.binds),
        visitor.calls,
        visitor.makes_code,
    )


class _Visitor(ast.NodeVisitor):
    def __init__(self, *, future_annotations: bool) -> None:
        self.reads: set[str] = set()
        self.attributes: set[tuple[str, ...]] = set()
        self.binds: set[str] = set()
        self.updates: set[str] = set()
        self.counted: set[str] = set()
        self.calls = False
        self.makes_code = False
        self._annotations = not future_annotations
        self._bound: set[str] = set()

    def _inner(self) -> _Visitor:
        return _Visitor(future_annotations=not self._annotations)

    def _take(self, inner: _Visitor, own: Iterable[str] = ()) -> None:
        """Take over what a scope inside reads, except for its own names."""
        own = self._bound.union(own)
        self.reads |= inner.reads - own
        self.attributes |= {chain for chain in inner.attributes if chain[0] not in own}
        self.calls |= inner.calls

    def _bind(self, names: Iterable[str]) -> None:
        self.binds.update(names)
        self._bound.update(names)

    # ------------------------------------------------------------------ expressions

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._bind([node.id])
        elif isinstance(node.ctx, ast.Del):
            self.binds.add(node.id)
            self._bound.discard(node.id)
        elif node.id not in self._bound:
            self.reads.add(node.id)

    def visit_Part(self, node: Part) -> None:
        """Take what is known of an expression that is there as code alone."""
        facts = node.facts
        self.reads |= facts.reads - self._bound
        self.attributes |= {chain for chain in facts.attributes if chain[0] not in self._bound}
        self.calls |= facts.calls
        self.makes_code |= facts.makes_code
        self._bind(facts.binds)

    def visit_Block(self, node: Block) -> None:
        """Take what is known of a statement that is there as code alone."""
        facts = node.facts
        self.visit_Part(node.part)
        self.updates |= facts.updates - self._bound
        self._bound -= facts.binds - facts.always
        for inner in node.body:
            if isinstance(inner, ast.ClassDef):  # its body runs too
                self.visit(inner)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain = _chain(node)
        if not isinstance(node.ctx, ast.Load):
            self._update(node)
        elif chain and chain[0] not in self._bound:
            self.attributes.add(chain)
        self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._update(node)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.visit(node.target)

    def visit_Call(self, node: ast.Call) -> None:
        self.calls = True
        called = [node.func]
        if isinstance(node.func, ast.Name) and node.func.id in _CALL_AT_ONCE:
            called += [*node.args, *(keyword.value for keyword in node.keywords)]
        for part in called:
            if isinstance(part, ast.Lambda):
                self._run_now(part)
        self.generic_visit(node)

    def _run_now(self, function: ast.Lambda) -> None:
        """Count what the body of a lambda reads that is called at once."""
        inner = self._inner()
        inner.visit(function.body)
        self._take(inner, (argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)))

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.makes_code = True
        self._visit_all([*node.args.defaults, *node.args.kw_defaults])

    def _comprehension(self, node: _Comprehension) -> None:
        inner = self._inner()
        inner.generic_visit(node)
        targets = {
            target.id
            for generator in node.generators
            for target in ast.walk(generator.target)
            if isinstance(target, ast.Name)
        }
        self._take(inner, targets)
        self._bind(inner.binds - targets)
        self.makes_code |= inner.makes_code or isinstance(node, ast.GeneratorExp)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def _visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    # ------------------------------------------------------------------ simple statements

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        self._visit_all(node.targets)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if not isinstance(node.target, ast.Name):
            self.visit(node.target)
        elif node.target.id not in self._bound:
            self.reads.add(node.target.id)
            self.updates.add(node.target.id)
            self.counted.add(node.target.id)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
        if self._annotations:
            self.visit(node.annotation)
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.visit(node.target)

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            self._update(value.func)
        self.visit(node.value)

    def _update(self, node: ast.expr) -> None:
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        if isinstance(node, ast.Name) and node.id not in self._bound:
            self.updates.add(node.id)

    def visit_Import(self, node: ast.Import) -> None:
        self.calls = True
        self._bind(alias.asname or alias.name.partition(".")[0] for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.calls = True
        self._bind(alias.asname or alias.name for alias in node.names if alias.name != "*")

    def visit_TypeAlias(self, node: ast.AST) -> None:
        """The value is evaluated lazily (PEP 695)."""
        self._bind([node.name.id])  # type: ignore[attr-defined]

    # ------------------------------------------------------------------ definitions

    def visit_FunctionDef(self, node: _Function) -> None:
        self.makes_code = True
        self.calls |= bool(node.decorator_list)
        self._visit_all([*node.decorator_list, *node.args.defaults, *node.args.kw_defaults])
        if self._annotations:
            self._visit_all(signature_annotations(node).values())
        self._bind([node.name])

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.makes_code = True
        self.calls |= bool(node.decorator_list or node.bases)
        self._visit_all([*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)])
        body = self._inner()
        body._statements(node.body)
        self._take(body)
        self.updates |= body.updates - body.binds - self._bound
        self._bind([node.name])

    # ------------------------------------------------------------------ compound statements

    def _statements(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            self.visit(statement)

    def _branches(self, *branches: Sequence[ast.stmt]) -> None:
        """Visit blocks of which one or the other is executed: bound is what each binds."""
        before = set(self._bound)
        ends = []
        for branch in branches:
            self._bound = set(before)
            self._statements(branch)
            ends.append(self._bound)
        self._bound = set.intersection(*ends) if ends else before

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self._branches(node.body, node.orelse)

    def visit_While(self, node: ast.While) -> None:
        self.visit(node.test)
        self._branches(node.body, node.orelse)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        before = set(self._bound)
        self.visit(node.target)
        self._statements(node.body)
        self._bound = before
        self._statements(node.orelse)

    visit_AsyncFor = visit_For

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        self.calls = True
        for item in node.items:
            self._visit_all([item.context_expr, item.optional_vars])
        self._statements(node.body)

    visit_AsyncWith = visit_With

    def visit_Try(self, node: ast.Try) -> None:
        for handler in node.handlers:
            if handler.type is not None:
                self.visit(handler.type)
            if handler.name:
                self.binds.add(handler.name)
        named = {handler.name for handler in node.handlers if handler.name}
        before = set(self._bound)
        self._bound |= named
        self._branches([*node.body, *node.orelse], *(handler.body for handler in node.handlers))
        self._bound -= named - before
        self._statements(node.finalbody)

    visit_TryStar = visit_Try  # type: ignore[assignment]

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        before = set(self._bound)
        for case in node.cases:
            self._bound = set(before)
            self.visit(case.pattern)
            self._visit_all([case.guard])
            self._statements(case.body)
        self._bound = before

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        if node.name:
            self._bind([node.name])
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self._bind([node.rest])
        self.generic_visit(node)


_CALL_AT_ONCE = {"all", "any", "dict", "filter", "list", "map", "max", "min", "set", "sorted", "sum", "tuple"}
"""Builtins that call the functions they are given before the statement is over (`filter` and `map` when consumed)."""


def _chain(node: ast.expr) -> tuple[str, ...]:
    """Return ``("a", "b", "c")`` for ``a.b.c``; nothing if it does not begin with a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) and names else ()


def signature_annotations(node: _Function) -> dict[str, ast.expr]:
    """Return the annotations of a function's signature, as ``__annotations__`` has them."""
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    named = [argument for argument in every if argument is not None]
    found = {argument.arg: argument.annotation for argument in named if argument.annotation is not None}
    return {**found, "return": node.returns} if node.returns is not None else found

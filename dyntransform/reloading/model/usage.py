"""What a top-level or class-level statement reads, binds and mutates when it is executed.

Bodies of functions and lambdas run later and do not count; decorators, defaults, bases and class bodies do, and so do
lambdas that are called at once, and annotations up to Python 3.13. A name that the statement has certainly bound before
it reads it is not read.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from dyntransform.lifting.parts import Block

from dyntransform.cpython.features import DEFERRED_ANNOTATIONS
from dyntransform.reloading.model.expression_usage import Expressions
from dyntransform.transform.written import is_live_binding

__all__ = ["Usage", "reads_any", "signature_annotations", "usage"]

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclasses.dataclass(frozen=True)
class Usage:
    """The names of a statement.

    Attributes:
        reads: names it loads.
        attributes: chains of a loaded name and the attributes taken from it, one after the other.
        annotations: such chains, and names as chains of one, in annotations that are not evaluated when the statement
            is executed, but for which what it calls may ask: those of variables in class bodies, and of decorated
            functions.
        binds: names it assigns, defines, imports or deletes.
        mutates: names it loads in order to change what an earlier statement bound (``N += 1``, ``REG.append(1)``,
            ``TABLE[k] = v``).
        self_dependent: names whose new value it makes from the one they had (``N += 1``, ``N = N + 1``).
        calls: it calls something, so it may have effects beyond its names.
        makes_code: it creates functions, classes or generators, which keep the namespace they were made in.
    """

    reads: frozenset[str]
    attributes: frozenset[tuple[str, ...]]
    annotations: frozenset[tuple[str, ...]]
    binds: frozenset[str]
    mutates: frozenset[str]
    self_dependent: frozenset[str]
    calls: bool
    makes_code: bool

    @functools.cached_property
    def loads(self) -> frozenset[str]:
        """The names it reads, and the chains of attributes as they are written, ``"a.b.c"``."""
        return self.reads | {".".join(chain) for chain in self.attributes}

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """The names it reads, those in annotations included."""
        return self.reads | {chain[0] for chain in self.annotations}

    @functools.cached_property
    def chains(self) -> frozenset[tuple[str, ...]]:
        """The chains of attributes, those in annotations included."""
        return self.attributes | {chain for chain in self.annotations if len(chain) > 1}

    def asks_for(self, names: frozenset[str]) -> bool:
        """Whether its annotations have one of the names or chains (``"a.b.c"``)."""
        return any(".".join(chain) in names for chain in self.annotations) if names else False


def reads_any(node: ast.expr, names: frozenset[str]) -> bool:
    """Whether an expression loads one of the names or chains (``"a.b.c"``)."""
    if not names:
        return False
    return bool(usage(ast.Expr(node)).loads & names)


def usage(node: ast.stmt, *, future_annotations: bool = False) -> Usage:
    """Return what executing the statement reads, binds and mutates; a written live binding is not the program's."""
    visitor = _Statements(future_annotations=future_annotations)
    if not is_live_binding(node):
        visitor.visit(node)
    return Usage(
        frozenset(visitor.reads),
        frozenset(visitor.attributes),
        frozenset(visitor.annotations),
        frozenset(visitor.binds),
        frozenset(visitor.mutates),
        frozenset(visitor.counted | visitor.reads & visitor.binds),
        visitor.calls,
        visitor.makes_code,
    )


class _Statements(Expressions):
    _in_class = False

    def visit_Block(self, node: Block) -> None:
        """Take what is known of a statement that is there as code alone."""
        facts = node.facts
        self.visit_Part(node.part)
        self.mutates |= facts.mutates - self._bound
        self._bound -= facts.binds - facts.always
        for inner in node.body:
            if isinstance(inner, ast.ClassDef):  # its body runs too
                self.visit(inner)
            elif isinstance(inner, ast.AnnAssign) and DEFERRED_ANNOTATIONS:  # else its code reads the names
                self._annotate([inner.annotation], asked=self._in_class)
            elif isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)) and DEFERRED_ANNOTATIONS:
                self._annotate(signature_annotations(inner).values(), asked=bool(inner.decorator_list))

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
            self.mutates.add(node.target.id)
            self.counted.add(node.target.id)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
        self._annotate([node.annotation], asked=self._in_class and bool(node.simple))
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.visit(node.target)

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            self._update(value.func)
        self.visit(node.value)

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
        self._annotate(signature_annotations(node).values(), asked=bool(node.decorator_list))
        self._bind([node.name])

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.makes_code = True
        self.calls |= bool(node.decorator_list or node.bases)
        self._visit_all([*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)])
        body = self._inner()
        body._in_class = True
        body._statements(node.body)
        self._take(body)
        self.annotations |= {chain for chain in body.annotations if chain[0] not in body.binds}
        self.mutates |= body.mutates - body.binds - self._bound
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


def signature_annotations(node: _Function) -> dict[str, ast.expr]:
    """Return the annotations of a function's signature, as ``__annotations__`` has them."""
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    named = [argument for argument in every if argument is not None]
    found = {argument.arg: argument.annotation for argument in named if argument.annotation is not None}
    return {**found, "return": node.returns} if node.returns is not None else found

"""What expressions read, bind and update when they are evaluated."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self, TypeAlias

from dyntransform.cpython.features import DEFERRED_ANNOTATIONS

if TYPE_CHECKING:
    from dyntransform.lifting.parts import Part

__all__ = ["Expressions"]

_Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Expressions(ast.NodeVisitor):
    """Collects what expressions use, in the order of execution; statements are for subclasses.

    Args:
        future_annotations: annotations are text (PEP 563).

    Attributes:
        reads: names that are loaded and were not certainly bound before.
        attributes: chains of such a name and the attributes taken from it.
        annotations: names, as chains of one, and chains in annotations that are evaluated when they are asked for.
        binds: names that are stored or deleted.
        mutates: names that are loaded in order to change what an earlier statement bound.
        counted: names whose new value is made from the one they had.
        calls: something is called.
        makes_code: functions, classes or generators are made.
    """

    def __init__(self, *, future_annotations: bool) -> None:
        self.reads: set[str] = set()
        self.attributes: set[tuple[str, ...]] = set()
        self.annotations: set[tuple[str, ...]] = set()
        self.binds: set[str] = set()
        self.mutates: set[str] = set()
        self.counted: set[str] = set()
        self.calls = False
        self.makes_code = False
        self._future_annotations = future_annotations
        self._bound: set[str] = set()

    def _inner(self) -> Self:
        return type(self)(future_annotations=self._future_annotations)

    def _take(self, inner: Expressions, own: Iterable[str] = ()) -> None:
        """Take over what a scope inside reads, except for its own names."""
        own = self._bound.union(own)
        self.reads |= inner.reads - own
        self.attributes |= {chain for chain in inner.attributes if chain[0] not in own}
        self.calls |= inner.calls

    def _annotate(self, nodes: Iterable[ast.expr], *, asked: bool) -> None:
        """Count annotations: when the statement is executed, or from Python 3.14 on when they are asked for (PEP 649).

        Args:
            nodes: the annotations.
            asked: what the statement makes, or calls with it, may ask for them.
        """
        if self._future_annotations:
            return
        if not DEFERRED_ANNOTATIONS:
            self._visit_all(nodes)
        elif asked:
            inner = self._inner()
            inner._visit_all(nodes)
            self.annotations |= {(name,) for name in inner.reads} | inner.attributes

    def _bind(self, names: Iterable[str]) -> None:
        self.binds.update(names)
        self._bound.update(names)

    # ------------------------------------------------------------------ expressions

    def visit_Name(self, node: ast.Name) -> None:
        """A name is bound, deleted, or read where it may be unbound."""
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

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """An attribute that is assigned or deleted mutates what it is taken from."""
        chain = _chain(node)
        if not isinstance(node.ctx, ast.Load):
            self._update(node)
        elif chain and chain[0] not in self._bound:
            self.attributes.add(chain)
        self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """So does an item."""
        if not isinstance(node.ctx, ast.Load):
            self._update(node)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """The value comes first."""
        self.visit(node.value)
        self.visit(node.target)

    def visit_Call(self, node: ast.Call) -> None:
        """A lambda that is called at once is part of the expression."""
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
        """Its defaults are evaluated, its body is not."""
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

    def _update(self, node: ast.expr) -> None:
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        if isinstance(node, ast.Name) and node.id not in self._bound:
            self.mutates.add(node.id)


_CALL_AT_ONCE = {"all", "any", "dict", "filter", "list", "map", "max", "min", "set", "sorted", "sum", "tuple"}
"""Builtins that call the functions they are given before the statement is over (`filter` and `map` when consumed)."""


def _chain(node: ast.expr) -> tuple[str, ...]:
    """Return ``("a", "b", "c")`` for ``a.b.c``; nothing if it does not begin with a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) and names else ()

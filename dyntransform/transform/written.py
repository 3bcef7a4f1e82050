"""The readable form, compiled: its lookups become the question that the import hook asks, at the place of the call."""

from __future__ import annotations

import ast

from dyntransform.transform.check import HEADER_MODULE
from dyntransform.transform.decide import Decisions, Source
from dyntransform.transform.lowering import lower

__all__ = ["lower_written"]


def lower_written(tree: ast.Module) -> None:
    """Lower the lookups of a rewritten module in place; what else it was given stays as it is written.

    Nothing is done where the names are not imported in a header: only the import makes sure that the builtin is there.

    Args:
        tree: tree of a text that `transform.text.rewrite` returned.
    """
    name = _lookup_name(tree)
    if name:
        calls = _Calls(name)
        calls.visit(tree)
        lower(tree, Decisions(calls.reads))


def _lookup_name(tree: ast.Module) -> str:
    """Return the name of the lookup in the module; no other use of it is in the text."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == HEADER_MODULE and node.level == 0:
            return next((alias.asname or alias.name for alias in node.names if alias.name == "_dyn_lookup"), "")
    return ""


class _Calls(ast.NodeTransformer):
    """Put in place of each call the name that it looks up."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.reads: dict[ast.Name, tuple[Source, ...]] = {}

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if not (isinstance(node.func, ast.Name) and node.func.id == self._name):
            self.generic_visit(node)
            return node
        module, attribute, name, *more = node.args
        texts = [ast.literal_eval(each) for each in (module, attribute, *more)]
        assert isinstance(name, ast.Name)
        read = ast.copy_location(ast.Name(name.id, ast.Load()), node)
        self.reads[read] = tuple(zip(texts[::2], texts[1::2], strict=True))
        return read

"""The readable form, compiled: its lookups become the question that the import hook asks, at the place of the call."""

from __future__ import annotations

import ast

from dyntransform.transform.decide import Decisions, Source
from dyntransform.transform.lowering import lower

__all__ = ["is_live_binding", "lower_written"]

_LOOKUP = "_dyn_lookup"


def lower_written(tree: ast.Module) -> None:
    """Lower the lookups of a rewritten module in place; what else it was given stays as it is written.

    Nothing is done where the names are not imported in a header: only the import makes sure that the builtin is there.

    Args:
        tree: tree of a text that `transform.text.rewrite` returned.
    """
    from dyntransform.transform.header import HEADER_MODULE  # not for edits, which only ask for the live bindings

    for index, node in enumerate(tree.body):
        if isinstance(node, ast.ImportFrom) and node.module == HEADER_MODULE and node.level == 0:
            names = {alias.name: alias.asname or alias.name for alias in node.names}
            tree.body[index : index + 1] = [_bound(HEADER_MODULE, name, bound, node) for name, bound in names.items()]
            if _LOOKUP in names:
                calls = _Calls(names[_LOOKUP])
                calls.visit(tree)
                lower(tree, Decisions(calls.reads))
            return


def _bound(module: str, name: str, bound: str, header: ast.ImportFrom) -> ast.stmt:
    """Import a name not on behalf of the module: what keeps count of a module's imports shall find the program's."""
    text = f"{bound} = __import__({module!r}, None, None, ({name!r},)).{name}"
    (statement,) = ast.parse(text).body
    for node in ast.walk(statement):
        ast.copy_location(node, header)
    return statement


def is_live_binding(node: ast.stmt) -> bool:
    """Whether a statement is the written form of a live binding: the engine, which keeps it, need not execute it."""
    match node:
        case ast.Assign(
            [ast.Name(name)], value=ast.Call(function, [ast.Constant(), ast.Constant(), ast.Name(same)], [])
        ):
            called = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
            return same == name and called.lstrip("_") == _LOOKUP.lstrip("_")
    return False


class _Calls(ast.NodeTransformer):
    """Put in place of each call the name that it looks up; the text has no other use of the function's name."""

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

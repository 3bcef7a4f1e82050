"""Prove that rewritten text is the original program: undo the rewriting on its tree, and compare the trees."""

from __future__ import annotations

import ast

from dyntransform.transform.decide import Decisions

__all__ = ["difference"]

_RUNTIME = "dyntransform.runtime"


def difference(original: ast.Module, text: str, decisions: Decisions) -> str:
    """Compare rewritten text with the tree it was made from.

    Args:
        original: tree of the original source.
        text: the rewritten text.
        decisions: the marks on `original`.

    Returns:
        What differs besides our calls, bases and header, at the marks and nowhere else; empty if nothing does.
    """
    try:
        rewritten = ast.parse(text)
    except SyntaxError as problem:
        return f"line {problem.lineno}: the rewritten text is not valid: {problem.msg}"
    undo = _Undo()
    undo.visit(rewritten)
    marked_lines = {node.lineno for node in decisions.reads}
    if undo.lookup_lines - marked_lines:
        return f"line {min(undo.lookup_lines - marked_lines)}: a lookup where none belongs"
    if undo.bases != len(decisions.classes):
        return f"{undo.bases} classes have the base, {len(decisions.classes)} should"
    links = [(link.module, attribute, name) for link in decisions.links for attribute, name in link.names]
    expected = sorted(link for link in links if link[1] != "*")
    if sorted(undo.links) != expected:
        return "the live bindings are not those of the imports"
    bare = {id(node) for node in decisions.classes}
    return _compare(original, rewritten, bare)


def _compare(original: ast.AST, rewritten: ast.AST, bare: set[int]) -> str:
    pending: list[tuple[object, object]] = [(original, rewritten)]
    while pending:
        one, other = pending.pop()
        if type(one) is not type(other):
            return f"line {getattr(one, 'lineno', '?')}: {type(one).__name__} became {type(other).__name__}"
        if isinstance(one, ast.AST) and isinstance(other, ast.AST):
            if getattr(one, "lineno", None) != getattr(other, "lineno", None):
                return f"line {getattr(one, 'lineno', '?')}: moved to line {getattr(other, 'lineno', '?')}"
            fields = [field for field in one._fields if not (field == "bases" and id(one) in bare)]
            pending.extend((getattr(one, field, None), getattr(other, field, None)) for field in fields)
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return "a list of statements or expressions has another length"
            pending.extend(zip(one, other, strict=True))
        elif one != other or type(one) is not type(other):
            return f"{one!r} became {other!r}"
    return ""


class _Undo(ast.NodeTransformer):
    def __init__(self) -> None:
        self.lookup_lines: set[int] = set()
        self.links: list[tuple[str, str, str]] = []
        self.bases = 0

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if _is_ours(node.func, "_dyn_lookup"):
            self.lookup_lines.add(node.lineno)
            return ast.copy_location(node.args[2], node)
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        if len(node.bases) == 1 and _is_ours(node.bases[0], "DynamicClass"):
            self.bases += 1
            node.bases = []
        self.generic_visit(node)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom | None:
        return None if node.module == _RUNTIME and node.level == 0 else node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign | None:
        value, target = node.value, node.targets[0]
        if isinstance(value, ast.Call) and _is_ours(value.func, "_dyn_lookup") and isinstance(target, ast.Name):
            module, attribute, read = value.args[:3]
            same = isinstance(read, ast.Name) and read.id == target.id and len(node.targets) == 1
            if same and isinstance(module, ast.Constant) and isinstance(attribute, ast.Constant) and _is_link(value):
                self.links.append((module.value, attribute.value, target.id))  # type: ignore[arg-type]
                return None
        self.generic_visit(node)
        return node


def _is_link(call: ast.Call) -> bool:
    return len(call.args) == 3  # noqa: PLR2004 - module, attribute and value


def _is_ours(node: ast.expr, name: str) -> bool:
    if isinstance(node, ast.Name):
        return node.id == name
    return isinstance(node, ast.Attribute) and node.attr == name and ast.unparse(node).startswith("__import__(")

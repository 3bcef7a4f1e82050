"""Keep free variables in new code that live closures have.

A closure can only take code with the free variables it was made with. A variable that an edit no longer uses is read
in a branch that is never taken: the compiler keeps the free variable and drops the branch. (Adding the name to
``co_freevars`` by hand crashes the interpreter: COPY_FREE_VARS counts them.)
"""

from __future__ import annotations

import ast
from types import CodeType
from typing import TypeAlias, TypeVar

from dyntransform.reloading.model.code_tree import Patch

__all__ = ["Scope", "functions_at", "pad"]

_Node = TypeVar("_Node", bound=ast.AST)
Scope: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def pad(statement: ast.stmt, patches: list[Patch]) -> bool:
    """Add unreachable reads to the functions of `statement` whose patches lack variables of the old code.

    Returns:
        Whether the statement was changed and must be compiled again.
    """
    changed = False
    for patch in patches:
        new = patch.node.code
        path = functions_at(statement, new) if patch.loses else []
        if path:
            for name in patch.loses:
                _read(path, name)
            changed = True
    return changed


def functions_at(statement: ast.stmt, code: CodeType) -> list[Scope]:
    """Return the function of `code` and those around it, outermost first; none if it is not in the statement."""
    line, name = code.co_firstlineno, code.co_name

    def search(node: ast.AST, around: list[Scope]) -> list[Scope]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            around = [*around, node]
            first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
            if first == line and getattr(node, "name", "<lambda>") == name:
                return around
        for child in ast.iter_child_nodes(node):
            found = search(child, around)
            if found:
                return found
        return []

    return search(statement, [])


def _read(path: list[Scope], name: str) -> None:
    *around, function = path
    _add(function, ast.Name(name, ast.Load()))
    if name != "__class__" and around and not any(_binds(scope, name) for scope in around):
        target = around[-1]
        if not isinstance(target, ast.Lambda):
            _insert(target, ast.Assign([ast.Name(name, ast.Store())], ast.Constant(None)))


def _add(function: Scope, read: ast.expr) -> None:
    if isinstance(function, ast.Lambda):
        function.body = _located(ast.IfExp(ast.Constant(True), function.body, read), function.body)  # noqa: FBT003
    else:
        _insert(function, ast.Expr(read))


def _insert(function: ast.FunctionDef | ast.AsyncFunctionDef, dead: ast.stmt) -> None:
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    branch = _located(ast.If(ast.Constant(False), [dead], []), first)  # noqa: FBT003 - a constant of the program
    function.body.insert(1 if is_docstring else 0, branch)


def _located(node: _Node, like: ast.AST) -> _Node:
    for new in ast.walk(node):
        if isinstance(new, (ast.expr, ast.stmt)) and not hasattr(new, "lineno"):
            ast.copy_location(new, like)
    return node


def _binds(scope: Scope, name: str) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.arg) and node.arg == name)
        or (isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == name)
        or (isinstance(node, ast.alias) and (node.asname or node.name.partition(".")[0]) == name)
        or (isinstance(node, ast.ExceptHandler) and node.name == name)
        for node in ast.walk(scope)
    )

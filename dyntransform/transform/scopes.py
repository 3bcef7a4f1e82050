"""Walk a syntax tree together with CPython's own symbol tables.

`symtable` is what the compiler itself uses, so it is the authority on which scope binds a name; it knows no syntax
nodes, though. `ScopedVisitor` visits every node once and keeps the table that belongs to it.
"""

from __future__ import annotations

import ast
import collections
import dataclasses
import re
import symtable
from typing import TypeAlias

from dyntransform.cpython.features import DEFERRED_ANNOTATIONS
from dyntransform.cpython.symbols import SCOPE_NAMES, scope_kind

__all__ = ["Function", "ScopeMismatchError", "ScopedVisitor", "mangled", "without_escapes"]

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class ScopeMismatchError(Exception):
    """The symbol tables have no scope where the tree has one; the file is left as it is."""


def mangled(name: str, private: str) -> str:
    """Return a name as it is stored in the class `private` (the language reference, 6.2.1); "" is no class."""
    if not private or not name.startswith("__") or name.endswith("__") or "." in name:
        return name
    stripped = private.lstrip("_")
    return f"_{stripped}{name}" if stripped else name


class ScopedVisitor:
    """Visit nodes in the order in which the compiler builds its scopes.

    Args:
        source: text of the file.
        filename: shown in errors.
        future_annotations: annotations are text (PEP 563) and are not visited, nor are those that are evaluated when
            they are asked for (PEP 649).

    Raises:
        ScopeMismatchError: tree and tables do not agree.
    """

    def __init__(self, source: str, filename: str, *, future_annotations: bool) -> None:
        module = symtable.symtable(without_escapes(source), filename, "exec")
        self._stack: list[_Scope] = [_Scope(module, _by_key(module))]
        self._annotations = not (future_annotations or DEFERRED_ANNOTATIONS)
        self._private = [""]

    @property
    def scope(self) -> symtable.SymbolTable:
        """The innermost scope at the node being visited."""
        return self._stack[-1].table

    def owner(self, name: str) -> symtable.SymbolTable | None:
        """Return the function or class scope whose variable `name` means here; None for a global or builtin.

        A variable of a comprehension that the compiler inlines (PEP 709) is None as well. Such a comprehension, which
        has no table of its own, sees as little of a class around it as any other.
        """
        enclosed = False
        free = False
        for scope in reversed(self._stack):
            if name in scope.targets:
                return None
            if scope.inlined:
                enclosed = True
                continue
            table = scope.table
            if table.get_type() == "class" and enclosed:
                continue
            enclosed = True
            try:
                symbol = table.lookup(name)
            except KeyError:
                continue
            if symbol.is_local():
                return table if table.get_type() != "module" else None
            if symbol.is_global() and not free:
                return None
            free = True  # from here on "global" is how type parameters in a class that binds the name find it (PEP 695)
        return None

    def mangled(self, name: str) -> str:
        """Return the name under which `name` is stored here."""
        return mangled(name, self._private[-1])

    def visit(self, node: ast.AST) -> None:
        """Visit `node`: by the method named for its class, else its children."""
        method = getattr(self, "visit_" + type(node).__name__, None)
        if method is not None:
            method(node)
        else:
            self.visit_children(node)

    def visit_children(self, node: ast.AST) -> None:
        """Visit all direct children in field order."""
        for child in ast.iter_child_nodes(node):
            self.visit(child)

    def visit_all(self, nodes: list[ast.expr] | list[ast.stmt] | list[ast.expr | None]) -> None:
        """Visit each node of a list; None stands for a missing one."""
        for node in nodes:
            if node is not None:
                self.visit(node)

    def visit_FunctionDef(self, node: Function) -> None:
        """Decorators and defaults belong to the enclosing scope, annotations to the type parameters' one."""
        arguments = node.args
        self.visit_all(arguments.defaults)
        self.visit_all(arguments.kw_defaults)
        self.visit_all(node.decorator_list)
        generic = bool(getattr(node, "type_params", None))
        if generic:
            self._enter(node.name, node.lineno, "type parameters")
        if self._annotations:
            every = [*arguments.posonlyargs, *arguments.args, arguments.vararg, arguments.kwarg, *arguments.kwonlyargs]
            self.visit_all([argument.annotation for argument in every if argument is not None])
            self.visit_all([node.returns])
        self._enter(node.name, node.lineno, "function")
        self.visit_all(node.body)
        self._leave()
        if generic:
            self._leave()

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Bases and keywords belong to the enclosing scope, or to that of the type parameters."""
        self.visit_all(node.decorator_list)
        generic = bool(getattr(node, "type_params", None))
        if generic:
            self._enter(node.name, node.lineno, "type parameters")
            self._private.append(node.name)
        self.visit_all(node.bases)
        self.visit_all([keyword.value for keyword in node.keywords])
        self._enter(node.name, node.lineno, "class")
        self._private.append(node.name)
        self.visit_all(node.body)
        self._private.pop()
        self._leave()
        if generic:
            self._private.pop()
            self._leave()

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Defaults belong to the enclosing scope."""
        self.visit_all(node.args.defaults)
        self.visit_all(node.args.kw_defaults)
        self._enter(SCOPE_NAMES[ast.Lambda], node.lineno, "function")
        self.visit(node.body)
        self._leave()

    def _comprehension(self, node: Comprehension) -> None:
        first = node.generators[0]
        self.visit(first.iter)
        self._enter_comprehension(node)
        self.visit(first.target)
        self.visit_all(first.ifs)
        for generator in node.generators[1:]:
            self.visit_children(generator)
        if isinstance(node, ast.DictComp):
            if node.value is not None:  # ``{**a for a in b}`` has none (PEP 798)
                self.visit(node.value)  # before the key, as the compiler does
            self.visit(node.key)
        else:
            self.visit(node.elt)
        self._leave()

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Leave out annotations that are not evaluated where they stand."""
        self.visit(node.target)
        if self._annotations:
            self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)

    def visit_TypeAlias(self, _node: ast.AST) -> None:
        """Leave lazily evaluated values out (PEP 695)."""

    def _enter(self, name: str, line: int, kind: str) -> None:
        queue = self._stack[-1].children.get((name, line, kind))
        if not queue:
            message = f"line {line}: the compiler has no scope for {name!r} there"
            raise ScopeMismatchError(message)
        table = queue.popleft()
        self._stack.append(_Scope(table, _by_key(table)))

    def _enter_comprehension(self, node: Comprehension) -> None:
        name, scope = SCOPE_NAMES[type(node)], self._stack[-1]
        if scope.children.get((name, node.lineno, "function")):
            self._enter(name, node.lineno, "function")
            return
        targets = {
            self.mangled(target.id)
            for generator in node.generators
            for target in ast.walk(generator.target)
            if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
        }
        self._stack.append(_Scope(scope.table, scope.children, frozenset(targets), inlined=True))

    def _leave(self) -> None:
        self._stack.pop()


_QUOTED = re.compile(r"\\[\\'\"]")
_ESCAPED = re.compile(r"\\(?=[^N\r\n])")


def without_escapes(source: str) -> str:
    """Take the backslashes out of literals, which leaves the same strings, fields and lines.

    The compiler warns about invalid escapes whenever it parses, and the file was parsed once already.
    """
    return _ESCAPED.sub("_", _QUOTED.sub("__", source)) if "\\" in source else source


_Children: TypeAlias = dict[tuple[str, int, str], collections.deque[symtable.SymbolTable]]


@dataclasses.dataclass(frozen=True)
class _Scope:
    table: symtable.SymbolTable
    children: _Children
    targets: frozenset[str] = frozenset()
    inlined: bool = False


def _by_key(table: symtable.SymbolTable) -> _Children:
    children: _Children = {}
    for child in table.get_children():
        key = child.get_name(), child.get_lineno(), scope_kind(child)
        children.setdefault(key, collections.deque()).append(child)
    return children

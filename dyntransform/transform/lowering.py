"""Turn the marks on a tree into the code that runs.

A read of a name imported in a function becomes ``(R(key, y) if R is not None else y)``, R being a builtin that is None
until an edit replaced a value which a running function may still hold. All new nodes have the position of the name they
stand for, so tracebacks, carets and line events are those of the original.

A class that gains the base reads it from another builtin, with the position of ``class``, or of the `object` in its
place. In the body of a class, ``global`` has the name read as a builtin whatever the namespace of the class is like.

Behind a from-import of a module or class stands ``if R is not None: y = R(key, y)``, with the position of the import.
That is ``y = (R(key, y) if R is not None else y)`` without binding the name again where there is nothing to ask. The
engine reads the live binding itself from the cache entry.

A read that is itself what is tested (``if y:``) becomes the only part of an f-string, which compiles to that part and
nothing else. The compiler turns conditional expressions that are tested into jumps, and the jumps would show: Python
3.11 goes on with the position of the comparison, so that a failing ``assert y`` had a caret, and with the lookup asked,
they make line events in Python 3.13.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping

from dyntransform.runtime.dynamic_class import BASE
from dyntransform.transform.blocks import STATEMENT_LISTS, has_line_of, statement_lists
from dyntransform.transform.decide import Decisions, Import, Source

__all__ = ["REPLACED", "add_bases", "ask_behind", "base_of", "lower"]

REPLACED = "__dyn_replaced__"
"""The builtins name of R. A builtin is found when code runs with other globals, and costs what a global does."""


def lower(tree: ast.Module, decisions: Decisions) -> None:
    """Rewrite the marked names and classes of `tree` in place, and ask behind its imports."""
    if decisions.reads:
        _Lowering(decisions.reads).visit(tree)
    add_bases(tree, set(decisions.classes))
    ask_behind(tree, {link.node: link for link in decisions.links})


def add_bases(tree: ast.Module, classes: Collection[ast.ClassDef]) -> list[tuple[list[ast.stmt], ast.stmt]]:
    """Give classes the base, in place; those that have it already keep it.

    Args:
        tree: a module, or statements of one.
        classes: the class statements that gain the base; others than those in the tree may be among them.

    Returns:
        What was put in besides, and the list of statements that it was put in.
    """
    lines = sorted(node.lineno for node in classes)
    added: dict[ast.ClassDef, tuple[list[ast.stmt], ast.stmt]] = {}
    pending: list[tuple[ast.AST, ast.ClassDef | None]] = [(tree, None)] if lines else []
    while pending:
        parent, scope = pending.pop()
        scope = parent if isinstance(parent, ast.ClassDef) else scope
        for node in [one for block in statement_lists(parent) for one in block]:
            if not STATEMENT_LISTS.intersection(node._fields) or not has_line_of(node, lines):
                continue
            pending.append((node, scope))
            if isinstance(node, ast.ClassDef) and node in classes:
                node.bases = [base_of(node)]  # a new list: copies of the node share the old one
                if scope is not None and scope not in added:
                    added[scope] = (scope.body, _declared(scope))
    return list(added.values())


def _declared(scope: ast.ClassDef) -> ast.stmt:
    """Declare the base global in the body of a class, behind the docstring; the compiler makes no code of that."""
    first = scope.body[0]
    declaration = ast.copy_location(ast.Global([BASE]), first)
    is_string = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    scope.body.insert(1 if is_string else 0, declaration)
    return declaration


def base_of(node: ast.ClassDef) -> ast.expr:
    """Return the expression that reads the base, for a class statement that gains it."""
    name = ast.Name(BASE, ast.Load())
    if node.bases:
        return ast.copy_location(name, node.bases[0])
    name.lineno = name.end_lineno = node.lineno
    name.col_offset, name.end_col_offset = node.col_offset, node.col_offset + len("class")
    return name


def ask_behind(tree: ast.Module, links: Mapping[ast.stmt, Import]) -> list[tuple[list[ast.stmt], ast.stmt]]:
    """Put the question what has replaced the imported values behind each import.

    Args:
        tree: a module, or statements of one.
        links: from-imports, by their nodes.

    Returns:
        What was put in, and the list of statements that it was put in.
    """
    lines = sorted(node.lineno for node, link in links.items() if link.lookups)
    added: list[tuple[list[ast.stmt], ast.stmt]] = []
    pending: list[ast.AST] = [tree] if lines else []
    while pending:
        for block in statement_lists(pending.pop()):
            for index in range(len(block) - 1, -1, -1):
                statement = block[index]
                link = links.get(statement)
                if link is not None and link.lookups:
                    block.insert(index + 1, _question(link))
                    added.append((block, block[index + 1]))
                elif STATEMENT_LISTS.intersection(statement._fields) and has_line_of(statement, lines):
                    pending.append(statement)
    return added


def _question(link: Import) -> ast.stmt:
    body: list[ast.stmt] = []
    for alias, (attribute, _) in link.lookups:
        name = alias.asname or alias.name
        body.append(ast.Assign([ast.Name(name, ast.Store())], _asked(((link.module, attribute),), name)))
    question = ast.If(_is_needed(), body, [])
    for new in ast.walk(question):
        ast.copy_location(new, link.node)
    return question


def _is_needed() -> ast.expr:
    return ast.Compare(ast.Name(REPLACED, ast.Load()), [ast.IsNot()], [ast.Constant(None)])


def _asked(sources: tuple[Source, ...], name: str) -> ast.expr:
    key = ast.Constant(sources)  # type: ignore[arg-type]  # the compiler takes tuples
    return ast.Call(ast.Name(REPLACED, ast.Load()), [key, ast.Name(name, ast.Load())], [])


class _Lowering(ast.NodeTransformer):
    def __init__(self, reads: dict[ast.Name, tuple[Source, ...]]) -> None:
        self._reads = reads
        self._lines = sorted(name.lineno for name in reads)
        self._tested: set[ast.Name] = set()

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Note what a node tests, before it is reached; statements on other lines are not looked into."""
        if isinstance(node, ast.stmt) and not has_line_of(node, self._lines):
            return node
        if isinstance(node, _TESTING):
            self._tested.update(_tested(node))
        return super().generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        sources = self._reads.get(node)
        if sources is None:
            return node
        lowered = ast.IfExp(
            _is_needed(), _asked(sources, node.id), node
        )  # in this order what is usual does not jump over what is rare
        whole = ast.JoinedStr([lowered]) if node in self._tested else lowered
        for new in ast.walk(whole):
            if new is not node:
                ast.copy_location(new, node)
        return whole


_TESTING = (ast.If, ast.While, ast.Assert, ast.IfExp, ast.comprehension, ast.match_case)


def _tested(node: ast.AST) -> Iterator[ast.Name]:
    """Yield the names whose truth decides where a node goes on."""
    pending = [getattr(node, "test", None), getattr(node, "guard", None), *getattr(node, "ifs", ())]
    while pending:
        match pending.pop():
            case ast.Name() as name:
                yield name
            case ast.BoolOp(values=values):
                pending += values
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                pending.append(operand)
            case ast.IfExp(body=body, orelse=orelse):
                pending += [body, orelse]

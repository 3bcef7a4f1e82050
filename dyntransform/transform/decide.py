"""Decide what must change in a module: marks on the nodes of its own syntax tree.

The one authority for what rewriting means: `lowering` turns the marks into code, `text` into readable source.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import symtable
from collections.abc import Callable
from typing import TypeAlias

from dyntransform.cpython.lazy import is_lazy
from dyntransform.runtime.dynamic_class import BASE
from dyntransform.transform.blocks import STATEMENT_LISTS, has_line_of, statement_lists
from dyntransform.transform.class_rule import gains_base, is_plain, rebinds_object
from dyntransform.transform.optout import MARK, opted_out_classes
from dyntransform.transform.scopes import Function, ScopedVisitor, ScopeMismatchError, mangled

__all__ = [
    "Decisions",
    "Import",
    "Options",
    "Source",
    "decide",
    "future_annotations",
    "top_level",
]

Source: TypeAlias = tuple[str, str]
"""What a name was imported from: module (with its leading dots if relative) and attribute."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What to rewrite.

    Attributes:
        is_project: tells whether the top-level module of that name can be reloaded; relative imports always can. Asked
            for `BASE`, it tells whether classes gain that: whoever keeps the answers knows on what a module depends.
    """

    is_project: Callable[[str], bool] = lambda _name: True

    @property
    def dynamic_class(self) -> bool:
        """Whether classes gain `DynamicClass`."""
        return self.is_project(BASE)


@dataclasses.dataclass(frozen=True)
class Import:
    """A from-import whose names are live bindings of a module or a class.

    Attributes:
        node: the statement.
        scope: qualified name of the class that is bound to, empty for the module.
        module: what is imported from, with leading dots if relative.
        names: pairs (attribute, bound name); ("*", "*") for a star import. Private names in a class are mangled, both.
        aliases: the node of each pair.
        is_written: whether lookups stand behind the import, which read its names and bind them again. A class with
            bases or keywords may have a namespace that refuses that, as `Enum` does; a lazy import (PEP 810) would be
            made at once; and no name may be used before it is declared global. The engine knows such links as well.
    """

    scope: str
    module: str
    names: tuple[tuple[str, str], ...]
    node: ast.ImportFrom = dataclasses.field(compare=False)
    aliases: tuple[ast.alias, ...] = dataclasses.field(compare=False)
    is_written: bool = dataclasses.field(default=True, compare=False)

    @property
    def lookups(self) -> list[tuple[ast.alias, tuple[str, str]]]:
        """The names behind whose import a lookup stands: node, and pair (attribute, bound name)."""
        pairs = zip(self.aliases, self.names, strict=True)
        return [(alias, pair) for alias, pair in pairs if pair[0] != "*" and self.is_written]


@dataclasses.dataclass
class Decisions:
    """The marks on one tree.

    Attributes:
        reads: name nodes that become a late-bound lookup, with the sources of the name.
        links: from-imports at module level and in class bodies, and those in functions that declare the name global.
        classes: class statements that gain `DynamicClass`, by the rule of `class_rule`.
        reason: why nothing is rewritten although something should be; empty otherwise.
    """

    reads: dict[ast.Name, tuple[Source, ...]] = dataclasses.field(default_factory=dict)
    links: list[Import] = dataclasses.field(default_factory=list)
    classes: list[ast.ClassDef] = dataclasses.field(default_factory=list)
    reason: str = ""

    @property
    def has_marks(self) -> bool:
        """Whether anything becomes something else."""
        return bool(self.reads or self.links or self.classes)


def decide(source: str, filename: str, tree: ast.Module, options: Options) -> Decisions:
    """Mark what must change.

    Args:
        source: text of the file.
        filename: shown in reasons.
        tree: `ast.parse(source)`; its nodes carry the marks.
        options: what to rewrite.

    Returns:
        The marks; if scopes cannot be told for certain, none but the reason.
    """
    decisions = Decisions()
    wanted = _Imports(decisions, options, _opted_out(source))
    wanted.collect(tree.body)
    if not wanted.in_functions:
        return decisions
    try:
        _Reads(source, filename, tree, wanted, decisions)
    except (ScopeMismatchError, RecursionError) as problem:
        why = problem if isinstance(problem, ScopeMismatchError) else "it is nested too deeply"
        return Decisions(reason=f"{filename}: names imported in functions stay as they are: {why}")
    return decisions


def _opted_out(source: str) -> frozenset[int]:
    """Return the lines on which class statements stand that are to be left alone."""
    if MARK not in source:
        return frozenset()
    return opted_out_classes(source.replace("\r\n", "\n").replace("\r", "\n").split("\n"))


def top_level(module: str) -> str:
    """Return the first part of a dotted module name."""
    return module.partition(".")[0]


def future_annotations(tree: ast.Module) -> bool:
    """Whether the module has ``from __future__ import annotations``."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
        for node in tree.body
    )


class _Imports:
    """Collect from-imports and classes, without entering expressions: this decides whether scopes are needed."""

    def __init__(self, decisions: Decisions, options: Options, opted_out: frozenset[int]) -> None:
        self._decisions = decisions
        self._options = options
        self._opted_out = opted_out
        self._declared: set[str] = set()
        self._body: list[ast.stmt] = []
        self.in_functions: set[ast.ImportFrom] = set()

    def leaves(self, node: ast.AST) -> bool:
        """Whether a statement is a class that is left as it is, with all that is in it."""
        return isinstance(node, ast.ClassDef) and node.lineno in self._opted_out

    def collect(self, body: list[ast.stmt]) -> None:
        """Go through the statements in order; with a stack of its own, since an elif chain is a deep tree."""
        self._body = body
        pending = [(node, _MODULE) for node in reversed(body)]
        while pending:
            node, scope = pending.pop()
            if self.leaves(node):
                continue
            if isinstance(node, ast.ImportFrom):
                self._import(node, scope.name, in_function=scope.is_function, is_written=scope.is_plain)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                scope = _Scope(f"{scope.name}.{node.name}.{_LOCAL}".lstrip("."), is_function=True)
            elif isinstance(node, ast.ClassDef):
                plain = is_plain(node) and not (node.bases and self._rebinds_object)
                if plain and not scope.in_function and gains_base(node) and self._options.dynamic_class:
                    self._decisions.classes.append(node)
                scope = _Scope(f"{scope.name}.{node.name}".lstrip("."), is_plain=plain)
            elif isinstance(node, ast.Global) and not scope.is_function:
                self._declared.update(node.names)
            if STATEMENT_LISTS.intersection(node._fields):
                inner = [statement for block in statement_lists(node) for statement in block]
                pending += [(statement, scope) for statement in reversed(inner)]
        if self._declared:
            self._decisions.links[:] = map(self._unless_declared, self._decisions.links)

    @functools.cached_property
    def _rebinds_object(self) -> bool:
        return rebinds_object(self._body)

    def _unless_declared(self, link: Import) -> Import:
        """Have the link of a name that the module or a class declares global recorded only."""
        declared = any(bound in self._declared for _, bound in link.names)
        return dataclasses.replace(link, is_written=False) if declared else link

    def _import(self, node: ast.ImportFrom, scope: str, *, in_function: bool, is_written: bool) -> None:
        private = "" if in_function else scope.rpartition(".")[2]
        module = "." * node.level + mangled(node.module or "", private)
        if node.level == 0 and (module == "__future__" or not self._options.is_project(top_level(module))):
            return
        if in_function:
            self.in_functions.add(node)
        elif _LOCAL not in scope:
            names = tuple(
                (mangled(alias.name, private), mangled(alias.asname or alias.name, private)) for alias in node.names
            )
            is_written = is_written and not is_lazy(node)
            self._decisions.links.append(Import(scope, module, names, node, tuple(node.names), is_written))


@dataclasses.dataclass(frozen=True)
class _Scope:
    """The scope of a statement: its qualified name, and whether names are bound there as in a module."""

    name: str = ""
    is_function: bool = False
    is_plain: bool = True

    @property
    def in_function(self) -> bool:
        """Whether it is a function, or stands in one."""
        return _LOCAL in self.name


_LOCAL = "<locals>"
_MODULE = _Scope()


class _Reads(ScopedVisitor):
    """Mark every read of a name that a from-import in a function binds.

    Such a name is nowhere but in the function, so of what stands outside functions only that is visited which has such
    an import in it. Compound statements share no line with others: so they share none of the keys of their scopes.
    """

    def __init__(self, source: str, filename: str, tree: ast.Module, imports: _Imports, decisions: Decisions) -> None:
        super().__init__(source, filename, future_annotations=future_annotations(tree))
        self._imports = imports
        self._lines = sorted(node.lineno for node in imports.in_functions)
        self._is_outside = True
        self._left = 0
        self._decisions = decisions
        self._sources: dict[tuple[int, str], list[Source]] = {}
        self._names: list[tuple[ast.Name, str, symtable.SymbolTable]] = []
        self._declared: set[tuple[int, str]] = set()
        self.visit(tree)
        for node, name, owner in self._names:
            sources = self._sources.get((owner.get_id(), name))
            if sources:
                decisions.reads[node] = tuple(dict.fromkeys(sources))

    def visit(self, node: ast.AST) -> None:
        """Visit a node, unless it is a statement outside functions that has no import in one."""
        if self._is_outside and isinstance(node, ast.stmt) and not has_line_of(node, self._lines):
            return
        super().visit(node)

    def visit_FunctionDef(self, node: Function) -> None:
        """Visit all that is in a function."""
        before, self._is_outside = self._is_outside, False
        super().visit_FunctionDef(node)
        self._is_outside = before

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node not in self._imports.in_functions:
            return
        module = "." * node.level + self.mangled(node.module or "")
        linked: list[tuple[ast.alias, tuple[str, str]]] = []
        for alias in node.names:
            attribute, local = self.mangled(alias.name), self.mangled(alias.asname or alias.name)
            owner = self.owner(local)
            if owner is not None:
                self._sources.setdefault((owner.get_id(), local), []).append((module, attribute))
            else:
                linked.append((alias, (attribute, local)))
        if linked:
            aliases, names = zip(*linked, strict=True)
            is_written = all((self.scope.get_id(), name) in self._declared for _, name in names)
            self._decisions.links.append(Import("", module, names, node, aliases, is_written))

    def visit_Global(self, node: ast.Global) -> None:
        self._declared.update((self.scope.get_id(), self.mangled(name)) for name in node.names)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """In a class that is left alone, names of functions around it are read as they are, too."""
        leaves = self._imports.leaves(node)
        self._left += leaves
        super().visit_ClassDef(node)
        self._left -= leaves

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and not self._left:
            name = self.mangled(node.id)
            owner = self.owner(name)
            if owner is not None and owner.get_type() == "function":
                self._names.append((node, name, owner))

    def visit_Expr(self, node: ast.Expr) -> None:
        """A name that is a statement has no value that could be late bound; the compiler reads it and no more."""
        if not isinstance(node.value, ast.Name):
            self.visit(node.value)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        """The grammar wants a plain name there."""
        for pattern in [*node.patterns, *node.kwd_patterns]:
            self.visit(pattern)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        """Keys are literals and dotted names, nothing else."""
        for pattern in node.patterns:
            self.visit(pattern)

    def visit_MatchValue(self, _node: ast.MatchValue) -> None:
        """A dotted name must stay one."""

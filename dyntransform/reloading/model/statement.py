"""A statement of a module or of a class body, and what is known of it."""

from __future__ import annotations

import ast
import copy
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from dyntransform.reloading.model.usage import Usage, usage
from dyntransform.transform.decide import Decisions, Import, Options, decide
from dyntransform.transform.decide import Source as ImportSource
from dyntransform.transform.links import LinkSpec

__all__ = ["Decide", "File", "Statement", "docstring", "is_docstring", "placed", "same_scope"]

Decide: TypeAlias = Callable[[str, str, ast.Module, Options], Decisions]
"""What marks the nodes of a tree: `decide`, or `decide_proven`."""


@dataclasses.dataclass(frozen=True)
class File:
    """What the statements of all versions of a file share.

    Attributes:
        path: its name.
        options: what is late bound.
        future_annotations: its annotations are text (PEP 563).
        marks: what the parsed statements look up late.
        links: the parsed imports that make live bindings.
        classes: the parsed class statements that gain `DynamicClass`.
        parsed: the statements of which there is a syntax tree.
    """

    path: str
    options: Options
    future_annotations: bool
    marks: dict[ast.Name, tuple[ImportSource, ...]] = dataclasses.field(default_factory=dict)
    links: dict[ast.stmt, Import] = dataclasses.field(default_factory=dict)
    classes: set[ast.ClassDef] = dataclasses.field(default_factory=set)
    parsed: list[Statement] = dataclasses.field(default_factory=list)

    def decide(self, nodes: list[ast.stmt], lines: Sequence[str], lead: int, decide: Decide = decide) -> Decisions:
        """Mark statements.

        Args:
            nodes: the statements.
            lines: text of which they are the whole.
            lead: number of lines before them.
            decide: what marks them; `decide_proven` if they are new.
        """
        head = ""
        if self.future_annotations and lead:
            head = "from __future__ import annotations"
            nodes = [*ast.parse(head).body, *nodes]
        decisions = decide(placed(lines, lead, head), self.path, ast.Module(nodes, []), self.options)
        self.marks.update(decisions.reads)
        self.links.update((link.node, link) for link in decisions.links)
        self.classes.update(decisions.classes)
        return decisions


class Statement:
    """A statement of a module or of a class body.

    Args:
        node: its syntax.
        lines: its text, whole lines.
        future_annotations: the file's annotations are text (PEP 563).
        file: where it can be parsed again from; None for a statement of a class body.

    Attributes:
        kind: class of its node.
        first_line: the line it begins on, with decorators.
        last_line: the line it ends on.
        column: where on the line it begins, in bytes.
        links: live bindings that it makes.
        lookups: what functions in it look up late.
        has_classes: something in it is a class that gains `DynamicClass`.
        reason: why it runs as it is, although something in it is marked; empty otherwise.
        imports: module with leading dots if relative, attribute ("" for the module itself) and name of each import.
        depends_on_place: the compiler may refuse it, or statements before it, for their order alone.
    """

    def __init__(
        self,
        node: ast.stmt,
        lines: tuple[str, ...],
        future_annotations: bool,  # noqa: FBT001 - a fact, not a choice
        file: File | None = None,
    ) -> None:
        decorators = getattr(node, "decorator_list", ())
        self.lines = lines
        self.future_annotations = future_annotations
        self.kind = type(node)
        self.first_line: int = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        self.last_line = node.end_lineno or node.lineno
        self.column = node.col_offset
        self.links: tuple[LinkSpec, ...] = ()
        self.lookups: tuple[ImportSource, ...] = ()
        self.has_classes = False
        self.reason = ""
        parts = list(same_scope(node))
        self.depends_on_place = any(map(_depends_on_place, parts))
        self.imports = tuple(one for part in parts for one in _imports(part))
        self._defined: str | None = getattr(node, "name", None) if self.is_definition else None
        self._node: ast.stmt | None = node
        self._file = file

    @property
    def node(self) -> ast.stmt:
        """Its syntax."""
        if self._node is None:
            assert self._file is not None
            lead = self.first_line - 1
            (self._node,) = ast.parse(placed(self.lines, lead)).body
            self._file.parsed.append(self)
            if self.lookups or self.links or self.has_classes:
                self._file.decide([self._node], self.lines, lead)
        return self._node

    def decide(self, decide: Decide) -> None:
        """Find its live bindings and late lookups."""
        assert self._file is not None
        self.take(self._file.decide([self.node], self.lines, self.first_line - 1, decide))

    def take(self, decisions: Decisions) -> None:
        """Keep what does not depend on the syntax tree."""
        self.links = tuple((link.scope, link.module, link.names) for link in decisions.links)
        self.lookups = tuple(dict.fromkeys(one for sources in decisions.reads.values() for one in sources))
        self.has_classes = bool(decisions.classes)
        self.reason = decisions.reason

    @property
    def is_definition(self) -> bool:
        """Whether it defines a function or a class."""
        return self.kind in _DEFINITIONS

    @property
    def is_block(self) -> bool:
        """Whether it is a compound statement that shares the scope it stands in: ``if``, ``for``, ``try``, ..."""
        return not self.is_definition and ("body" in self.kind._fields or "cases" in self.kind._fields)

    @property
    def is_import(self) -> bool:
        """Whether it is an import statement."""
        return self.kind is ast.Import or self.kind is ast.ImportFrom

    @functools.cached_property
    def is_start_guard(self) -> bool:
        """Whether it is ``if __name__ == "__main__":`` or the like."""
        test = getattr(self.node, "test", None) if self.is_block else None
        if test is None:
            return False
        return any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(test))

    @functools.cached_property
    def key(self) -> str:
        """Equal for statements that differ in place, spacing and comments only; ask before the tree is lowered."""
        return ast.dump(self.node)

    @functools.cached_property
    def usage(self) -> Usage:
        """What executing it reads and binds."""
        return usage(self.node, future_annotations=self.future_annotations)

    @functools.cached_property
    def annotated(self) -> frozenset[str]:
        """The variables of its scope that it annotates."""
        if self.kind is not ast.AnnAssign and not self.is_block:
            return frozenset()
        found = [node.target for node in same_scope(self.node) if isinstance(node, ast.AnnAssign)]
        return frozenset(target.id for target in found if isinstance(target, ast.Name))

    @functools.cached_property
    def name(self) -> str:
        """The defined name, or the bound names, or the first words of the text."""
        if self._defined is not None:
            return self._defined
        names = sorted(self.usage.binds) or sorted(self.usage.mutates)
        return ", ".join(names) if names else self.lines[0].strip()[:40]

    @functools.cached_property
    def body(self) -> list[Statement]:
        """The statements of a class body."""
        assert isinstance(self.node, ast.ClassDef)
        return [self.inner(node) for node in self.node.body]

    def inner(self, node: ast.stmt) -> Statement:
        """Return a statement in this one, which is a class or a block."""
        inner = Statement(node, (), self.future_annotations)
        start = inner.first_line - self.first_line
        inner.lines = self.lines[start : inner.last_line - self.first_line + 1]
        return inner

    def same_text(self, other: Statement) -> bool:
        """Whether at most the lines that they are on differ."""
        return self is other or (
            self.lines == other.lines
            and self.column == other.column
            and self.future_annotations == other.future_annotations
        )

    def moved(self, lines: int) -> Statement:
        """Return the same statement further down."""
        if not lines:
            return self
        other = copy.copy(self)
        other.first_line += lines
        other.last_line += lines
        other.drop_syntax()
        return other

    def drop_syntax(self) -> None:
        """Forget the syntax tree; it is parsed again if it is needed."""
        if self._node is None:
            return
        self._node = None
        self.__dict__.pop("body", None)
        self.__dict__.pop("key", None)


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def placed(lines: Sequence[str], lead: int, head: str = "") -> str:
    """Return text of which the parser numbers the lines as in the file; a backslash at its end continues nothing."""
    return head + "\n" * lead + "\n".join(lines) + "\n\n"


def docstring(body: Sequence[ast.stmt]) -> str | None:
    """Return what the compiler makes ``__doc__`` of a module or class: since Python 3.13 without common indentation."""
    first = body[0] if body else None
    if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
        return None
    made: dict[str, str] = {}
    exec(compile(ast.Module([first], []), "", "exec", dont_inherit=True), made)
    return made.get("__doc__")


def _depends_on_place(node: ast.AST) -> bool:
    return isinstance(node, ast.Global) or (isinstance(node, ast.ImportFrom) and node.module == "__future__")


def _imports(node: ast.AST) -> Iterator[tuple[str, str, str]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, "", alias.asname or alias.name.partition(".")[0]) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        yield from ((module, alias.name, alias.asname or alias.name) for alias in node.names)


def same_scope(node: ast.stmt) -> Iterator[ast.AST]:
    """Yield a statement and those in its blocks, without entering functions and classes."""
    pending: list[ast.AST] = [node]
    while pending:
        current = pending.pop()
        yield current
        if hasattr(current, "body") and not isinstance(current, _DEFINITIONS):
            inner = ast.iter_child_nodes(current)
            pending += [child for child in inner if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case))]
        elif isinstance(current, ast.Match):
            pending += current.cases


def is_docstring(node: ast.stmt) -> bool:
    """Whether a statement is a string by itself."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)

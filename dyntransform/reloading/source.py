"""A source file as a sequence of statements."""

from __future__ import annotations
import __future__ as features

import ast
import bisect
import dataclasses
import functools
from types import CodeType

from dyntransform.reloading.codes import CodeNode, child_codes
from dyntransform.reloading.usage import Usage, usage
from dyntransform.transform.decide import Options, decide, future_annotations
from dyntransform.transform.lowering import lower
from dyntransform.transform.source import decode

__all__ = ["Source", "Statement", "split_codes"]


@dataclasses.dataclass(eq=False)
class Statement:
    """A statement of a module or of a class body.

    Attributes:
        node: its syntax.
        lines: its text, whole lines.
        future_annotations: the file's annotations are text (PEP 563).
    """

    node: ast.stmt
    lines: tuple[str, ...]
    future_annotations: bool

    @functools.cached_property
    def key(self) -> str:
        """Equal for statements that differ in place, spacing and comments only; ask before the tree is lowered."""
        return ast.dump(self.node)

    @functools.cached_property
    def usage(self) -> Usage:
        """What executing it reads and binds."""
        return usage(self.node, future_annotations=self.future_annotations)

    @property
    def first_line(self) -> int:
        """The line it begins on, with decorators."""
        decorators = getattr(self.node, "decorator_list", None)
        return int(min([self.node.lineno, *(decorator.lineno for decorator in decorators or ())]))

    @property
    def last_line(self) -> int:
        """The line it ends on."""
        return self.node.end_lineno or self.node.lineno

    @property
    def name(self) -> str:
        """The defined name, or the bound names, or the first words of the text."""
        node = self.node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return node.name
        names = sorted(self.usage.binds) or sorted(self.usage.updates)
        return ", ".join(names) if names else self.lines[0].strip()[:40]

    @functools.cached_property
    def body(self) -> list[Statement]:
        """The statements of a class body."""
        assert isinstance(self.node, ast.ClassDef)
        return [self._inner(node) for node in self.node.body]

    def _inner(self, node: ast.stmt) -> Statement:
        inner = Statement(node, (), self.future_annotations)
        start = inner.first_line - self.first_line
        inner.lines = self.lines[start : inner.last_line - self.first_line + 1]
        return inner


class Source:
    """The content of a file.

    Args:
        data: content of the file.
        path: its name.
        options: what is late bound.

    Raises:
        SyntaxError, ValueError: the content is not valid Python.
    """

    def __init__(self, data: bytes, path: str, options: Options) -> None:
        self.data = data
        self.path = path
        self.text = decode(data)
        self.tree = ast.parse(data, path)
        self._options = options
        self._lowered = False
        lines = self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        future = future_annotations(self.tree)
        self.statements = []
        for node in self.tree.body:
            statement = Statement(node, (), future)
            statement.lines = tuple(lines[statement.first_line - 1 : statement.last_line])
            self.statements.append(statement)
        self.decisions = decide(self.text, path, self.tree, options)
        self.flags = _future_flags(self.tree)

    def compile(self, nodes: list[ast.stmt]) -> CodeType:
        """Compile statements of this file, or made from its nodes, lowered; the tree is lowered once."""
        if not self._lowered:
            lower(self.tree, self.decisions)
            self._lowered = True
        module = ast.Module(nodes, [])
        return compile(module, self.path, "exec", flags=self.flags, dont_inherit=True)  # type: ignore[no-any-return]

    def check(self) -> None:
        """Raise what compiling the whole file raises beyond parsing it, such as ``return`` outside a function."""
        compile(self.data, self.path, "exec", dont_inherit=True)


def split_codes(code: CodeType, statements: list[Statement]) -> list[list[CodeNode]]:
    """Give each code object of a module to the statement that it belongs to."""
    starts = [statement.first_line for statement in statements]
    split: list[list[CodeNode]] = [[] for _ in statements]
    for child in child_codes(code):
        index = bisect.bisect_right(starts, child.co_firstlineno) - 1
        while index > 0 and starts[index - 1] == starts[index] and not _begins_after(child, statements[index].node):
            index -= 1
        if index >= 0:
            split[index].append(CodeNode.of(child))
    return split


def _begins_after(code: CodeType, node: ast.stmt) -> bool:
    columns = [column for line, _, column, _ in code.co_positions() if column is not None and line == node.lineno]
    return bool(columns) and min(columns) >= node.col_offset


def _future_flags(tree: ast.Module) -> int:
    names = [
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    ]
    flags = 0
    for name in names:
        if name in features.all_feature_names:  # the compiler refuses others
            flags |= getattr(features, name).compiler_flag
    return flags

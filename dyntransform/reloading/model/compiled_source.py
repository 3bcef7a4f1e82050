"""A module that exists as compiled code alone, as a sequence of statements.

Its statements are lifted from the code (see `dyntransform.lifting`). Two are equal if their code is: operations,
names and constants, not the lines. So an edit works as for a source file; where the compiler makes the same code of
different text, there is nothing to reload.
"""

from __future__ import annotations
import __future__ as features

import ast
import copy
import functools
import hashlib
import itertools
from collections.abc import Iterator
from types import CodeType

from dyntransform.compiled.rewriting import ask_behind
from dyntransform.importing.compiling import compile_file
from dyntransform.lifting.assembling import assemble
from dyntransform.lifting.parts import Body, Part
from dyntransform.lifting.statements import inner_function, lift
from dyntransform.reloading.model.code_tree import CodeNode, Patch, statement_nodes, walk
from dyntransform.reloading.model.padding import Scope
from dyntransform.reloading.model.source import Source
from dyntransform.reloading.model.statement import Statement
from dyntransform.transform.decide import Options, decide
from dyntransform.transform.decide import Source as ImportSource
from dyntransform.transform.links import LinkSpec

__all__ = ["CompiledSource"]

_FUTURE = functools.reduce(int.__or__, (getattr(features, name).compiler_flag for name in features.all_feature_names))
"""The flags of code that stand for future features."""


class CompiledSource(Source):
    """The content of a ``.pyc`` file.

    Args:
        data: content of the file.
        path: its name.
        options: what is late bound.

    Raises:
        ImportError, EOFError, ValueError, TypeError: as an import of the file does.
    """

    def __init__(self, data: bytes, path: str, options: Options) -> None:
        try:
            compiled = compile_file(path, data, options.is_project)
        except (ImportError, EOFError, TypeError, ValueError) as problem:
            problem.add_note(f"{path} is not of this Python: compile it again, as with python -m compileall -b")
            raise
        self.data = data
        self.path = path
        self.flags = compiled.code.co_flags & _FUTURE
        self.divisible = True
        self.filename = compiled.code.co_filename
        self._options = options
        self._links = compiled.links
        self._lookups = compiled.lookups
        self._usage = None
        future_annotations = bool(self.flags & features.annotations.compiler_flag)
        self.statements = _statements([node for node, _ in lift(compiled.code)], options, future_annotations)

    def edited(self, data: bytes) -> Source:
        """Return another version of the file."""
        return CompiledSource(data, self.path, self._options)

    @property
    def links(self) -> tuple[LinkSpec, ...]:
        """Live bindings of the module and its classes."""
        return self._links

    @property
    def lookups(self) -> tuple[ImportSource, ...]:
        """What functions look up late."""
        return self._lookups

    def compile(self, nodes: list[ast.stmt]) -> CodeType:
        """Compile statements of this file, or made from its nodes."""
        return ask_behind(assemble(nodes, self.filename, self.flags), self._options)

    def bases(self, node: ast.ClassDef) -> list[ast.expr]:
        """Return the bases of a class statement: they are those of the code that runs."""
        return node.bases

    def stand_in(self, copy: ast.ClassDef, node: ast.ClassDef) -> None:
        """Leave the copy as it is: it has the base."""

    def split(self, code: CodeType) -> list[list[CodeNode]]:
        """Give each code object of a module that runs this file to the statement that it belongs to."""
        return [statement_nodes(codes) for _, codes in lift(code)]

    def pad(self, _statement: Statement, _patches: list[Patch]) -> bool:
        """Leave functions as they are compiled; those that had more free variables forward to them."""
        return False

    def definition(self, _statement: Statement, nodes: list[CodeNode], code: CodeType) -> Scope | None:
        """Return the syntax of the header of a function in another one; None if it is not known."""
        outer = next((node.code for node in walk(nodes) if any(child.code is code for child in node.children)), None)
        return inner_function(outer, code) if outer is not None else None

    def check(self) -> None:
        """Nothing is left to be checked."""

    def drop_syntax(self) -> None:
        """Keep the nodes: nothing changes them, and there is no text to make them from again."""


class _CompiledStatement(Statement):
    """A statement that was lifted from code."""

    def __init__(self, node: ast.stmt, *, future_annotations: bool) -> None:
        super().__init__(node, (), future_annotations)
        del self.lines  # it is computed when it is asked for
        self.first_line = min([self.first_line, *_first_lines(node)])
        self.last_line = max(self.first_line, self.last_line)

    @functools.cached_property
    def lines(self) -> tuple[str, ...]:  # type: ignore[override]
        """Equal for statements of which only the place differs."""
        shape = hashlib.blake2b(digest_size=16)
        for part in ast.walk(self.node):
            line = getattr(part, "lineno", None)
            shape.update(f"{line and line - self.first_line} {getattr(part, 'col_offset', '')};".encode())
            for code in _codes(part):
                shape.update(f"{code.co_firstlineno - self.first_line}".encode() + code.co_linetable)
        return (self.key, shape.hexdigest())

    @functools.cached_property
    def name(self) -> str:
        """The defined name, or the bound names, or the first words of what it does."""
        if self._defined is not None:
            return self._defined
        names = sorted(self.usage.binds) or sorted(self.usage.mutates)
        if names:
            return ", ".join(names)
        if self.is_block:
            return f"line {self.first_line}"
        return ast.unparse(_WithoutCode().visit(copy.deepcopy(self.node)))[:40]

    def inner(self, node: ast.stmt) -> Statement:
        """Return a statement in this one."""
        return _CompiledStatement(node, future_annotations=self.future_annotations)

    def drop_syntax(self) -> None:
        """Keep the nodes."""


class _WithoutCode(ast.NodeTransformer):
    """Puts an ellipsis where an expression is code."""

    def visit_Part(self, _: Part) -> ast.expr:
        return ast.Constant(...)


def _statements(nodes: list[ast.stmt], options: Options, future_annotations: bool) -> list[Statement]:  # noqa: FBT001 - a fact, not a choice
    statements: list[Statement] = [_CompiledStatement(node, future_annotations=future_annotations) for node in nodes]
    for one, other in itertools.pairwise(statements):
        one.last_line = max(one.first_line, other.first_line - 1)
    for statement in statements:
        decisions = decide("", "", ast.Module([statement.node], []), options)
        statement.links = tuple((link.scope, link.module, link.names) for link in decisions.links)
    return statements


def _first_lines(node: ast.stmt) -> Iterator[int]:
    """Yield the lines on which the code of a definition begins, decorators included."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield from (body.code.co_firstlineno for body in node.body if isinstance(body, Body))
    elif isinstance(node, ast.ClassDef):
        yield node.code.co_firstlineno  # type: ignore[attr-defined]


def _codes(node: ast.AST) -> Iterator[CodeType]:
    """Yield the code objects that a node stands for, and those inside."""
    pending = [node.code] if isinstance(node, (Body, Part)) and node.code is not None else []
    if isinstance(node, Part):
        pending += [item.arg for item in node.listing if isinstance(getattr(item, "arg", None), CodeType)]
    while pending:
        code = pending.pop()
        yield code
        pending += [constant for constant in code.co_consts if isinstance(constant, CodeType)]

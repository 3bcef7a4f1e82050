"""A source file as a sequence of statements.

The parsed version of what is running is kept, so that an edit parses only the lines between its first and its last
difference, cut to whole statements. Syntax trees are large and are dropped when an edit is over; a statement that is
needed again is parsed by itself, at its place.
"""

from __future__ import annotations
import __future__ as features

import ast
import bisect
import copy
import itertools
import operator
from collections.abc import Sequence
from types import CodeType

from dyntransform.reloading.model.code_tree import CodeNode, Patch, child_codes, statement_nodes
from dyntransform.reloading.model.padding import Scope, functions_at, pad
from dyntransform.reloading.model.statement import File, Statement, docstring, placed
from dyntransform.transform.decide import Decisions, Options, decide, future_annotations
from dyntransform.transform.decide import Source as ImportSource
from dyntransform.transform.links import LinkSpec
from dyntransform.transform.lowering import add_bases, ask_behind, base_of, lower
from dyntransform.transform.source import decode
from dyntransform.transform.stage import Stage

__all__ = ["Source"]


class Source:
    """The content of a file.

    Args:
        data: content of the file.
        path: its name.
        options: what is late bound.
        stage: what is done to the tree before it is lowered.
        former: the version that runs, of which this is an edit.

    Attributes:
        statements: its top-level statements.
        filename: the file that its code names.
        flags: for the compiler: its future features.
        divisible: each statement has its lines to itself; only then can statements be parsed one by one.

    Raises:
        SyntaxError, ValueError: the content is not valid Python.
    """

    def __init__(
        self, data: bytes, path: str, options: Options, stage: Stage | None = None, former: Source | None = None
    ) -> None:
        self._lines = _split(decode(data, path))
        tree = ast.parse(data, path)
        self.data = data
        self.path = path
        self.filename = path
        self.flags = _future_flags(tree)
        self._options = options
        self._stage = stage
        self._became: dict[ast.stmt, list[ast.stmt]] = {}
        self._file = File(path, options, future_annotations(tree))
        self._new_lines: slice | None = None
        self._usage: tuple[frozenset[str], frozenset[tuple[str, ...]], frozenset[str]] | None = None
        self.statements = _statements(tree.body, self._lines, self._file)
        self.divisible = _divisible(self.statements)
        if self.divisible:
            _decide(self.statements, former)
        else:
            how = decide if former is None else decide_proven
            self.statements[0].take(self._file.decide(tree.body, self._lines, 0, how))

    def edited(self, data: bytes) -> Source:
        """Return another version of the file, equal to what parsing all of it gives.

        Raises:
            SyntaxError, ValueError: the content is not valid Python.
        """
        return (self.divisible and self._spliced(data)) or Source(data, self.path, self._options, self._stage, self)

    def _spliced(self, data: bytes) -> Source | None:
        """Parse only the lines that differ; None where the cut is not certain."""
        lines = _split(decode(data, self.path))
        first, last = _cut(self.statements, self._lines, lines)
        after = self.statements[last:]
        shift = len(lines) - len(self._lines)
        start = self.statements[first - 1].last_line if first else 0
        end = after[0].first_line - 1 + shift if after else len(lines)
        if any(statement.depends_on_place for statement in self.statements[first:]):
            return None
        try:
            tree = ast.parse("\n" * start + "\n".join(lines[start:end]) + "\n" * bool(after), self.path)
        except (SyntaxError, ValueError):
            return None  # parsing the whole file tells what is wrong, in Python's own words
        new = _statements(tree.body, lines, self._file)
        if not _divisible(new) or any(statement.depends_on_place for statement in new):
            return None
        _decide(new, self)
        source = copy.copy(self)
        source.data = data
        source._became = {}
        source._lines = lines
        source._new_lines = slice(start, end)
        source._usage = None
        source.statements = [*self.statements[:first], *new, *(statement.moved(shift) for statement in after)]
        return source

    @property
    def reads(self) -> frozenset[str]:
        """The names that executing the module loads."""
        return self._all_usage()[0]

    @property
    def attributes(self) -> frozenset[tuple[str, ...]]:
        """Chains of a loaded name and the attributes that executing the module takes from it."""
        return self._all_usage()[1]

    @property
    def attribute_names(self) -> frozenset[str]:
        """All names of attributes in these chains."""
        return self._all_usage()[2]

    def _all_usage(self) -> tuple[frozenset[str], frozenset[tuple[str, ...]], frozenset[str]]:
        if self._usage is None:
            every = [statement.usage for statement in self.statements]
            reads = frozenset[str]().union(*(usage.names for usage in every))
            attributes = frozenset[tuple[str, ...]]().union(*(usage.chains for usage in every))
            self._usage = reads, attributes, frozenset(name for chain in attributes for name in chain[1:])
        return self._usage

    @property
    def links(self) -> tuple[LinkSpec, ...]:
        """Live bindings of the module and its classes."""
        return tuple(link for statement in self.statements for link in statement.links)

    @property
    def docstring(self) -> str | None:
        """The documentation of the module, as it is written."""
        return docstring([statement.node for statement in self.statements[:1] if statement.kind is ast.Expr])

    @property
    def annotated(self) -> frozenset[str]:
        """The annotated variables of the module."""
        return frozenset().union(*(statement.annotated for statement in self.statements))

    @property
    def lookups(self) -> tuple[ImportSource, ...]:
        """What functions look up late."""
        return tuple(dict.fromkeys(one for statement in self.statements for one in statement.lookups))

    def compile(self, nodes: list[ast.stmt]) -> CodeType:
        """Compile statements of this file, or made from its nodes, lowered."""
        module = ast.Module(nodes if self._stage is None else self._staged(nodes, self._stage), [])
        marks = self._file.marks
        if marks:
            # Lowering changes the tree in place, so each mark serves once, wherever a stage has put its node.
            names = {node for node in ast.walk(module) if isinstance(node, ast.Name) and node in marks}
            lower(module, Decisions({name: marks.pop(name) for name in names}))
        module.body += self._told_imports()
        added = add_bases(module, self._file.classes) + ask_behind(module, self._file.links)
        try:
            return compile(module, self.path, "exec", flags=self.flags, dont_inherit=True)  # type: ignore[no-any-return]
        finally:
            for block, statement in added:  # which is none of the file
                block.remove(statement)

    def bases(self, node: ast.ClassDef) -> list[ast.expr]:
        """Return the bases of a class statement, as they are compiled."""
        return [base_of(node)] if node in self._file.classes else node.bases

    def stand_in(self, copy: ast.ClassDef, node: ast.ClassDef) -> None:
        """Have a copy of a class statement gain the base that the statement gains."""
        if node in self._file.classes:
            self._file.classes.add(copy)

    def _told_imports(self) -> list[ast.stmt]:
        """Return what tells the compiler, and does nothing else, which names of the module are imported.

        Since Python 3.12 it compiles ``name.attribute()`` otherwise for these: as a call of a function, not of a method
        (``is_import_originated`` in Python/compile.c), which shows in the lines of tracebacks.
        """
        imports = {name for statement in self.statements for *_, name in statement.imports} - {"*"}
        names = ", ".join(sorted(imports))
        return ast.parse(f"if False: import {names}").body if names else []

    def split(self, code: CodeType) -> list[list[CodeNode]]:
        """Give each code object of a module that runs this source to the statement that it belongs to."""
        starts = [statement.first_line for statement in self.statements]
        split: list[list[CodeType]] = [[] for _ in self.statements]
        for child in child_codes(code):
            index = bisect.bisect_right(starts, child.co_firstlineno) - 1
            while index > 0 and starts[index - 1] == starts[index]:
                if _begins_after(child, self.statements[index].node):
                    break
                index -= 1
            if index >= 0:
                split[index].append(child)
        return [statement_nodes(codes) for codes in split]

    def pad(self, statement: Statement, patches: list[Patch]) -> bool:
        """Add what live closures need to a statement; see `padding.pad`."""
        return pad(statement.node, patches)

    def definition(self, statement: Statement, _nodes: list[CodeNode], code: CodeType) -> Scope | None:
        """Return the syntax of a function in a statement; None if it is not known.

        Args:
            statement: the statement.
            _nodes: its code, for those that have no text.
            code: what the function runs.
        """
        found = functions_at(statement.node, code)
        return found[-1] if found else None

    def _staged(self, nodes: list[ast.stmt], stage: Stage) -> list[ast.stmt]:
        """Apply the stage to statements, once to each; it sees the docstring, which may forbid it."""
        docstring = [] if self.docstring is None else [ast.parse(repr(self.docstring)).body[0]]
        lists = _lists(nodes)
        for node in nodes:
            if node not in self._became:
                module = ast.Module([*docstring, node], [])
                stage(module, self.data, self.path)
                self._became[node] = module.body[len(docstring) :]
        for parent, field, old in lists:  # other nodes that are made from these share the lists
            old[:] = getattr(parent, field)
            setattr(parent, field, old)
        return [new for node in nodes for new in self._became[node]]

    def check(self) -> None:
        """Raise what compiling the whole file raises beyond parsing it, such as ``return`` outside a function."""
        if self._new_lines is not None:
            text = placed(self._lines[self._new_lines], self._new_lines.start)
            try:
                compile(text, self.path, "exec", flags=self.flags, dont_inherit=True)
            except SyntaxError:
                pass  # the whole file has the words for it
            else:
                return
        compile(self.data, self.path, "exec", dont_inherit=True)

    def drop_syntax(self) -> None:
        """Forget the syntax trees, which compiling may have changed."""
        assert self.divisible
        self._file.marks.clear()
        self._file.links.clear()
        self._file.classes.clear()
        self._became.clear()
        for statement in self._file.parsed:
            statement.drop_syntax()
        self._file.parsed.clear()


def _split(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _statements(nodes: list[ast.stmt], lines: Sequence[str], file: File) -> list[Statement]:
    statements = [Statement(node, (), file.future_annotations, file) for node in nodes]
    file.parsed.extend(statements)
    for statement in statements:
        statement.lines = tuple(lines[statement.first_line - 1 : statement.last_line])
    return statements


def _decide(statements: Sequence[Statement], former: Source | None) -> None:
    """Mark statements; those that are not in the version that runs have not been rewritten before."""
    known = {statement.lines for statement in former.statements} if former is not None else None
    for statement in statements:
        statement.decide(decide if known is None or statement.lines in known else decide_proven)


def decide_proven(text: str, path: str, tree: ast.Module, options: Options) -> Decisions:
    """Mark what is new; see `draft.decide_proven`, which is imported where there is something to be written."""
    decisions = decide(text, path, tree, options)
    if not decisions.has_marks:
        return decisions
    from dyntransform.transform.draft import proven

    return proven(text, path, tree, decisions)


def _divisible(statements: Sequence[Statement]) -> bool:
    return all(one.last_line < other.first_line for one, other in itertools.pairwise(statements))


def _cut(statements: Sequence[Statement], old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """Return the number of untouched statements at the beginning, and the index of the first untouched one at the end.

    One at the beginning is untouched if the line on which the next begins is the same, for then nothing continues it.
    One at the end begins a statement in any version, once what is before it is complete.
    """
    limit = min(len(old), len(new))
    before = _common(old, new, limit)
    behind = _common(old[::-1], new[::-1], limit - before)
    first = max(0, bisect.bisect_right(statements, before, key=_first_line) - 1)
    last = bisect.bisect_right(statements, len(old) - behind, key=_first_line)
    return first, max(first, last)


def _common(one: Sequence[str], other: Sequence[str], limit: int) -> int:
    pairs = zip(range(limit), one, other, strict=False)
    return next((index for index, a, b in pairs if a != b), limit)


_first_line = operator.attrgetter("first_line")


def _lists(nodes: list[ast.stmt]) -> list[tuple[ast.AST, str, list[ast.AST]]]:
    return [
        (node, field, value)
        for top in nodes
        for node in ast.walk(top)
        for field, value in ast.iter_fields(node)
        if isinstance(value, list)
    ]


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

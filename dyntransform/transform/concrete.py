"""Write the marks into the concrete syntax tree (libcst), which keeps every byte that it is not told to change."""

from __future__ import annotations

import ast
from typing import Any

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from dyntransform.transform.decide import Decisions, Import

__all__ = ["HEADER_MODULE", "write"]

HEADER_MODULE = "dyntransform.runtime"
_QUALIFIED = f'__import__("{HEADER_MODULE}").runtime.'
_Place = tuple[int, int]


def write(source: str, decisions: Decisions) -> str:
    """Return the text with the marked nodes rewritten.

    Args:
        source: text of the module.
        decisions: the marks on its tree.

    Raises:
        ValueError: libcst cannot read the text, or does not give it back unchanged.
    """
    try:
        module = cst.parse_module(source)
    except cst.ParserSyntaxError as problem:
        raise ValueError(problem.message) from problem
    if module.code != source:
        raise ValueError("it does not give the text back unchanged")
    names = [name for name, used in _used(decisions) if used]
    prefix, module, spliced = _header(module, source, f"from {HEADER_MODULE} import {', '.join(names)}")
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    positions = wrapper.resolve(PositionProvider)
    writer = _Writer(_Marks(source, decisions), positions, prefix)
    body = [writer.statement(statement) for statement in wrapper.module.body]
    result = wrapper.module.with_changes(body=_with_header(body, spliced))
    return _with_line(result.code, spliced)


def _used(decisions: Decisions) -> list[tuple[str, bool]]:
    return [
        ("DynamicClass", bool(decisions.classes)),
        ("_dyn_lookup", bool(decisions.reads or decisions.links)),
    ]


class _Marks:
    """The marks by place: line and column in characters, as libcst counts."""

    def __init__(self, source: str, decisions: Decisions) -> None:
        lines = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")

        def place(node: ast.expr | ast.stmt) -> _Place:
            line = lines[node.lineno - 1].encode()
            return node.lineno, len(line[: node.col_offset].decode())

        self.reads = {place(node): sources for node, sources in decisions.reads.items()}
        self.links: dict[_Place, list[Import]] = {}
        for link in decisions.links:
            if link.node is not None:
                self.links.setdefault(place(link.node), []).append(link)
        self.classes = {place(node) for node in decisions.classes}

    def lines(self) -> set[int]:
        """Return the lines that have marks."""
        return {line for line, _ in (*self.reads, *self.links, *self.classes)}


class _Writer(cst.CSTTransformer):
    def __init__(self, marks: _Marks, positions: Any, prefix: str) -> None:
        super().__init__()
        self._marks = marks
        self._marked_lines = marks.lines()
        self._positions = positions
        self._prefix = prefix
        self._quotes: list[str] = []
        self._verbatim = 0

    def statement(self, node: Any) -> Any:
        """Rewrite a top-level statement; one without marks is not even visited."""
        place: CodeRange = self._positions[node]
        lines = range(place.start.line, place.end.line + 1)
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)) and node.decorators:
            lines = range(self._positions[node.decorators[0]].start.line, place.end.line + 1)
        return node.visit(self) if self._marked_lines.intersection(lines) else node

    def _place(self, node: cst.CSTNode) -> _Place:
        start = self._positions[node].start
        return start.line, start.column

    def visit_FormattedString(self, node: cst.FormattedString) -> None:
        self._quotes.append(node.start.lstrip("fFrRbBuU"))

    def leave_FormattedString(self, _original: cst.FormattedString, updated: cst.FormattedString) -> Any:
        self._quotes.pop()
        return updated

    def visit_FormattedStringExpression(self, node: cst.FormattedStringExpression) -> None:
        self._verbatim += node.equal is not None

    def leave_FormattedStringExpression(
        self, original: cst.FormattedStringExpression, updated: cst.FormattedStringExpression
    ) -> Any:
        self._verbatim -= original.equal is not None
        return updated

    def leave_Name(self, original: cst.Name, updated: cst.Name) -> Any:
        sources = self._marks.reads.get(self._place(original))
        quote = self._quote()
        if sources is None or self._verbatim or not quote:
            return updated
        (module, attribute), *more = sources
        arguments = [f"{quote}{module}{quote}", f"{quote}{attribute}{quote}", updated.value]
        arguments += [f"{quote}{text}{quote}" for pair in more for text in pair]
        function = f"{self._prefix}_dyn_lookup"
        if quote == "'":
            function = function.replace('"', "'")
        call = cst.parse_expression(f"{function}({', '.join(arguments)})")
        assert isinstance(call, cst.Call)
        return call.with_changes(lpar=updated.lpar, rpar=updated.rpar)

    def _quote(self) -> str:
        """Return a quotation mark that ends none of the f-strings around; empty if there is none (before PEP 701)."""
        used = "".join(self._quotes)
        return next((quote for quote in "\"'" if quote not in used), "")

    def _links(self, small: cst.BaseSmallStatement) -> list[cst.SimpleStatementLine]:
        added = []
        for link in self._marks.links.get(self._place(small), ()):
            for attribute, name in link.names:
                if attribute != "*":
                    text = f'{name} = {self._prefix}_dyn_lookup("{link.module}", "{attribute}", {name})'
                    added.append(text)
        return [cst.ensure_type(cst.parse_statement(text), cst.SimpleStatementLine) for text in added]

    def _body(self, original: Any, updated: Any) -> Any:
        body: list[cst.BaseSmallStatement] = []
        changed = False
        for before, small in zip(original.body, updated.body, strict=True):
            lines = self._links(before)
            if not lines:
                body.append(small)
                continue
            changed = True
            last = small.semicolon
            between = cst.Semicolon(whitespace_after=cst.SimpleWhitespace(" "))
            new = [small, *(line.body[0] for line in lines)]
            body += [*(each.with_changes(semicolon=between) for each in new[:-1]), new[-1].with_changes(semicolon=last)]
        return updated.with_changes(body=body) if changed else updated

    def leave_SimpleStatementLine(self, original: cst.SimpleStatementLine, updated: cst.SimpleStatementLine) -> Any:
        return self._body(original, updated)

    def leave_SimpleStatementSuite(self, original: cst.SimpleStatementSuite, updated: cst.SimpleStatementSuite) -> Any:
        return self._body(original, updated)

    def leave_ClassDef(self, original: cst.ClassDef, updated: cst.ClassDef) -> Any:
        if self._place(original) not in self._marks.classes:
            return updated
        base = cst.Arg(cst.parse_expression(f"{self._prefix}DynamicClass"))
        if updated.bases:
            return updated.with_changes(bases=[updated.bases[0].with_changes(value=base.value)])
        return updated.with_changes(bases=[base], lpar=cst.LeftParen(), rpar=cst.RightParen())


_Spliced = tuple[str, int, str]
"""How the header is put in: "after" or "before" the statement of that number, "line" of that number, or "" for not."""


def _header(module: cst.Module, source: str, text: str) -> tuple[str, cst.Module, _Spliced]:
    """Find a line that can take the header, so that none is added.

    Returns:
        What stands before the names where there is no such line; the module; and where the header goes.
    """
    last = -1
    for index, statement in enumerate(module.body):
        if not isinstance(statement, cst.SimpleStatementLine) or not _is_prologue(statement, index):
            break
        last = index
    if last >= 0:
        return "", module, ("after", last, text)
    if module.body and isinstance(module.body[0], cst.SimpleStatementLine):
        return "", module, ("before", 0, text)
    lines = source.splitlines()
    for number, line in enumerate(lines):
        stripped = line.strip(" \t\f\ufeff")
        if stripped and not stripped.startswith("#"):
            break
        if not stripped and number > 0 and not line:
            return "", module, ("line", number, text)
    return _QUALIFIED, module, ("", 0, text)


def _is_prologue(line: cst.SimpleStatementLine, index: int) -> bool:
    """Whether the line is the docstring or imports from __future__, which must come first."""
    first = line.body[0]
    if isinstance(first, cst.Expr) and isinstance(first.value, (cst.SimpleString, cst.ConcatenatedString)):
        return index == 0
    return (
        isinstance(first, cst.ImportFrom) and isinstance(first.module, cst.Name) and first.module.value == "__future__"
    )


def _with_header(body: list[Any], spliced: _Spliced) -> list[Any]:
    where, index, text = spliced
    if where not in ("after", "before"):
        return body
    header = cst.ensure_type(cst.parse_statement(text), cst.SimpleStatementLine).body[0]
    between = cst.Semicolon(whitespace_after=cst.SimpleWhitespace(" "))
    line = body[index]
    if where == "before":
        small = [header.with_changes(semicolon=between), *line.body]
    else:
        *others, last = line.body
        small = [*others, last.with_changes(semicolon=between), header.with_changes(semicolon=last.semicolon)]
    return [*body[:index], line.with_changes(body=small), *body[index + 1 :]]


def _with_line(code: str, spliced: _Spliced) -> str:
    where, index, text = spliced
    if where != "line":
        return code
    lines = code.splitlines(keepends=True)
    lines[index] = text + lines[index]
    return "".join(lines)

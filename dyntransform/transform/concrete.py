"""Write the marks into the concrete syntax tree (libcst), which keeps every byte that it is not told to change."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from dyntransform.transform.check import HEADER_MODULE, QUALIFIED
from dyntransform.transform.decide import Decisions, Import

__all__ = ["write"]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
"""A line as the compiler sees it; str.splitlines also splits at form feeds and the like."""
_FEED = re.compile(r"(?:[ \t\f]*\f(?=[ \t]*[^ \t\f\r\n]))?")
"""What the compiler does not count as indentation of a line; libcst drops it, or counts it."""
_Place = tuple[int, int]


def write(source: str, decisions: Decisions) -> str:
    """Return the text with the marked nodes rewritten.

    Args:
        source: text of the module.
        decisions: the marks on its tree.

    Raises:
        ValueError: libcst cannot read the text, or does not give a marked line back unchanged.
    """
    lines = _LINE.findall(source)
    feeds = [_FEED.match(line)[0] for line in lines]  # type: ignore[index]  # it matches nothing, too
    if not any(feeds):
        return _write(source, decisions, {})
    bare = "".join(line[len(feed) :] for line, feed in zip(lines, feeds, strict=True))
    written = _write(bare, decisions, {number: len(feed) for number, feed in enumerate(feeds, 1)})
    return "".join(feed + line for line, feed in zip(_LINE.findall(written), feeds, strict=True))


def _write(source: str, decisions: Decisions, cut: Mapping[int, int]) -> str:
    """Write the marks into text whose lines lack so many characters at their beginning."""
    try:
        module = cst.parse_module(source)
    except cst.ParserSyntaxError as problem:
        raise ValueError(problem.message) from problem
    names = {name: _unused(name, source) for name, used in _used(decisions) if used}
    if not names:
        return source
    imported = [name if name == bound else f"{name} as {bound}" for name, bound in names.items()]
    spliced = _header(module, source, f"from {HEADER_MODULE} import {', '.join(imported)}")
    if not spliced[0]:
        names = {name: QUALIFIED + name for name in names}
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    positions = wrapper.resolve(PositionProvider)
    writer = _Writer(_Marks(source, decisions, cut), positions, names)
    body = [writer.statement(statement) for statement in wrapper.module.body]
    result = wrapper.module.with_changes(body=_with_header(body, spliced))
    return _changed_lines(source, module.code, _with_line(result.code, spliced))


def _changed_lines(source: str, unchanged: str, rewritten: str) -> str:
    """Take from `rewritten` only the lines that were changed.

    libcst does not give every text back as it was (it loses the space of ``except (A, B) :``, and the last carriage
    return of some files), so lines without marks are those of the source.
    """
    end = source[len(unchanged) :] if source.startswith(unchanged) else ""
    lines = [_LINE.findall(text) for text in (source, unchanged + end, rewritten + end)]
    if not len(lines[0]) == len(lines[1]) == len(lines[2]):
        raise ValueError("it does not give the lines back unchanged")
    result = []
    for number, (line, same, new) in enumerate(zip(*lines, strict=True), 1):
        if same not in (new, line):
            raise ValueError(f"it does not give line {number} back unchanged")
        result.append(line if new == same else new)
    return "".join(result)


def _used(decisions: Decisions) -> list[tuple[str, bool]]:
    return [
        ("DynamicClass", bool(decisions.classes)),
        ("_dyn_lookup", bool(decisions.reads) or any(link.names != (("*", "*"),) for link in decisions.written_links)),
    ]


def _unused(name: str, source: str) -> str:
    """Return the name, with underscores before it if the text has it already."""
    while re.search(rf"\b{name}\b", source):
        name = f"_{name}"
    return name


class _Marks:
    """The marks by place: line and column in characters, as libcst counts."""

    def __init__(self, source: str, decisions: Decisions, cut: Mapping[int, int]) -> None:
        lines = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")

        def place(node: ast.expr | ast.stmt) -> _Place:
            line, missing = lines[node.lineno - 1].encode(), cut.get(node.lineno, 0)
            return node.lineno, len(line[: node.col_offset - missing].decode())

        self.reads = {place(node): sources for node, sources in decisions.reads.items()}
        self.links: dict[_Place, list[Import]] = {}
        for link in decisions.written_links:
            self.links.setdefault(place(link.node), []).append(link)
        self.classes = {place(node) for node in decisions.classes}

    def lines(self) -> set[int]:
        """Return the lines that have marks."""
        return {line for line, _ in (*self.reads, *self.links, *self.classes)}


class _Writer(cst.CSTTransformer):
    def __init__(self, marks: _Marks, positions: Any, names: dict[str, str]) -> None:
        super().__init__()
        self._marks = marks
        self._marked_lines = marks.lines()
        self._positions = positions
        self._names = names
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

    def visit_TemplatedString(self, node: cst.TemplatedString) -> None:
        self._quotes.append(node.start.lstrip("tTrR"))

    def leave_TemplatedString(self, _original: cst.TemplatedString, updated: cst.TemplatedString) -> Any:
        self._quotes.pop()
        return updated

    def visit_TemplatedStringExpression(self, _node: cst.TemplatedStringExpression) -> None:
        self._verbatim += 1  # the template has the text of the expression (PEP 750)

    def leave_TemplatedStringExpression(
        self, _original: cst.TemplatedStringExpression, updated: cst.TemplatedStringExpression
    ) -> Any:
        self._verbatim -= 1
        return updated

    def leave_Name(self, original: cst.Name, updated: cst.Name) -> Any:
        sources = self._marks.reads.get(self._place(original))
        quote = self._quote()
        if sources is None or self._verbatim or not quote:
            return updated
        (module, attribute), *more = sources
        arguments = [f"{quote}{module}{quote}", f"{quote}{attribute}{quote}", updated.value]
        arguments += [f"{quote}{text}{quote}" for pair in more for text in pair]
        function = self._names["_dyn_lookup"]
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
            for alias, (attribute, _) in zip(link.aliases, link.names, strict=True):
                if attribute != "*":
                    name = alias.asname or alias.name
                    added.append(f'{name} = {self._names["_dyn_lookup"]}("{link.module}", "{attribute}", {name})')
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
        base = cst.Arg(cst.parse_expression(self._names["DynamicClass"]))
        if updated.bases:
            return updated.with_changes(bases=[updated.bases[0].with_changes(value=base.value)])
        return updated.with_changes(bases=[base], lpar=cst.LeftParen(), rpar=cst.RightParen())


_Spliced = tuple[str, int, str]
"""How the header is put in: "after" or "before" the statement of that number, "line" of that number, or "" for not."""


def _header(module: cst.Module, source: str, text: str) -> _Spliced:
    """Find a line that can take the header, so that none is added."""
    last = -1
    for index, statement in enumerate(module.body):
        if not isinstance(statement, cst.SimpleStatementLine) or not _is_prologue(statement, index):
            break
        last = index
    if last >= 0:
        return ("after", last, text)
    if module.body and isinstance(module.body[0], cst.SimpleStatementLine):
        return ("before", 0, text)
    for number, line in enumerate(_LINE.findall(source)):
        stripped = line.strip(" \t\f\r\n\ufeff")
        if stripped and not stripped.startswith("#"):
            break
        if number > 0 and not line.strip("\r\n"):
            return ("line", number, text)
    return ("", 0, text)


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
    lines = _LINE.findall(code)
    lines[index] = text + lines[index]
    return "".join(lines)

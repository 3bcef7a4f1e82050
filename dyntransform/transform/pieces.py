"""The pieces of a source file that rewriting changes, cut to be read by themselves."""

from __future__ import annotations

import ast
import bisect
import dataclasses
import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from dyntransform.transform.decide import Decisions

__all__ = ["Edit", "Piece", "Text", "cut", "depth", "splice"]

_HEADER_END = re.compile(rb"(?:[^:#]|#[^\r\n]*)*")
"""The rest of a class statement up to its colon, once names and expressions are behind; a comment may have colons."""


class Text:
    """Text of a file by the places of its syntax tree: lines from 1, columns in bytes of UTF-8.

    Attributes:
        data: the text, encoded.
        lines: its lines, with their ends.
    """

    def __init__(self, source: str) -> None:
        self.data = source.encode()
        self.lines = self.data.splitlines(keepends=True)  # as the compiler does: bytes have no other line ends
        self._starts = [0, *itertools.accumulate(map(len, self.lines))]

    def line_start(self, line: int) -> int:
        """Return the offset at which a line begins."""
        return self._starts[line - 1]

    def start(self, node: ast.expr | ast.stmt) -> int:
        """Return the offset at which a node begins."""
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.AST) -> int:
        """Return the offset at which a node ends."""
        return self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined, no-any-return]


@dataclasses.dataclass(frozen=True)
class Edit:
    """A change of text: what comes to stand between two offsets in bytes."""

    start: int
    end: int
    text: str


@dataclasses.dataclass(frozen=True)
class Piece:
    """A part of a file that is rewritten by itself.

    Attributes:
        node: a from-import, a class statement, or the largest expression that holds names which become lookups.
        start: offset at which the part begins, in bytes.
        end: offset at which it ends.
        text: the part as a statement: the import, the header of the class with ``pass``, the expression in parentheses.
        reads: the marked names in the expression, by the words that stand for them in `text`.
    """

    node: ast.ImportFrom | ast.ClassDef | ast.expr
    start: int
    end: int
    text: str
    reads: Mapping[str, ast.Name] = dataclasses.field(default_factory=dict)

    @property
    def line(self) -> int:
        """The line on which it begins."""
        return self.node.lineno

    def edit(self, statement: str) -> Edit:
        """Return the change of the file that puts in what `text` was rewritten to."""
        if isinstance(self.node, ast.ClassDef):
            return Edit(self.start, self.end, statement.removesuffix(_BODY))
        return Edit(self.start, self.end, statement[1:-1] if isinstance(self.node, ast.expr) else statement)


_BODY = ": pass"


def cut(text: Text, tree: ast.Module, decisions: Decisions) -> list[Piece]:
    """Return the pieces that have marks, in the order of the file; none lies in another.

    Args:
        text: the file.
        tree: its syntax.
        decisions: the marks on the tree.
    """
    pieces = [_import(text, link.node) for link in decisions.links if link.lookups]
    pieces += [_header(text, node) for node in decisions.classes]
    if decisions.reads:
        replaced = {base for node in decisions.classes for base in node.bases}
        word = _unused(text)
        for expression, names in _expressions(tree, decisions.reads, replaced):
            pieces.append(_expression(text, expression, names, word))
    return sorted(pieces, key=lambda piece: piece.start)


def splice(text: Text, edits: list[Edit]) -> str:
    """Return the text with the edits made; of two at one place, the first comes first."""
    parts: list[bytes] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        parts += [text.data[done : edit.start], edit.text.encode()]
        done = edit.end
    return b"".join([*parts, text.data[done:]]).decode()


def depth(pieces: list[Piece]) -> int:
    """Return how deep the expressions in the pieces are nested."""
    deepest = 0
    pending: list[tuple[ast.AST, int]] = [(part, 1) for piece in pieces for part in _parts(piece.node)]
    while pending:
        node, level = pending.pop()
        deepest = max(deepest, level)
        pending.extend((child, level + 1) for child in ast.iter_child_nodes(node))
    return deepest


def _parts(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.ClassDef):
        return [*node.bases, *getattr(node, "type_params", ())]
    return [node]


def _import(text: Text, node: ast.ImportFrom) -> Piece:
    start, end = text.start(node), text.end(node)
    return Piece(node, start, end, text.data[start:end].decode())


def _header(text: Text, node: ast.ClassDef) -> Piece:
    start = text.start(node)
    last = max([start, *(text.end(part) for part in _parts(node))])
    rest = _HEADER_END.match(text.data, last)
    assert rest is not None, "it matches nothing, too"
    return Piece(node, start, rest.end(), text.data[start : rest.end()].decode() + _BODY)


def _expression(text: Text, node: ast.expr, names: list[ast.Name], word: str) -> Piece:
    start, end = text.start(node), text.end(node)
    parts: list[bytes] = []
    reads: dict[str, ast.Name] = {}
    done = start
    for name in names:
        first, last = text.start(name), text.end(name)
        # Before Python 3.12 the places in f-strings are not always right; such a name stays as it is.
        if first >= done and text.data[first:last].decode(errors="replace") == name.id:
            stand_in = f"{word}{len(reads)}_"
            reads[stand_in] = name
            parts += [text.data[done:first], stand_in.encode()]
            done = last
    return Piece(node, start, end, f"({b''.join([*parts, text.data[done:end]]).decode()})", reads)


def _unused(text: Text) -> str:
    word = b"_dyn_read"
    while word in text.data:
        word = b"_" + word
    return word.decode()


_Place = tuple[int, int]


def _expressions(
    tree: ast.Module, reads: Collection[ast.Name], left_out: Collection[ast.expr]
) -> Iterator[tuple[ast.expr, list[ast.Name]]]:
    """Yield the expressions that belong to statements, not to expressions, with the names in them.

    Only what has names between its first and its last place is entered.
    """
    names = sorted(reads, key=_first)
    places = [_first(name) for name in names]
    pending: list[ast.AST] = [tree]
    while pending:
        for child in ast.iter_child_nodes(pending.pop()):
            if not hasattr(child, "lineno"):  # the arguments of a function, the items of a with statement, a case
                pending.append(child)
                continue
            first, last = bisect.bisect_left(places, _first(child)), bisect.bisect_left(places, _last(child))
            if first == last or child in left_out:
                continue
            if isinstance(child, ast.expr) and not isinstance(child, ast.Starred):  # which cannot be in parentheses
                yield child, names[first:last]
            else:
                pending.append(child)


def _first(node: ast.AST) -> _Place:
    """Return where a node begins, with its decorators."""
    decorators = getattr(node, "decorator_list", None)
    place: Any = decorators[0] if decorators else node
    return place.lineno, place.col_offset


def _last(node: ast.AST) -> _Place:
    return node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]

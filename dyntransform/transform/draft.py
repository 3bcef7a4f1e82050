"""Rewritten text in the making: the pieces of a file that have marks, as libcst writes them.

This is the one way from marks to rewritten text: `show` and `build` take all of it; the import hook and an edit take
it as the proof that the marks mean what they say, before they lower them on the tree.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import sys
from collections.abc import Iterator

from dyntransform.transform.check import difference_in_pieces
from dyntransform.transform.decide import Decisions, Options, decide
from dyntransform.transform.header import Header, has_header, make_header
from dyntransform.transform.pieces import Piece, Text, cut, depth, splice
from dyntransform.transform.stack import on_large_stack

__all__ = ["Draft", "decide_proven", "make_draft", "proven"]

_DEEPEST = 2_000
"""Expressions nested deeper are left as they are: libcst recurses for each level."""
_FRAMES = 20
"""So many frames of Python, and more, libcst and what we do with its trees need for a level; ten were measured."""


@dataclasses.dataclass(frozen=True)
class Draft:
    """The rewritten pieces of a file.

    Attributes:
        text: the file.
        pieces: its pieces that have marks.
        texts: what each was rewritten to.
        header: how the file reaches our names.
    """

    text: Text
    pieces: list[Piece]
    texts: list[str]
    header: Header

    def whole(self) -> str:
        """Return the rewritten file."""
        edits = [piece.edit(text) for piece, text in zip(self.pieces, self.texts, strict=True)]
        return splice(self.text, [*self.header.edits, *edits])


def make_draft(source: str, tree: ast.Module, decisions: Decisions) -> Draft | None:
    """Rewrite the pieces of a file that have marks; libcst is imported by the first there is.

    Args:
        source: text of the file.
        tree: its syntax.
        decisions: the marks on the tree.

    Returns:
        The pieces; None if there are none.

    Raises:
        ValueError: they cannot be rewritten; the message says why.
    """
    if not decisions.has_marks:
        return None
    text = Text(source)
    pieces = cut(text, tree, decisions)
    if not pieces:
        return None
    deepest = depth(pieces)
    if deepest > _DEEPEST:
        message = f"expressions are nested {deepest} deep"
        raise ValueError(message)
    header = make_header(text, tree, decisions)
    return Draft(text, pieces, _written(pieces, decisions, header, deepest), header)


def decide_proven(source: str, filename: str, tree: ast.Module, options: Options) -> Decisions:
    """Mark what must change in a module, as far as it can be written.

    Args:
        source: text of the file.
        filename: its name, for reasons.
        tree: its syntax, whose nodes carry the marks.
        options: what to rewrite.

    Returns:
        The marks, whose pieces were rewritten, and are what they were but for the marks; if they cannot be, none but
        the reason. Text that was rewritten before is not written again.
    """
    return proven(source, filename, tree, decide(source, filename, tree, options))


def proven(source: str, filename: str, tree: ast.Module, decisions: Decisions) -> Decisions:
    """Return the marks on a module as far as it can be written; see `decide_proven`."""
    if has_header(tree, source):
        return decisions
    try:
        draft = make_draft(source, tree, decisions)
    except ValueError as problem:
        return Decisions(reason=f"{filename}: left as it is: {problem}")
    if draft is None:
        return decisions
    found = difference_in_pieces(draft.pieces, draft.texts, decisions, draft.header.names)
    return Decisions(reason=f"{filename}: left as it is: {found}") if found else decisions


def _written(pieces: list[Piece], decisions: Decisions, header: Header, deepest: int) -> list[str]:
    """Have libcst rewrite the pieces, on a stack that is large enough for it wherever the program is."""
    try:
        # Here and not on the other thread, which would wait for this one for ever if it is importing libcst.
        from dyntransform.transform.concrete import write
    except (ImportError, AttributeError) as problem:  # it is not whole: it may be the project that is being imported
        message = f"libcst cannot be imported: {problem}"
        raise ValueError(message) from problem
    with _recursion(_FRAMES * (deepest + 10)):
        return on_large_stack(lambda: write(pieces, decisions, header.names))


@contextlib.contextmanager
def _recursion(needed: int) -> Iterator[None]:
    """Allow so many frames; the limit is that of all threads, so it is only changed where it has to be."""
    limit = sys.getrecursionlimit()
    if needed <= limit:
        yield
        return
    sys.setrecursionlimit(needed)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)

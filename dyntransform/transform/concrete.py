"""Write the marks into concrete syntax (libcst), which keeps every byte that it is not told to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import libcst as cst

from dyntransform.transform.decide import Decisions, Import, Source
from dyntransform.transform.pieces import Piece

__all__ = ["write"]


def write(pieces: Sequence[Piece], decisions: Decisions, names: Mapping[str, str]) -> list[str]:
    """Return the text of each piece with its marks rewritten.

    Args:
        pieces: parts of a file.
        decisions: the marks on its tree.
        names: what is written for our names.

    Raises:
        ValueError: libcst cannot read the pieces, or does not give one back unchanged.
    """
    try:
        module = cst.parse_module("".join(f"{piece.text}\n" for piece in pieces))
    except (cst.ParserSyntaxError, cst.CSTValidationError) as problem:
        raise ValueError(f"libcst cannot read it: {problem}") from problem
    if len(module.body) != len(pieces):
        message = f"libcst reads {len(module.body)} statements where there are {len(pieces)}"
        raise ValueError(message)
    writer = _Writer(module, decisions, names)
    return [writer.write(piece, statement) for piece, statement in zip(pieces, module.body, strict=True)]


_BETWEEN = cst.Semicolon(whitespace_after=cst.SimpleWhitespace(" "))


class _Ours(cst.Name):
    """An expression of ours, as text.

    The nodes of a call would be written the same, and take four times as long; an import does nothing as often. That it
    is what it should be is checked on what Python's parser makes of it.
    """

    def _validate(self) -> None:
        """It need not be an identifier."""


class _Writer:
    def __init__(self, module: cst.Module, decisions: Decisions, names: Mapping[str, str]) -> None:
        self._module = module
        self._decisions = decisions
        self._links: dict[object, list[Import]] = {}
        for link in decisions.links:
            self._links.setdefault(link.node, []).append(link)
        self._names = names

    def write(self, piece: Piece, statement: Any) -> str:
        """Return the text of a piece, rewritten, from the statement that it was read as."""
        if piece.node in self._links:
            body = self._import(statement.body[0], self._links[piece.node])
            text = self._text(statement.with_changes(body=body))
            same = text[: len(piece.text)]  # to generate it twice would cost more than all the rest
        else:
            same = self._text(statement)
            is_class = isinstance(statement, cst.ClassDef)
            reads = _Reads(self, piece, self._decisions.reads)
            text = self._text(self._class(statement) if is_class else statement.visit(reads))
        if same != piece.text:
            message = f"libcst does not give line {piece.line} back unchanged"
            raise ValueError(message)
        return text

    def _text(self, statement: Any) -> str:
        return self._module.code_for_node(statement).removesuffix("\n")

    def _class(self, node: cst.ClassDef) -> cst.ClassDef:
        base = _Ours(self._names["DynamicClass"])
        if node.bases:
            return node.with_changes(bases=[node.bases[0].with_changes(value=base)])
        return node.with_changes(bases=[cst.Arg(base)], lpar=cst.LeftParen(), rpar=cst.RightParen())

    def _import(self, node: Any, links: list[Import]) -> list[cst.BaseSmallStatement]:
        pairs = [(link.module, alias, attribute) for link in links for alias, (attribute, _) in link.lookups]
        body = [node.with_changes(semicolon=_BETWEEN)]
        for left, (module, alias, attribute) in zip(range(len(pairs) - 1, -1, -1), pairs, strict=True):
            name = alias.asname or alias.name
            call = self.lookup(((module, attribute),), name, '"')
            semicolon = _BETWEEN if left else cst.MaybeSentinel.DEFAULT
            body.append(cst.Assign([cst.AssignTarget(cst.Name(name))], call, semicolon))
        return body

    def lookup(self, sources: tuple[Source, ...], name: str, quote: str) -> cst.Name:
        """Return the call that looks a name up; its strings have the quotation mark `quote`."""
        (module, attribute), *more = sources
        arguments = [f"{quote}{module}{quote}", f"{quote}{attribute}{quote}", name]
        arguments += [f"{quote}{text}{quote}" for pair in more for text in pair]
        function = self._names["_dyn_lookup"].replace('"', quote)
        return _Ours(f"{function}({', '.join(arguments)})")


class _Reads(cst.CSTTransformer):
    """Put lookups in place of the words that stand for names."""

    def __init__(self, writer: _Writer, piece: Piece, sources: Mapping[Any, tuple[Source, ...]]) -> None:
        super().__init__()
        self._writer = writer
        self._piece = piece
        self._sources = sources
        self._quotes: list[str] = []
        self._verbatim = 0

    def visit_FormattedString(self, node: Any) -> None:
        self._quotes.append(node.start.lstrip("fFrR"))

    def leave_FormattedString(self, _original: Any, updated: Any) -> Any:
        self._quotes.pop()
        return updated

    def visit_FormattedStringExpression(self, node: Any) -> None:
        self._verbatim += node.equal is not None

    def leave_FormattedStringExpression(self, original: Any, updated: Any) -> Any:
        self._verbatim -= original.equal is not None
        return updated

    def visit_TemplatedString(self, node: Any) -> None:
        self._quotes.append(node.start.lstrip("tTrR"))

    def leave_TemplatedString(self, _original: Any, updated: Any) -> Any:
        self._quotes.pop()
        return updated

    def visit_TemplatedStringExpression(self, _node: Any) -> None:
        """Leave the expression as it is: a template has its text (PEP 750)."""
        self._verbatim += 1

    def leave_TemplatedStringExpression(self, _original: Any, updated: Any) -> Any:
        self._verbatim -= 1
        return updated

    def leave_Name(self, original: cst.Name, updated: cst.Name) -> Any:
        node = self._piece.reads.get(original.value)
        if node is None:
            return updated
        quote = self._quote()
        if self._verbatim or not quote:
            return updated.with_changes(value=node.id)
        call = self._writer.lookup(self._sources[node], node.id, quote)
        return call.with_changes(lpar=updated.lpar, rpar=updated.rpar)

    def _quote(self) -> str:
        """Return a quotation mark that ends none of the f-strings around; empty if there is none (before PEP 701)."""
        used = "".join(self._quotes)
        return next((quote for quote in "\"'" if quote not in used), "")

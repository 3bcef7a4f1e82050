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
    except cst.ParserSyntaxError as problem:
        raise ValueError(f"libcst cannot read it: {problem.message}") from problem
    if len(module.body) != len(pieces):
        message = f"libcst reads {len(module.body)} statements where there are {len(pieces)}"
        raise ValueError(message)
    writer = _Writer(decisions, names)
    texts = []
    for piece, statement in zip(pieces, module.body, strict=True):
        if module.code_for_node(statement) != f"{piece.text}\n":
            message = f"libcst does not give line {piece.line} back unchanged"
            raise ValueError(message)
        texts.append(module.code_for_node(writer.write(piece, statement)).removesuffix("\n"))
    return texts


class _Writer:
    def __init__(self, decisions: Decisions, names: Mapping[str, str]) -> None:
        self._decisions = decisions
        self._links: dict[object, list[Import]] = {}
        for link in decisions.links:
            self._links.setdefault(link.node, []).append(link)
        self._names = names
        self._functions: dict[str, cst.BaseExpression] = {}

    def write(self, piece: Piece, statement: Any) -> Any:
        """Rewrite the statement that a piece was read as."""
        if isinstance(statement, cst.ClassDef):
            return self._class(statement)
        if piece.node in self._links:
            return statement.with_changes(body=self._import(statement.body[0], self._links[piece.node]))
        return statement.visit(_Reads(self, piece, self._decisions.reads))

    def _class(self, node: cst.ClassDef) -> cst.ClassDef:
        base = cst.parse_expression(self._names["DynamicClass"])
        if node.bases:
            return node.with_changes(bases=[node.bases[0].with_changes(value=base)])
        return node.with_changes(bases=[cst.Arg(base)], lpar=cst.LeftParen(), rpar=cst.RightParen())

    def _import(self, node: cst.BaseSmallStatement, links: list[Import]) -> list[cst.BaseSmallStatement]:
        between = cst.Semicolon(whitespace_after=cst.SimpleWhitespace(" "))
        body = [node]
        for link in links:
            for alias, (attribute, _) in link.lookups:
                name = cst.Name(alias.asname or alias.name)
                body[-1] = body[-1].with_changes(semicolon=between)
                call = self.lookup(((link.module, attribute),), name, '"')
                body.append(cst.Assign([cst.AssignTarget(name)], call))
        return body

    def lookup(self, sources: tuple[Source, ...], name: cst.Name, quote: str) -> cst.Call:
        """Return the call that looks a name up; its strings have the quotation mark `quote`."""
        (first, *more) = ([cst.Arg(cst.SimpleString(f"{quote}{text}{quote}")) for text in pair] for pair in sources)
        arguments = [*first, cst.Arg(name), *(argument for pair in more for argument in pair)]
        return cst.Call(self._function(quote), arguments)

    def _function(self, quote: str) -> cst.BaseExpression:
        if quote not in self._functions:
            self._functions[quote] = cst.parse_expression(self._names["_dyn_lookup"].replace('"', quote))
        return self._functions[quote]


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
        self._quotes.append(node.start.lstrip("fFrRbBuUtT"))

    def leave_FormattedString(self, _original: Any, updated: Any) -> Any:
        self._quotes.pop()
        return updated

    def visit_FormattedStringExpression(self, node: Any) -> None:
        self._verbatim += node.equal is not None

    def leave_FormattedStringExpression(self, original: Any, updated: Any) -> Any:
        self._verbatim -= original.equal is not None
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
        call = self._writer.lookup(self._sources[node], cst.Name(node.id), quote)
        return call.with_changes(lpar=updated.lpar, rpar=updated.rpar)

    def _quote(self) -> str:
        """Return a quotation mark that ends none of the f-strings around; empty if there is none (before PEP 701)."""
        used = "".join(self._quotes)
        return next((quote for quote in "\"'" if quote not in used), "")

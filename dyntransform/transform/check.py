"""Prove that rewritten text is the original program: walk both trees in step; only the marks may differ."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping, Sequence

from dyntransform.transform.decide import Decisions, Import, Source
from dyntransform.transform.header import HEADER_MODULE, QUALIFIED
from dyntransform.transform.pieces import Piece
from dyntransform.transform.scopes import without_escapes

__all__ = ["difference", "difference_in_pieces"]


def difference(original: ast.Module, text: str, decisions: Decisions) -> str:
    """Compare rewritten text with the tree it was made from.

    Args:
        original: tree of the original source.
        text: the rewritten text.
        decisions: the marks on `original`.

    Returns:
        What differs besides our calls, bases and header, at the marks and nowhere else; empty if nothing does.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the original's tree was parsed with them
            rewritten = ast.parse(text)
            compile(text, "<rewritten>", "exec", dont_inherit=True)
    except SyntaxError as problem:
        return f"line {problem.lineno}: the rewritten text is not valid: {problem.msg}"
    try:
        _Walk(decisions, _take_header(rewritten)).compare(original, rewritten)
    except _DifferenceError as found:
        return str(found)
    return ""


def difference_in_pieces(
    pieces: Sequence[Piece], texts: Sequence[str], decisions: Decisions, names: Mapping[str, str]
) -> str:
    """Compare rewritten pieces with the nodes they were made from.

    It is for programs that run: no warning about their text is given again, and none is silenced.

    Args:
        pieces: parts of a file.
        texts: what each was rewritten to.
        decisions: the marks on the tree of the file.
        names: what is written for our names.

    Returns:
        What differs besides our calls and bases, at the marks and nowhere else; empty if nothing does.
    """
    walk = _PieceWalk(decisions, {name: bound for name, bound in names.items() if bound.isidentifier()})
    for piece, text in zip(pieces, texts, strict=True):
        try:
            walk.compare_piece(piece, text)
        except SyntaxError as problem:
            return f"line {piece.line}: the rewritten text is not valid: {problem.msg}"
        except _DifferenceError as found:
            return str(found)
    return ""


class _DifferenceError(Exception):
    """The trees differ."""

    def __init__(self, line: object, what: str) -> None:
        super().__init__(f"line {line}: {what}")


def _take_header(tree: ast.Module) -> dict[str, str]:
    """Remove our import from the tree; return the names it binds, by what they are."""
    for index, node in enumerate(tree.body):
        if isinstance(node, ast.ImportFrom) and node.module == HEADER_MODULE and node.level == 0:
            del tree.body[index]
            return {alias.name: alias.asname or alias.name for alias in node.names}
    return {}


class _Walk:
    def __init__(self, decisions: Decisions, header: dict[str, str]) -> None:
        self._reads = decisions.reads
        self._classes = set(decisions.classes)
        self._links: dict[ast.stmt, list[Import]] = {}
        for link in decisions.links:
            self._links.setdefault(link.node, []).append(link)
        self._header = header
        self._taken = set(header.values())
        self._lead = 0
        self._pending: list[tuple[ast.AST, ast.AST]] = []

    def compare(self, original: ast.AST, rewritten: ast.AST) -> None:
        self._pending.append((original, rewritten))
        self._rest()

    def _rest(self) -> None:
        while self._pending:
            self._nodes(*self._pending.pop())

    def _nodes(self, one: ast.AST, other: ast.AST) -> None:
        line = getattr(one, "lineno", "?")
        if isinstance(one, ast.Name) and one in self._reads and isinstance(other, ast.Call):
            if not self._is_lookup(other, self._reads[one], one.id):
                raise self._misplaced(one, other, self._lookup(self._reads[one], one.id))
            return
        if type(one) is not type(other):
            raise _DifferenceError(line, f"{type(one).__name__} became {type(other).__name__}")
        self._lines(one, other)
        for field in one._fields:
            self._field(one, other, field)

    def _lines(self, one: ast.AST, other: ast.AST) -> None:
        for edge in ("lineno", "end_lineno"):
            line = getattr(other, edge, None)
            moved = line + self._lead if line is not None else None
            if getattr(one, edge, None) != moved and not isinstance(one, ast.Module):
                raise _DifferenceError(getattr(one, "lineno", "?"), f"moved to line {moved}")

    def _field(self, one: ast.AST, other: ast.AST, field: str) -> None:
        if field == "bases" and one in self._classes:
            self._bases(one, other)  # type: ignore[arg-type]
        else:
            self._values(one, getattr(one, field, None), getattr(other, field, None))

    def _values(self, parent: ast.AST, one: object, other: object) -> None:
        line = getattr(parent, "lineno", "?")
        if isinstance(one, list) and isinstance(other, list):
            self._lists(line, one, other)
        elif isinstance(one, ast.AST) and isinstance(other, ast.AST):
            self._pending.append((one, other))
        elif type(one) is not type(other) or one != other:
            raise _DifferenceError(line, f"{one!r} became {other!r}")
        elif one in self._taken and not isinstance(parent, ast.Constant):
            raise _DifferenceError(line, f"the program itself uses the name {one}")

    def _lists(self, line: object, one: list[object], other: list[object]) -> None:
        rest = iter(other)
        for node in one:
            match = next(rest, None)
            self._values(ast.Load(), node, match)
            for link in self._links.get(node, ()):  # type: ignore[call-overload]  # only statements have links
                self._link(link, rest)
        if next(rest, None) is not None:
            raise _DifferenceError(line, "there is more than before")

    def _link(self, link: Import, rest: object) -> None:
        for alias, (attribute, name) in link.lookups:
            node = next(rest, None)  # type: ignore[call-overload]
            if not isinstance(node, ast.Assign):
                raise _DifferenceError(alias.lineno, f"{name} has no live binding")
            bound = alias.asname or alias.name
            sources = ((link.module, attribute),)
            match node:
                case ast.Assign([ast.Name(target)], value) if target == bound and self._is_lookup(
                    value, sources, bound
                ):
                    continue
            raise self._misplaced(alias, node, f"{bound} = {self._lookup(sources, bound)}")

    def _bases(self, one: ast.ClassDef, other: ast.ClassDef) -> None:
        if len(other.bases) != 1:
            raise _DifferenceError(one.lineno, f"class {one.name} has no base of ours")
        if not self._is_ours(other.bases[0], "DynamicClass"):
            raise self._misplaced(one, other.bases[0], self._ours("DynamicClass"))

    def _is_lookup(self, node: ast.expr, sources: tuple[Source, ...], name: str) -> bool:
        (first, *more) = sources
        expected = [*first, None, *(text for pair in more for text in pair)]
        if not (isinstance(node, ast.Call) and self._is_ours(node.func, "_dyn_lookup") and not node.keywords):
            return False
        found = [each.value if isinstance(each, ast.Constant) else None for each in node.args]
        return found == expected and isinstance(node.args[2], ast.Name) and node.args[2].id == name

    def _is_ours(self, node: ast.expr, name: str) -> bool:
        bound = self._header.get(name)
        if bound is not None:
            return isinstance(node, ast.Name) and node.id == bound
        return ast.unparse(node) == self._ours(name)

    def _lookup(self, sources: tuple[Source, ...], name: str) -> str:
        (module, attribute), *more = sources
        arguments = [repr(module), repr(attribute), name, *(repr(text) for pair in more for text in pair)]
        return f"{self._ours('_dyn_lookup')}({', '.join(arguments)})"

    def _ours(self, name: str) -> str:
        return self._header.get(name, QUALIFIED.replace('"', "'") + name)

    def _misplaced(self, at: ast.expr | ast.stmt | ast.alias, node: ast.AST, expected: str) -> _DifferenceError:
        return _DifferenceError(at.lineno, f"{ast.unparse(node)} stands where {expected} should")


class _PieceWalk(_Walk):
    """Walk the rewritten pieces of a file, each parsed by itself."""

    def __init__(self, decisions: Decisions, header: dict[str, str]) -> None:
        super().__init__(decisions, header)
        self._escaped = False

    def compare_piece(self, piece: Piece, text: str) -> None:
        """Compare a piece; its escapes are taken out, since the parser would warn about those that it does not know."""
        body = ast.parse(without_escapes(text)).body
        self._lead = piece.line - 1
        self._escaped = "\\" in text
        node = piece.node
        if isinstance(node, ast.expr) and len(body) == 1 and isinstance(body[0], ast.Expr):
            self.compare(node, body[0].value)
        elif isinstance(node, ast.ClassDef) and len(body) == 1 and isinstance(body[0], ast.ClassDef):
            for field in ("name", "type_params", "bases", "keywords"):
                self._field(node, body[0], field)
            self._rest()
        else:
            self._lists(piece.line, [node], list(body))
            self._rest()

    def _values(self, parent: ast.AST, one: object, other: object) -> None:
        """Compare; strings without their escapes are not what they were: libcst gave them back unchanged."""
        if not (self._escaped and isinstance(one, (str, bytes)) and isinstance(parent, ast.Constant)):
            super()._values(parent, one, other)

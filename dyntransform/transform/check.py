"""Prove that rewritten text is the original program: walk both trees in step; only the marks may differ."""

from __future__ import annotations

import ast
import warnings

from dyntransform.transform.decide import Decisions, Import

__all__ = ["HEADER_MODULE", "QUALIFIED", "difference"]

HEADER_MODULE = "dyntransform.runtime"
"""What the header imports from."""
QUALIFIED = f'__import__("{HEADER_MODULE}").runtime.'
"""What stands before our names in files that have no line for the header."""


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
        for link in decisions.written_links:
            self._links.setdefault(link.node, []).append(link)
        self._header = header
        self._taken = set(header.values())
        self._pending: list[tuple[ast.AST, ast.AST]] = []

    def compare(self, original: ast.AST, rewritten: ast.AST) -> None:
        self._pending.append((original, rewritten))
        while self._pending:
            self._nodes(*self._pending.pop())

    def _nodes(self, one: ast.AST, other: ast.AST) -> None:
        line = getattr(one, "lineno", "?")
        if isinstance(one, ast.Name) and one in self._reads and isinstance(other, ast.Call):
            self._same_text(one, other, self._lookup(self._reads[one], one.id))
            return
        if type(one) is not type(other):
            raise _DifferenceError(line, f"{type(one).__name__} became {type(other).__name__}")
        for edge in ("lineno", "end_lineno"):
            if getattr(one, edge, None) != getattr(other, edge, None) and not isinstance(one, ast.Module):
                raise _DifferenceError(line, f"moved to line {getattr(other, edge, '?')}")
        for field in one._fields:
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
        for alias, (attribute, name) in zip(link.aliases, link.names, strict=True):
            if attribute != "*":
                node = next(rest, None)  # type: ignore[call-overload]
                bound = alias.asname or alias.name
                lookup = self._lookup(((link.module, attribute),), bound)
                if not isinstance(node, ast.Assign):
                    raise _DifferenceError(alias.lineno, f"{name} has no live binding")
                self._same_text(alias, node, f"{bound} = {lookup}")

    def _bases(self, one: ast.ClassDef, other: ast.ClassDef) -> None:
        if len(other.bases) != 1:
            raise _DifferenceError(one.lineno, f"class {one.name} has no base of ours")
        self._same_text(one, other.bases[0], self._ours("DynamicClass"))

    def _lookup(self, sources: tuple[tuple[str, str], ...], name: str) -> str:
        (module, attribute), *more = sources
        arguments = [repr(module), repr(attribute), name, *(repr(text) for pair in more for text in pair)]
        return f"{self._ours('_dyn_lookup')}({', '.join(arguments)})"

    def _ours(self, name: str) -> str:
        return self._header.get(name, QUALIFIED.replace('"', "'") + name)

    def _same_text(self, at: ast.expr | ast.stmt | ast.alias, node: ast.expr | ast.stmt, expected: str) -> None:
        found = ast.unparse(node)
        if found != expected:
            raise _DifferenceError(at.lineno, f"{found} stands where {expected} should")

"""The readable form of a rewritten module: the same text, line for line, with lookups and bases written out."""

from __future__ import annotations

import ast
import dataclasses

from dyntransform.transform.check import difference
from dyntransform.transform.decide import Options, decide
from dyntransform.transform.draft import decide_proven, make_draft
from dyntransform.transform.header import has_header
from dyntransform.transform.lowering import lower
from dyntransform.transform.optout import MARK, opts_out
from dyntransform.transform.stack import on_large_stack

__all__ = ["Rewritten", "lowered", "rewrite"]


@dataclasses.dataclass(frozen=True)
class Rewritten:
    """A rewritten source file.

    Attributes:
        text: the new text; the old one if nothing had to be changed, or could not be.
        reason: why the file is left as it is, with its name; empty otherwise.
    """

    text: str
    reason: str = ""


def rewrite(source: str, filename: str, options: Options) -> Rewritten:
    """Rewrite a module so that names imported with ``from`` are late bound and classes have `DynamicClass`.

    Lines are never added, split or joined. The result is parsed and compared with the original before it is returned.

    Args:
        source: text of the module.
        filename: its name, for errors and reasons.
        options: what to rewrite.

    Raises:
        SyntaxError: the text is not valid Python.
    """
    try:
        return on_large_stack(lambda: _rewrite(source, filename, options))
    except (RecursionError, MemoryError):  # the parser's own stack ends in a MemoryError
        return Rewritten(source, f"{filename}: left as it is: it is nested too deeply")


def _rewrite(source: str, filename: str, options: Options) -> Rewritten:
    tree = ast.parse(source, filename)
    compile(source, filename, "exec", dont_inherit=True)  # what is wrong beyond the grammar
    if has_header(tree, source):
        return Rewritten(source)
    if _opts_out(source):
        return Rewritten(source, f"{filename}: left as it is: it says # {MARK}")
    decisions = decide(source, filename, tree, options)
    if decisions.reason:
        return Rewritten(source, decisions.reason)
    try:
        draft = make_draft(source, tree, decisions)
    except ValueError as problem:
        return Rewritten(source, f"{filename}: left as it is: {problem}")
    if draft is None:
        return Rewritten(source)
    text = draft.whole()
    found = difference(tree, text, decisions)
    if found:
        return Rewritten(source, f"{filename}: left as it is: {found}")
    return Rewritten(text)


def lowered(source: str, filename: str, options: Options) -> str:
    """Return the code that the import hook compiles, as source; comments and formatting are lost.

    Args:
        source: text of the module.
        filename: its name, for errors.
        options: what to rewrite.

    Raises:
        SyntaxError: the text is not valid Python.
    """
    tree = ast.parse(source, filename)
    if not _opts_out(source):
        lower(tree, decide_proven(source, filename, tree, options))
    return ast.unparse(_Written().visit(tree)) + "\n"


class _Written(ast.NodeTransformer):
    """Write what the compiler is given, where source text cannot have it as it is.

    What is tested is taken out of the f-strings that `lower` makes, and the expressions in t-strings are those that are
    evaluated; to the program, their text stays what it was.
    """

    def visit_Interpolation(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        node.str = None  # type: ignore[attr-defined]  # Python 3.14
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        match node.values:
            case [ast.IfExp() as only]:
                return only
        return node


def _opts_out(source: str) -> bool:
    return MARK in source and opts_out(source.encode(errors="surrogatepass"))

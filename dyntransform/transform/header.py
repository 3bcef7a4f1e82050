"""The line by which readable text imports our names; it joins a line that is there, so that none is added."""

from __future__ import annotations

import ast
import dataclasses
import re

from dyntransform.transform.decide import Decisions
from dyntransform.transform.pieces import Edit, Text

__all__ = ["HEADER_MODULE", "QUALIFIED", "Header", "has_header", "make_header"]

HEADER_MODULE = "dyntransform.runtime"
"""What the header imports from."""
QUALIFIED = f'__import__("{HEADER_MODULE}").runtime.'
"""What stands before our names in files that have no line for the header."""


@dataclasses.dataclass(frozen=True)
class Header:
    """How a file reaches our names.

    Attributes:
        names: what is written for each of our names that the file needs.
        edits: what puts the header in; empty if the names are written in full.
    """

    names: dict[str, str]
    edits: list[Edit]


def make_header(text: Text, tree: ast.Module, decisions: Decisions) -> Header:
    """Return the header that a file needs for its marks.

    Args:
        text: the file.
        tree: its syntax.
        decisions: the marks on the tree.
    """
    needed = {
        "DynamicClass": bool(decisions.classes),
        "_dyn_lookup": bool(decisions.reads) or any(link.lookups for link in decisions.links),
    }
    names = {name: _unused(name, text.data) for name, is_needed in needed.items() if is_needed}
    imported = [name if name == bound else f"{name} as {bound}" for name, bound in names.items()]
    edit = _placed(text, tree, f"from {HEADER_MODULE} import {', '.join(imported)}")
    if edit is None:
        return Header({name: QUALIFIED + name for name in names}, [])
    return Header(names, [edit])


def has_header(tree: ast.Module, source: str) -> bool:
    """Whether a file is rewritten text already: it has the header, or names the runtime in full."""
    header = any(isinstance(node, ast.ImportFrom) and node.module == HEADER_MODULE for node in tree.body)
    return header or any(part in source for part in (QUALIFIED, QUALIFIED.replace('"', "'")))


def _unused(name: str, data: bytes) -> str:
    """Return the name, with underscores before it if the text has it already."""
    while name.encode() in data and re.search(rb"\b%b\b" % name.encode(), data):
        name = f"_{name}"
    return name


def _placed(text: Text, tree: ast.Module, header: str) -> Edit | None:
    """Put the header behind what must come first, before a statement, or on a blank line; None if there is no place."""
    last = None
    for index, node in enumerate(tree.body):
        if not _is_prologue(node, index):
            break
        last = node
    if last is not None:
        return Edit(text.end(last), text.end(last), f"; {header}")
    first = tree.body[0]
    if "body" not in first._fields and "cases" not in first._fields:
        return Edit(text.start(first), text.start(first), f"{header}; ")
    for number, line in enumerate(text.lines, 1):
        stripped = line.strip(b" \t\f\r\n")
        if stripped and not stripped.startswith(b"#"):
            break
        if number > 1 and not line.strip(b"\r\n"):
            return Edit(text.line_start(number), text.line_start(number), header)
    return None


def _is_prologue(node: ast.stmt, index: int) -> bool:
    """Whether the statement is the docstring or imports from __future__, which must come first."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return index == 0 and isinstance(node.value.value, (str, bytes))
    return isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.level == 0

"""The readable form of a rewritten module: the same text, line for line, with lookups and bases written out."""

from __future__ import annotations

import ast
import dataclasses
import sys
import threading
from collections.abc import Callable, Sequence

from dyntransform.transform.check import difference
from dyntransform.transform.decide import Decisions, Options, decide
from dyntransform.transform.lowering import lower

__all__ = ["Rewritten", "lowered", "rewrite"]

_ROUGH_DEPTH = 40
"""Trees deeper than this are parsed on a large stack: libcst recurses in C and does not check."""
_DEEPEST = 2_000
_STACK_BYTES = 512 * 1024 * 1024


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
    tree = ast.parse(source, filename)
    decisions = decide(source, filename, tree, options)
    if decisions.reason:
        return Rewritten(source, decisions.reason)
    if not (decisions.reads or decisions.links or decisions.classes):
        return Rewritten(source)
    depth = _depth(tree)
    if depth > _DEEPEST:
        return Rewritten(source, f"{filename}: left as it is: expressions are nested {depth} deep")
    from dyntransform.transform.concrete import write

    try:
        text = _on_large_stack(lambda: write(source, decisions), depth)
    except (ValueError, RecursionError) as problem:
        return Rewritten(source, f"{filename}: left as it is: libcst cannot read it: {problem}")
    problem_found = difference(tree, text, decisions)
    if problem_found:
        return Rewritten(source, f"{filename}: left as it is: {problem_found}")
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
    decisions: Decisions = decide(source, filename, tree, options)
    lower(tree, decisions)
    return ast.unparse(tree) + "\n"


def _depth(tree: ast.AST) -> int:
    deepest = 0
    pending: list[tuple[ast.AST, int]] = [(tree, 1)]
    while pending:
        node, depth = pending.pop()
        deepest = max(deepest, depth)
        pending.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
    return deepest


def _on_large_stack(work: Callable[[], str], depth: int) -> str:
    if depth <= _ROUGH_DEPTH:
        return work()
    outcome: list[str] = []
    problems: list[BaseException] = []

    def run() -> None:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, 40 * depth + 1_000))
        try:
            outcome.append(work())
        except BaseException as problem:  # noqa: BLE001 - raised again by the caller
            problems.append(problem)
        finally:
            sys.setrecursionlimit(limit)

    before = threading.stack_size(_STACK_BYTES)
    try:
        thread = threading.Thread(target=run, name="dyntransform-rewrite")
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    _raise_first(problems)
    return outcome[0]


def _raise_first(problems: Sequence[BaseException]) -> None:
    for problem in problems:
        raise problem

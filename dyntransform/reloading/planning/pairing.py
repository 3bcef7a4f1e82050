"""Compare two versions of a module or class body, statement by statement."""

from __future__ import annotations

import ast
import collections
import copy
import dataclasses
import functools
from collections.abc import Callable, Hashable, Sequence

from dyntransform.reloading.model.statement import Statement

__all__ = ["Kind", "Pair", "Pairing", "compare", "is_block", "is_definition"]


class Kind:
    """How a statement of the new version relates to the old one."""

    SAME = "same"
    """Equal but for place, spacing and comments: it is not executed."""
    DEFINITION = "definition"
    """A function or class that was there before, edited."""
    BLOCK = "block"
    """A compound statement in which only the insides of definitions were edited."""
    ANNOTATED = "annotated"
    """A module's variable that gets the same value, with another annotation: only that is evaluated."""
    EDITED = "edited"
    """Another statement that takes the place of one."""
    NEW = "new"
    """Nothing in the old version corresponds to it."""


@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """A statement of the new version and its counterpart in the old one."""

    new: Statement
    old: Statement | None
    kind: str

    @property
    def same_text(self) -> bool:
        """Whether only the place may differ."""
        return self.old is not None and self.new.same_text(self.old)


@dataclasses.dataclass(frozen=True)
class Pairing:
    """The outcome of a comparison.

    Attributes:
        pairs: one for each statement of the new version, in order.
        removed: statements of the old version that have no counterpart.
    """

    pairs: tuple[Pair, ...]
    removed: tuple[Statement, ...]

    @functools.cached_property
    def removed_names(self) -> frozenset[str]:
        """Names that the old version bound and the new one does not."""
        old = {name for statement in self._old for name in statement.usage.binds}
        new = {name for pair in self.pairs for name in pair.new.usage.binds}
        return frozenset(old - new)

    @property
    def _old(self) -> list[Statement]:
        return [*self.removed, *(pair.old for pair in self.pairs if pair.old is not None)]

    @property
    def unchanged(self) -> bool:
        """Whether nothing but places, spacing and comments differ."""
        return not self.removed and all(pair.kind == Kind.SAME for pair in self.pairs)


def compare(old: Sequence[Statement], new: Sequence[Statement], *, in_class: bool = False) -> Pairing:
    """Pair the statements of two versions.

    Equal statements are paired wherever they are, then definitions by name and
    header, then by name, then blocks that differ only inside
    definitions, then the others by the names they bind. What decorators and the like
    make of a class depends on annotations: there, they are a part of the statement.
    """
    start = _count(old, new)
    end = _count(old[start:][::-1], new[start:][::-1])
    untouched = [
        *zip(new[:start], old[:start], strict=True),
        *zip(new[len(new) - end :], old[len(old) - end :], strict=True),
    ]
    pairs = {id(statement): Pair(statement, partner, Kind.SAME) for statement, partner in untouched}
    left = {id(statement): statement for statement in old[start : len(old) - end]}
    missing = {id(statement): statement for statement in new[start : len(new) - end]}
    rules: list[tuple[str, Callable[[Statement], Hashable | None]]] = [
        (Kind.SAME, lambda statement: statement.lines),
        (Kind.SAME, lambda statement: statement.key),
        (Kind.DEFINITION, _header_key),
        (Kind.DEFINITION, _definition_key),
        (Kind.BLOCK, _block_key),
        (Kind.ANNOTATED, lambda statement: None if in_class else _value_key(statement)),
        (Kind.EDITED, _binding_key),
    ]
    for kind, key in rules:
        if not missing or not left:
            break
        known: dict[Hashable, collections.deque[Statement]] = {}
        for statement in left.values():
            known.setdefault(key(statement), collections.deque()).append(statement)
        for statement in list(missing.values()):
            wanted = key(statement)
            partners = known.get(wanted) if wanted is not None else None
            if partners:
                partner = partners.popleft()
                del left[id(partner)], missing[id(statement)]
                pairs[id(statement)] = Pair(statement, partner, kind)
    everything = (pairs.get(id(statement)) or Pair(statement, None, Kind.NEW) for statement in new)
    return Pairing(tuple(everything), tuple(left.values()))


def _count(old: Sequence[Statement], new: Sequence[Statement]) -> int:
    """Count the statements at the beginning that have the same text."""
    count = 0
    for one, other in zip(old, new, strict=False):
        if not other.same_text(one):
            break
        count += 1
    return count


def is_definition(node: ast.stmt) -> bool:
    """Whether the statement defines a function or a class."""
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))


def is_block(node: ast.stmt) -> bool:
    """Whether the statement is a compound one that shares the scope it stands in: ``if``, ``for``, ``try``, ..."""
    return not is_definition(node) and ("body" in node._fields or "cases" in node._fields)


def _definition_key(statement: Statement) -> Hashable | None:
    if not statement.is_definition:
        return None
    return statement.kind is ast.ClassDef, statement.name


def _header_key(statement: Statement) -> Hashable | None:
    """Tell definitions of one name apart, as of overloads and handlers: by decorators and parameters."""
    node = statement.node
    if not is_definition(node):
        return None
    decorators = tuple(ast.dump(decorator) for decorator in node.decorator_list)  # type: ignore[attr-defined]
    if isinstance(node, ast.ClassDef):
        return True, node.name, decorators, tuple(map(ast.dump, node.bases))
    return False, node.name, decorators, ast.dump(node.args)  # type: ignore[attr-defined]


def _binding_key(statement: Statement) -> Hashable | None:
    if statement.is_definition:
        return None
    usage = statement.usage
    return statement.kind, usage.binds, usage.mutates


def _value_key(statement: Statement) -> Hashable | None:
    """Tell what gives a value to a name, whatever its annotation."""
    node = statement.node
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None or len(targets) != 1:
        return None
    return (targets[0].id, ast.dump(node.value)) if isinstance(targets[0], ast.Name) else None


def _block_key(statement: Statement) -> Hashable | None:
    if not statement.is_block:
        return None
    return ast.dump(_Hollow().visit(copy.deepcopy(statement.node)))


class _Hollow(ast.NodeTransformer):
    """Empty the functions and classes of a block."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.body = []
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        node.body = []
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.body = []
        return node

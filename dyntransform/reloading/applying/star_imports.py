"""Names that star imports bind: which of several imports of a name is in force, and what follows from an edit."""

from __future__ import annotations

import ast
import dataclasses
import functools
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dyntransform.reloading.live.transaction import MISSING
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.module_diff import ModuleEdit
from dyntransform.reloading.planning.pairing import is_definition
from dyntransform.runtime.names import absolute_name

if TYPE_CHECKING:
    from dyntransform.reloading.applying.bindings import Bindings

__all__ = ["has_star", "import_again", "refresh_stars", "star_names"]


def star_names(bindings: Bindings, module: ModuleEdit) -> dict[int, frozenset[str]]:
    """Return the names that star imports give, by position of the statement that they are, or stand in."""
    if not has_star(module):
        return {}
    names: dict[int, frozenset[str]] = {}
    for star in _stars(module, enumerate(pair.new for pair in module.pairing.pairs), bindings):
        names[star.index] = names.get(star.index, frozenset()) | star.names
    return names


def import_again(bindings: Bindings, module: ModuleEdit, index: int, name: str, *, quiet: bool) -> bool:
    """Bind a name to what an import statement would give it, and leave the other names of the statement alone.

    Args:
        bindings: the names that the edit changed.
        module: the importing module.
        index: position of the statement.
        name: the name.
        quiet: it only serves another statement, so it does not count as changed.

    Returns:
        Whether the value is known; else the statement has to be executed.
    """
    statement = module.pairing.pairs[index].new
    origin, value = _imported(bindings, module, statement, name)
    for star in _stars(module, [(index, statement)], bindings):
        if name in star.names:
            origin, value = star.origin, star.values[name]
    if origin is None:
        return False
    bindings.bind(module, name, value, index, quiet=quiet)
    return True


def refresh_stars(bindings: Bindings, module: ModuleEdit) -> None:
    """Give the names that star imports bind the values that a new process would give them.

    A name that the module rebound or deleted itself stays as it is.

    Args:
        bindings: the names that the edit changed.
        module: the importing module.
    """
    if not (module.state.has_star or has_star(module)):
        return
    stars = list(_stars(module, enumerate(pair.new for pair in module.pairing.pairs), bindings))
    former = list(_stars(module, enumerate(module.old_statements), bindings))
    if stars or former:
        _Stars(bindings, module, stars, former).refresh()


@dataclasses.dataclass(frozen=True)
class _Star:
    """A star import; what it offers, and what it offered before the edit."""

    index: int
    origin: str
    names: frozenset[str]
    former: frozenset[str]
    values: dict[str, Any]


class _Stars:
    def __init__(self, bindings: Bindings, module: ModuleEdit, stars: list[_Star], former: list[_Star]) -> None:
        self._bindings = bindings
        self._module = module
        self._stars = stars
        self._former = former

    def refresh(self) -> None:
        every = [*self._stars, *self._former]
        names = frozenset().union(*(star.names | star.former for star in every))
        mine = self._bindings.view(self._module.namespace)
        for name in sorted(names):
            held = mine.get(name, MISSING)
            origin, value = self._in_force(name)
            if origin is None and any((star.origin, name) in self._bindings.changed for star in self._stars):
                self._bindings.passed.setdefault(self._module.name, set()).add(name)
            if origin is None or held is value:
                continue
            if held is MISSING:
                removed = name in self._module.pairing.removed_names
                if removed or not any(name in star.former for star in self._former):
                    self._bindings.follow(self._module, name, held, value, origin)
            elif not any(_gave(star, name, held, self._bindings) for star in every):
                continue
            elif value is MISSING:
                self._bindings.remove(self._module, name)
            else:
                self._bindings.follow(self._module, name, held, value, origin)

    def _in_force(self, name: str) -> tuple[str | None, Any]:
        """Return where the name comes from at the end of the module, and its value; None if not from an import."""
        found: tuple[int, str | None, Any] = (-1, "", MISSING)
        for star in self._stars:
            if name in star.names and star.index > found[0]:
                found = star.index, star.origin, star.values[name]
        for index, statement in self._binders.get(name, ()):
            if index > found[0]:
                found = index, *_imported(self._bindings, self._module, statement, name)
        return found[1:]

    @functools.cached_property
    def _binders(self) -> dict[str, list[tuple[int, Statement]]]:
        binders: dict[str, list[tuple[int, Statement]]] = {}
        for index, pair in enumerate(self._module.pairing.pairs):
            for name in pair.new.usage.binds | pair.new.usage.self_dependent:
                binders.setdefault(name, []).append((index, pair.new))
        return binders


def has_star(module: ModuleEdit) -> bool:
    """Whether the new version of a module has a star import that makes live bindings."""
    if not module.edited:
        return module.state.has_star
    return any(("*", "*") in names for pair in module.pairing.pairs for _, _, names in pair.new.links)


def _imported(bindings: Bindings, module: ModuleEdit, statement: Statement, name: str) -> tuple[str | None, Any]:
    """Return where a statement imports a name from, and its value there; None if it does not, or there is none."""
    node = statement.node
    if isinstance(node, ast.ImportFrom):
        origin = _origin(node, module)
        provider = sys.modules.get(origin)
        for alias in node.names:
            if (alias.asname or alias.name) == name and isinstance(provider, ModuleType):
                value = bindings.view(vars(provider)).get(alias.name, MISSING)
                return (origin if value is not MISSING else None), value
    return None, MISSING


def _stars(module: ModuleEdit, statements: Iterable[tuple[int, Statement]], bindings: Bindings) -> Iterator[_Star]:
    for index, statement in statements:
        for node in _imports(statement.node):
            origin = _origin(node, module)
            provider = sys.modules.get(origin)
            if node.names[0].name == "*" and isinstance(provider, ModuleType):
                values = bindings.view(vars(provider))
                names = _public(values, values)
                star = _Star(index, origin, names, _former(origin, names, values, bindings), values)
                if node is statement.node or _has_run(star, module, bindings):
                    yield star


def _has_run(star: _Star, module: ModuleEdit, bindings: Bindings) -> bool:
    """Whether a star import in a block was executed: the module has values that it gives."""
    own = {name for one in module.old_statements for name in one.usage.binds}
    mine = bindings.view(module.namespace)
    names = star.former - own or star.former
    return any(_gave(star, name, mine[name], bindings) for name in names if name in mine)


def _gave(star: _Star, name: str, held: Any, bindings: Bindings) -> bool:
    """Whether a value is what a star import gave a name."""
    changed = bindings.changed.get((star.origin, name))
    if changed is not None and changed.held_by(held):
        return True
    return name in star.former and star.values.get(name, MISSING) is held


def _imports(node: ast.stmt) -> Iterator[ast.ImportFrom]:
    if isinstance(node, ast.ImportFrom):
        yield node
    elif not is_definition(node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                yield from _imports(child)  # type: ignore[arg-type]


def _origin(node: ast.ImportFrom, module: ModuleEdit) -> str:
    return absolute_name("." * node.level + (node.module or ""), module.namespace)


def _public(values: dict[str, Any], names: Iterable[str]) -> frozenset[str]:
    """Return the names that a star import takes (language reference, 7.11)."""
    listed = values.get("__all__", MISSING)
    if listed is not MISSING:
        return frozenset(name for name in listed if name in values)
    return frozenset(name for name in names if not name.startswith("_"))


def _former(origin: str, names: frozenset[str], values: dict[str, Any], bindings: Bindings) -> frozenset[str]:
    """Return the names that a star import took before the edit."""
    changed = bindings.of_module(origin)
    if not changed:
        return names
    before = dict(values)
    for name, one in changed.items():
        if one.old is MISSING:
            before.pop(name, None)
        else:
            before[name] = one.old
    return _public(before, before)

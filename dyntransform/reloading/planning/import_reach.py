"""Whether executing an import statement runs modules that an edit changes."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from dyntransform.importing.loader import DynLoader, DynSourcelessLoader
from dyntransform.reloading.model.reading import INVALID, read_source
from dyntransform.runtime.names import absolute_name
from dyntransform.transform.decide import Options

__all__ = ["ImportCheck", "imports", "sources"]


class ImportCheck:
    """Follow the imports of modules that are not loaded yet, without executing them.

    Args:
        edited: names of the modules that an edit changes.
    """

    def __init__(self, edited: set[str]) -> None:
        self._edited = edited
        self._known: dict[str, frozenset[str]] = {}

    def reaches_edit(self, statement: ast.stmt, namespace: dict[str, Any]) -> bool:
        """Whether the imports in a statement take something from an edited module, or load one that does."""
        return any(
            (names and module in self._edited) or self._needed_by(module, names)
            for module, names in imports(ast.walk(statement), namespace)
        )

    def needed(self, statement: ast.stmt, namespace: dict[str, Any]) -> set[str]:
        """Return the edited modules that have to be up to date when the imports in a statement run."""
        found = set[str]()
        for module, names in imports(_executed(statement), namespace):
            found |= self._edited & sources(module, names)
            found |= self._needed_by(module, names)
        return found

    def _needed_by(self, module: str, names: list[str]) -> frozenset[str]:
        """Return the edited modules that those import which an import executes."""
        parts = module.split(".")
        loaded = [".".join(parts[: end + 1]) for end in range(len(parts))]
        return frozenset().union(*map(self._new_module, [*loaded, *(f"{module}.{name}" for name in names)]))

    def _new_module(self, name: str) -> frozenset[str]:
        if name in sys.modules:
            return frozenset()
        if name not in self._known:
            self._known[name] = frozenset()  # a circle adds nothing
            self._known[name] = self._scan(name)
        return self._known[name]

    def _scan(self, name: str) -> frozenset[str]:
        parent = name.rpartition(".")[0]
        if parent and parent not in sys.modules:
            return frozenset()
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, AttributeError, ValueError):
            return frozenset()  # importing it will say why
        if spec is None or not isinstance(spec.loader, (DynLoader, DynSourcelessLoader)):
            return frozenset()
        try:
            source = read_source(spec.loader.get_data(spec.loader.path), spec.loader.path, Options())
        except (*INVALID, OSError):
            return frozenset()
        package = name if spec.submodule_search_locations is not None else parent
        return frozenset().union(*(self.needed(one.node, {"__package__": package}) for one in source.statements))


def imports(nodes: Iterable[ast.AST], namespace: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the modules that import statements import, and the names that they take from each.

    Args:
        nodes: these statements, among others.
        namespace: the globals of their module.
    """
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = absolute_name("." * node.level + (node.module or ""), namespace)
            yield module, [alias.name for alias in node.names]


def _executed(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the statements that run when a statement runs: not those in functions that it defines."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            pending += [
                child
                for child in ast.iter_child_nodes(node)
                if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case))
            ]


def sources(module: str, names: list[str]) -> set[str]:
    """Return the modules from which an import takes what it binds: submodules that are loaded, or the module."""
    inner = {name: f"{module}.{name}" for name in names}
    return {inner[name] if inner[name] in sys.modules else module for name in inner} or {module}

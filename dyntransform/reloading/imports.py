"""Whether executing an import statement runs modules that an edit changes."""

from __future__ import annotations

import ast
import importlib.util
import sys
from typing import Any

from dyntransform.importing.loader import DynLoader, DynSourcelessLoader
from dyntransform.reloading.source import INVALID, read_source
from dyntransform.runtime.names import absolute_name
from dyntransform.transform.decide import Options

__all__ = ["ImportCheck"]


class ImportCheck:
    """Follow the imports of modules that are not loaded yet, without executing them.

    Args:
        edited: names of the modules that an edit changes.
    """

    def __init__(self, edited: set[str]) -> None:
        self._edited = edited
        self._known: dict[str, bool] = {}

    def reaches_edit(self, statement: ast.stmt, namespace: dict[str, Any]) -> bool:
        """Whether the imports in a statement take something from an edited module, or load one that does."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                module = absolute_name("." * node.level + (node.module or ""), namespace)
                if module in self._edited:
                    return True
                names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
            else:
                continue
            if any(self._loads_edit(name) for name in names):
                return True
        return False

    def _loads_edit(self, name: str) -> bool:
        """Whether importing a module executes it, and that reaches an edited one."""
        parts = name.split(".")
        return any(self._new_module(".".join(parts[: end + 1])) for end in range(len(parts)))

    def _new_module(self, name: str) -> bool:
        if name in sys.modules:
            return False
        if name not in self._known:
            self._known[name] = False  # a circle adds nothing
            self._known[name] = self._scan(name)
        return self._known[name]

    def _scan(self, name: str) -> bool:
        parent = name.rpartition(".")[0]
        if parent and parent not in sys.modules:
            return False
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, AttributeError, ValueError):
            return False  # importing it will say why
        if spec is None or not isinstance(spec.loader, (DynLoader, DynSourcelessLoader)):
            return False
        try:
            source = read_source(spec.loader.get_data(spec.loader.path), spec.loader.path, Options())
        except (*INVALID, OSError):
            return False
        package = name if spec.submodule_search_locations is not None else parent
        return any(
            self.reaches_edit(node, {"__package__": package})
            or (isinstance(node, ast.Import) and any(alias.name in self._edited for alias in node.names))
            for node in (statement.node for statement in source.statements)
        )

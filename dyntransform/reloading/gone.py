"""Imports of names that the edit itself takes away."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping

from dyntransform.reloading.bindings import provides
from dyntransform.reloading.module_edit import ModuleEdit
from dyntransform.runtime.names import absolute_name

__all__ = ["check_imports"]


def check_imports(edits: Mapping[str, ModuleEdit]) -> None:
    """Refuse an edit whose own modules still import a name that it removes.

    Args:
        edits: the modules whose files changed, by name.

    Raises:
        ImportError: one of them does, as when it is imported by a new process.
    """
    gone = {
        (edit.name, name) for edit in edits.values() for name in edit.pairing.removed_names if not provides(edit, name)
    }
    for edit in edits.values() if gone else ():
        for pair in edit.pairing.pairs:
            node = pair.new.node
            if isinstance(node, ast.ImportFrom):
                module = absolute_name("." * node.level + (node.module or ""), edit.namespace)
                for alias in node.names:
                    if (module, alias.name) in gone and f"{module}.{alias.name}" not in sys.modules:
                        raise _error(alias.name, module, edit.path, node.lineno)


def _error(name: str, module: str, path: str, line: int) -> ImportError:
    file = getattr(sys.modules.get(module), "__file__", None)
    error = ImportError(f"cannot import name {name!r} from {module!r} ({file})", name=module, path=file)
    error.add_note(f'File "{path}", line {line}, still imports it')
    return error

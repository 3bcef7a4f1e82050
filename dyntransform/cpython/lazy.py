"""Lazy imports (PEP 810): a name that nothing has used yet holds what stands for the import.

Code of the program that reads such a name loads the module. What takes the value out of a namespace and keeps it in a
local variable, as the engine does, loads nothing.
"""

from __future__ import annotations

import ast
import types

__all__ = ["is_lazy", "is_unresolved"]

_UNRESOLVED: type | None = getattr(types, "LazyImportType", None)
"""The type of what stands for an import; None before Python 3.15."""


def is_unresolved(value: object) -> bool:
    """Whether a value stands for an import that was not needed yet."""
    return type(value) is _UNRESOLVED


def is_lazy(node: ast.AST) -> bool:
    """Whether an import statement is written as a lazy one."""
    return bool(getattr(node, "is_lazy", 0))

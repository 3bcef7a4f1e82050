"""Absolute names of modules in relative imports."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


__all__ = ["absolute_name"]


def absolute_name(module: str, namespace: Mapping[str, Any]) -> str:
    """Resolve a relative module name as the import statement does (PEP 328, PEP 366).

    Args:
        module: ``"pkg.mod"``, ``".mod"``, ``"..pkg"``, ...
        namespace: globals of the importing module.

    Returns:
        The absolute name; the name without its dots where the importer has no package.
    """
    name = module.lstrip(".")
    level = len(module) - len(name)
    if level == 0:
        return module
    package = namespace.get("__package__")
    if package is None:
        package = namespace.get("__name__", "")
        if "__path__" not in namespace:
            package = package.rpartition(".")[0]
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - level + 1])
    return f"{base}.{name}" if name and base else base or name

"""Members of live classes, by their qualified names."""

from __future__ import annotations

from typing import Any

__all__ = ["class_at"]


def class_at(namespace: dict[str, Any], qualname: str) -> type | None:
    """Return the class whose member has this qualified name."""
    *path, _ = qualname.split(".")
    if not path or "<locals>" in path:
        return None
    found: Any = namespace.get(path[0])
    for name in path[1:]:
        found = vars(found).get(name) if isinstance(found, type) else None
    return found if isinstance(found, type) else None

"""Find the class that a class statement made, when its name holds something else."""

from __future__ import annotations

from typing import Any

from dyntransform.reloading.live import heap
from dyntransform.reloading.model.statement import Statement

__all__ = ["live_class"]


_IMMUTABLE = 1 << 8
"""Py_TPFLAGS_IMMUTABLETYPE: no class statement makes such a type; it may have taken the place of one that does."""


def live_class(value: Any, module: str, statement: Statement, *, but: type | None = None) -> type | None:
    """Return the class that a class statement made.

    Args:
        value: what its name holds: the class, or what a decorator returned: a subclass, an instance, a function.
        module: name of the module.
        statement: the class statement.
        but: a class that is not meant.

    Returns:
        The class, or None if it cannot be found.
    """
    name = statement.name
    decorated = bool(statement.node.decorator_list)  # type: ignore[attr-defined]

    def is_meant(cls: Any) -> bool:
        if not isinstance(cls, type) or cls is but or cls.__flags__ & _IMMUTABLE:
            return False
        return cls.__qualname__.rpartition(".")[2] == name

    line = (value if isinstance(value, type) else type(value)).__mro__
    found = [cls for cls in line if is_meant(cls) and cls.__module__ == module]
    if found:
        return found[-1] if decorated else found[0]
    if isinstance(value, type) and is_meant(value):
        return value
    if not decorated or value is None:
        return None
    found = [one for one in heap.objects() if is_meant(one) and one.__module__ == module]
    return found[0] if len(found) == 1 else None

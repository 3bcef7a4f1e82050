"""Objects that others take the place of, and who takes the changes that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

__all__ = ["Changes", "Swaps"]


class Swaps:
    """Pairs of an object and what takes its place; both are kept alive."""

    def __init__(self, pairs: Iterable[tuple[Any, Any]] = ()) -> None:
        self._new: dict[int, Any] = {}
        self._found: dict[int, int] = {}
        self.olds: list[Any] = []
        for old, new in pairs:
            self.add(old, new)

    def __bool__(self) -> bool:
        return bool(self.olds)

    def __contains__(self, value: object) -> bool:
        return id(value) in self._new

    def add(self, old: Any, new: Any) -> None:
        """Have `new` take the place of `old`."""
        if id(old) not in self._new:
            self._new[id(old)] = new
            self.olds.append(old)

    def of(self, value: Any) -> Any:
        """Return what takes the place of a value found somewhere, or the value."""
        key = id(value)
        if key not in self._new:
            return value
        self._found[key] = self._found.get(key, 0) + 1
        return self._new[key]

    def found(self, old: Any) -> int:
        """Return how many references to an old object were found."""
        return self._found.get(id(old), 0)

    @property
    def own(self) -> set[int]:
        """The ids of the containers in which these pairs are kept."""
        return {id(self.olds), id(self._new)}


class Changes(Protocol):
    """What takes changes: a transaction, or what only looks at them."""

    def do(self, operation: Callable[[], Any], undo: Callable[[], Any]) -> None:
        """Make a change that has an inverse."""

    def set_attribute(self, target: Any, name: str, value: Any) -> None:
        """Set an attribute of a class or another object."""

    def own(self) -> set[int]:
        """Return the ids of what it keeps."""

"""What is rewritten in modules that are compiled or built ahead of time."""

from __future__ import annotations

import dataclasses

from dyntransform.importing.roots import Roots
from dyntransform.runtime.dynamic_class import BASE

__all__ = ["LateBound"]


@dataclasses.dataclass(frozen=True)
class LateBound:
    """Tells whether names imported from a top-level module are late bound.

    Attributes:
        names: top-level names in the tree that is built.
        roots: the project.
        all: whether they always are.
        dynamic_class: whether classes gain `DynamicClass`.
    """

    names: frozenset[str]
    roots: Roots
    all: bool
    dynamic_class: bool

    def __call__(self, name: str) -> bool:
        """Tell it for a module; for `BASE`, whether classes gain it."""
        if name == BASE:
            return self.dynamic_class
        return self.all or name in self.names or self.roots.is_project(name)

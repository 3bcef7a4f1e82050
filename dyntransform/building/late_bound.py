"""Which names are late bound in the modules of a built tree."""

from __future__ import annotations

import dataclasses

from dyntransform.importing.roots import Roots

__all__ = ["LateBound"]


@dataclasses.dataclass(frozen=True)
class LateBound:
    """Tells whether names imported from a top-level module are late bound.

    Attributes:
        names: top-level names in the tree that is built.
        roots: the project.
        all: whether they always are.
    """

    names: frozenset[str]
    roots: Roots
    all: bool

    def __call__(self, name: str) -> bool:
        """Tell it for a module."""
        return self.all or name in self.names or self.roots.is_project(name)

"""What other tools do to a syntax tree before it is lowered."""

from __future__ import annotations

import ast
from typing import Protocol

__all__ = ["Stage"]


class Stage(Protocol):
    """Changes the tree of a file in place before it is lowered, as pytest does with its assertions.

    It sees the original program, so what it shows to people is what they wrote. Statements that it does not replace
    must stay the same nodes, since our marks are on them.
    """

    @property
    def tag(self) -> str:
        """Letters and digits that tell its compiled files from those of others."""

    @property
    def key(self) -> str:
        """All that the outcome depends on besides the source: versions, options."""

    def __call__(self, tree: ast.Module, data: bytes, path: str) -> None:
        """Change the tree.

        Args:
            tree: a module.
            data: the source it was parsed from.
            path: name of the file.
        """

"""A class statement that an edit is about."""

from __future__ import annotations

import ast
import dataclasses

from dyntransform.reloading.model.report import Action
from dyntransform.reloading.planning.definitions import ClassEdit
from dyntransform.reloading.planning.module_diff import ModuleEdit
from dyntransform.reloading.session import Session

__all__ = ["ClassSite"]


@dataclasses.dataclass(frozen=True, eq=False)
class ClassSite:
    """Where a class statement stands, and how it changed.

    Attributes:
        session: the edit that is being applied.
        module: the module.
        index: position of the top-level statement.
        change: how the class statement changed.
        path: names from the module to the class.
    """

    session: Session
    module: ModuleEdit
    index: int
    change: ClassEdit
    path: tuple[str, ...]

    @property
    def node(self) -> ast.ClassDef:
        """The statement, in the new version."""
        node = self.change.new.node
        assert isinstance(node, ast.ClassDef)
        return node

    @property
    def name(self) -> str:
        """The name of the class, which private names take in."""
        return self.path[-1]

    @property
    def qualname(self) -> str:
        """Its qualified name."""
        return ".".join(self.path)

    @property
    def module_name(self) -> str:
        """The name of its module, as the module has it."""
        return str(self.module.namespace["__name__"])

    def inner(self, change: ClassEdit) -> ClassSite:
        """Return the site of a class in the body."""
        return dataclasses.replace(self, change=change, path=(*self.path, change.new.name))

    def note(self, action: Action, note: str = "") -> None:
        """Write to the report."""
        self.session.note(self.module, self.qualname, action, self.change.new.first_line, note, again=bool(note))

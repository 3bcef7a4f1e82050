"""What the rooms of one edit share: they import this, and not the edit that carries it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any, Protocol

from dyntransform.reloading.live.transaction import Transaction
from dyntransform.reloading.model.report import Action
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.definitions import FunctionEdit
from dyntransform.reloading.planning.module_diff import ModuleEdit
from dyntransform.reloading.project.module import ModuleState

__all__ = ["Session"]


class Session(Protocol):
    """An edit that is being applied.

    Attributes:
        transaction: takes all changes.
        edits: the modules that it has reached, by name.
        outdated: classes that have to be made again although their statements did not change, by their `id`.
    """

    transaction: Transaction
    edits: dict[str, ModuleEdit]
    outdated: dict[int, type]

    @property
    def rebound(self) -> Mapping[tuple[str, str], Any]:
        """The names whose value the edit changed, by module and name."""

    @property
    def executed(self) -> list[str]:
        """Place and name of each statement that ran live."""

    # ------------------------------------------------------------------ the report

    def note(
        self, edit: ModuleEdit, name: str, action: Action, line: int | None, note: str = "", *, again: bool = False
    ) -> None:
        """Write to the report what was done to a definition; once, unless it is to be written again."""

    def let_go(self) -> None:
        """Forget what the edit replaced, once it is over: who holds it still is not the engine then."""

    # ------------------------------------------------------------------ modules and names

    def is_project(self, module: str | None) -> bool:
        """Whether a module is project code."""

    def importers(self, modules: Iterable[str]) -> Iterable[ModuleState]:
        """Return the modules that import from one of these."""

    def late_importers(self, module: str, name: str) -> list[str]:
        """Return the modules whose functions import a name of a module when they are called."""

    def stale_names(self, edit: ModuleEdit, statement: Statement, index: int | None = None) -> frozenset[str]:
        """Return the names that a statement reads and whose value changed."""

    def bind(self, module: ModuleEdit, name: str, value: Any, index: int, *, quiet: bool = False) -> None:
        """Bind a name of a module, if the value is another."""

    # ------------------------------------------------------------------ statements, functions and classes

    def must_be_live(self, module: ModuleEdit, statements: Sequence[Statement]) -> bool:
        """Whether executing statements may run code, or give it values, that the edit changes."""

    def live(self, module: ModuleEdit, code: CodeType) -> list[FunctionType]:
        """Return the functions that ran some code when the edit began."""

    def lacks(self, function: object) -> bool:
        """Whether a function cannot take its new code."""

    def refresh_header(
        self, edit: ModuleEdit, change: FunctionEdit, code: CodeType, made: FunctionType, stale: frozenset[str]
    ) -> None:
        """Give the functions of a definition their new defaults and annotations."""

    def make_again(self, cls: type) -> None:
        """Have a class made again that has to be although its statement did not change."""

    def class_changed(self, cls: type, module: ModuleEdit, name: str, line: int) -> None:
        """Have the live instances of a class told that it changed."""

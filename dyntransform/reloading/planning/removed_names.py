"""Imports of names that an edit takes away."""

from __future__ import annotations

import ast
import dataclasses
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dyntransform.reloading.model.statement import Statement
from dyntransform.runtime.names import absolute_name

if TYPE_CHECKING:
    from dyntransform.reloading.planning.module_diff import ModuleEdit

__all__ = ["StandingImport", "check_imports", "gives_on_demand", "provides", "standing_imports"]


@dataclasses.dataclass(frozen=True)
class StandingImport:
    """A from-import of a name that is gone, in a module or class body that was executed before.

    Attributes:
        statement: the top-level statement that it is, or stands in.
        scope: qualified name of the class that it binds the name in; empty for the module.
        name: what it binds.
        note: what follows, for the report.
    """

    statement: Statement
    scope: str
    name: str
    note: str

    @property
    def qualname(self) -> str:
        """The name with that of its class."""
        return f"{self.scope}.{self.name}" if self.scope else self.name


def standing_imports(
    statements: Iterable[Statement], namespace: Mapping[str, Any], provider: str, removed: Collection[str]
) -> Iterator[StandingImport]:
    """Find the imports of names that are gone.

    Args:
        statements: a module.
        namespace: its globals, or a part that tells its package.
        provider: absolute name of the module that had the names.
        removed: the names.
    """
    for statement in statements:
        if statement.is_definition and statement.kind is not ast.ClassDef:
            continue  # a function that declares the name global imports it when it is called
        for scope, module, names in statement.links:
            if absolute_name(module, namespace) != provider:
                continue
            note = f"still imported from {provider}: it keeps what it has"
            if not statement.is_block:  # others may have a way out
                note += ", and would fail at a restart"
            yield from (StandingImport(statement, scope, name, note) for one, name in names if one in removed)


def gives_on_demand(module: ModuleEdit) -> bool:
    """Whether the new version may give names that it does not bind (PEP 562)."""
    return any("__getattr__" in pair.new.usage.binds for pair in module.pairing.pairs)


def provides(module: ModuleEdit, name: str) -> bool:
    """Whether a name is a submodule, which importing put there: no statement of the module binds it."""
    submodule = sys.modules.get(f"{module.name}.{name}")
    return submodule is not None and module.namespace.get(name) is submodule


def check_imports(edits: Mapping[str, ModuleEdit]) -> None:
    """Refuse an edit whose own modules still import a name that it removes.

    Args:
        edits: the modules whose files changed, by name.

    Raises:
        ImportError: one of them does, as when it is imported by a new process.
    """
    gone = {
        (edit.name, name)
        for edit in edits.values()
        for name in edit.pairing.removed_names
        if not provides(edit, name) and not gives_on_demand(edit)
    }
    for edit in edits.values() if gone else ():
        for pair in edit.pairing.pairs:
            node = pair.new.node
            if isinstance(node, ast.ImportFrom):
                module = absolute_name("." * node.level + (node.module or ""), edit.namespace)
                for alias in node.names:
                    if (module, alias.name) in gone and f"{module}.{alias.name}" not in sys.modules:
                        raise _error(alias.name, module, edit.path, node.lineno)


def _error(name: str, module: str, path: str, line: int) -> ImportError:
    file = getattr(sys.modules.get(module), "__file__", None)
    error = ImportError(f"cannot import name {name!r} from {module!r} ({file})", name=module, path=file)
    error.add_note(f'File "{path}", line {line}, still imports it')
    return error

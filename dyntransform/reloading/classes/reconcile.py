"""Classes that another statement, or a block, makes anew: the live class takes them over."""

from __future__ import annotations

import ast

from dyntransform.reloading.classes.edit import ClassWork
from dyntransform.reloading.classes.site import ClassSite
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.definitions import class_edit, inner_definitions
from dyntransform.reloading.planning.module_diff import ModuleEdit
from dyntransform.reloading.planning.pairing import Pair
from dyntransform.reloading.session import Session

__all__ = ["succeed_class"]


def succeed_class(
    session: Session, module: ModuleEdit, index: int, pair: Pair, name: str, old: type, new: type
) -> type:
    """Return the class that a name is to have, of which a statement made a new version.

    Args:
        session: the edit that is being applied.
        module: the module.
        index: position of the statement.
        pair: the statement.
        name: the name.
        old: the class before.
        new: what the statement made.
    """
    if (old.__module__, old.__qualname__) != (new.__module__, new.__qualname__):
        return new
    before = [one for statement in module.old_statements for one in _class_statements(statement, name)]
    after = _class_statements(pair.new, name)
    if not before or not after:
        return new
    site = ClassSite(session, module, index, class_edit(before[-1], after[-1]), (name,))
    several = len(before) + len(after) > _ONE_EACH
    bodies = [part for one in (*before, *after) for part in one.body] if several else []
    return ClassWork(site, old).succeed(new, bodies)


_ONE_EACH = 2
"""A class statement in the old version and one in the new."""


def _class_statements(statement: Statement, name: str) -> list[Statement]:
    found = [statement] if statement.is_definition else inner_definitions(statement)
    return [one for one in found if one.kind is ast.ClassDef and one.name == name]

"""The rule by which classes gain `DynamicClass`; `compiled.classes` has it for code without source."""

from __future__ import annotations

import ast

from dyntransform.transform.blocks import bound, outside_functions

__all__ = ["gains_base", "is_plain", "rebinds_object"]


def gains_base(node: ast.ClassDef) -> bool:
    """Whether a class without bases that does not stand in a function gains the base.

    The others would show it: a decorator may make a second class, whose slots a base with a ``__dict__`` makes useless;
    classes without any attributes of their own are mixed with `Generic` and abstract ones, where a shared last base is
    in the way of an order; type parameters are the base `Generic`; what a function makes is often compared at once.
    """
    has_parameters = bool(getattr(node, "type_params", ()))
    return not node.decorator_list and not has_parameters and not _binds_slots(node)


def _binds_slots(node: ast.ClassDef) -> bool:
    """Whether a statement in the body of the class, or in its blocks, binds ``__slots__``."""
    return any("__slots__" in bound(statement) for statement in outside_functions(node.body, classes=False))


def is_plain(node: ast.ClassDef) -> bool:
    """Whether the class has no bases but `object`, and no keywords."""
    if node.keywords or len(node.bases) > 1:
        return False
    return not node.bases or (isinstance(node.bases[0], ast.Name) and node.bases[0].id == "object")


def rebinds_object(body: list[ast.stmt]) -> bool:
    """Whether a base `object` may be something else: a statement of the module or a class binds the name.

    Args:
        body: the statements of the module.
    """
    return any("object" in bound(statement) for statement in outside_functions(body))

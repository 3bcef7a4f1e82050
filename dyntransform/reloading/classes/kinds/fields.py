"""Fields of dataclasses and named tuples that an edit adds: what unchanged ones were, and values for live instances."""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Iterable
from typing import Any

from dyntransform.cpython.features import TYPED_DICTS_KNOW_THEIR_BASES
from dyntransform.reloading.classes.merge import is_slot
from dyntransform.reloading.live import heap
from dyntransform.reloading.live.become import replace_references
from dyntransform.reloading.live.derived import with_subclasses
from dyntransform.reloading.live.swaps import Swaps
from dyntransform.reloading.live.transaction import MISSING, Transaction

__all__ = ["dataclasses_below", "fill", "instances_of", "lengthen", "recovered", "typed_dicts_below"]


def instances_of(classes: Iterable[type]) -> list[Any]:
    """Return the live instances of exactly these classes."""
    wanted = {id(cls): cls for cls in classes}
    return [one for one in heap.referrers(*wanted.values()) if id(type(one)) in wanted]


def dataclasses_below(cls: type) -> list[type]:
    """Return the dataclasses derived from a class, bases first: their fields are those of then."""
    return [each for each in with_subclasses(cls) if each is not cls and "__dataclass_fields__" in vars(each)]


def typed_dicts_below(cls: Any, before: dict[str, Any]) -> list[type]:
    """Return the typed dicts that took in the keys of one.

    Args:
        cls: the typed dict, edited.
        before: its annotations before.
    """
    found = []
    for each in heap.instances(type(cls)):
        written = vars(each).get("__orig_bases__", ())
        if each is not cls and (cls in written or _took_in(each, before)):
            found.append(each)
    return found


def _took_in(cls: type, annotations: dict[str, Any]) -> bool:
    """Whether a typed dict has all those keys; until Python 3.11 it does not tell its bases."""
    if TYPED_DICTS_KNOW_THEIR_BASES or not annotations:
        return False
    own = cls.__annotations__
    return all(name in own and own[name] is value for name, value in annotations.items())


def recovered(cls: type, node: ast.stmt) -> Any:
    """Return what a statement of a dataclass body bound, which the decorator took away; MISSING if unknown.

    Args:
        cls: the live dataclass.
        node: the statement, unchanged since the class was made.
    """
    if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name) or node.value is None:
        return MISSING
    field = vars(cls).get("__dataclass_fields__", {}).get(node.target.id)
    if field is None or field._field_type is dataclasses._FIELD_CLASSVAR:  # type: ignore[attr-defined]
        return MISSING
    if not isinstance(node.value, ast.Call) or field.metadata is None:
        return MISSING if field.default is dataclasses.MISSING else field.default
    if field.default is not dataclasses.MISSING and not _is_field_call(node.value):
        return field.default
    given = {keyword.arg for keyword in node.value.keywords}
    options = {name: getattr(field, name) for name in ("init", "repr", "hash", "compare", "metadata")}
    for name in ("default", "default_factory"):
        if getattr(field, name) is not dataclasses.MISSING:
            options[name] = getattr(field, name)
    if "kw_only" in given:
        options["kw_only"] = field.kw_only
    return dataclasses.field(**options)


def _is_field_call(call: ast.Call) -> bool:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    return name == "field"


def fill(cls: type, before: Iterable[str], transaction: Transaction) -> list[str]:
    """Give live instances of a dataclass the fields that they were made without.

    Args:
        cls: the dataclass, edited.
        before: the fields that it had.
        transaction: takes the changes; it must be live.

    Returns:
        New fields that have no default: live instances have no value for them.
    """
    new = [field for field in dataclasses.fields(cls) if field.name not in set(before)]
    if not new:
        return []
    lacking: dict[str, None] = {}
    for instance in instances_of(with_subclasses(cls)):
        for field in new:
            if _has(instance, field.name):
                continue
            if field.default_factory is not dataclasses.MISSING:
                value = field.default_factory()
            elif field.default is not dataclasses.MISSING:
                value = field.default
            else:
                lacking[field.name] = None
                continue
            transaction.do(
                functools.partial(object.__setattr__, instance, field.name, value),
                functools.partial(object.__delattr__, instance, field.name),
            )
    return list(lacking)


def _has(instance: Any, name: str) -> bool:
    """Whether the instance itself has a value, as those that are made now do."""
    if name in getattr(instance, "__dict__", ()):
        return True
    for cls in type(instance).__mro__:
        slot = vars(cls).get(name)
        if is_slot(slot):
            try:
                slot.__get__(instance, type(instance))  # type: ignore[union-attr]
            except AttributeError:
                return False
            return True
    return False


def lengthen(cls: Any, before: tuple[str, ...], transaction: Transaction) -> int:
    """Put tuples with the fields of now in the place of live ones with those of before.

    Args:
        cls: the named tuple class, edited.
        before: the fields that it had.
        transaction: takes the changes; it must be live.

    Returns:
        How many tuples lack a field that has no default; they stay as they are.
    """
    if cls._fields == before:
        return 0
    swaps, left = Swaps(), 0
    for old in instances_of(with_subclasses(cls)):
        values = {**cls._field_defaults, **dict(zip(before, old, strict=False))}
        if len(old) != len(before) or any(name not in values for name in cls._fields):
            left += 1
            continue
        new = tuple.__new__(type(old), [values[name] for name in cls._fields])
        if hasattr(old, "__dict__"):
            new.__dict__.update(old.__dict__)
        swaps.add(old, new)
    if swaps:
        replace_references(swaps, transaction)
    return left

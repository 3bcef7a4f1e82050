"""A class made again from the new source, whose members the live class takes over.

What the new version binds or derives comes from the twin; what the program put on the live class from outside stays,
and so do the values of statements that did not change.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

from dyntransform.cpython.annotations import CLASS_ANNOTATIONS, evaluator
from dyntransform.cpython.features import DEFERRED_ANNOTATIONS
from dyntransform.reloading.classes.bases import can_be_set
from dyntransform.reloading.classes.kinds import enums, slots
from dyntransform.reloading.functions.annotations import forget, namespace_of
from dyntransform.reloading.live import heap
from dyntransform.reloading.live.become import replace_references
from dyntransform.reloading.live.swaps import Swaps
from dyntransform.reloading.live.transaction import MISSING, Transaction
from dyntransform.reloading.live.values import same_value
from dyntransform.reloading.live.wrappers import content_of, held_by

__all__ = ["Provenance", "adopt_cells", "can_have_metaclass", "fits", "keep", "merge", "retire"]

_OF_ONE_CLASS = frozenset(
    {
        "__abstractmethods__",
        "__dict__",
        "__module__",
        "__qualname__",
        "__slotnames__",
        "__static_attributes__",
        "__weakref__",
        "_abc_impl",
    }
)
"""Entries of a class namespace that belong to one class object, or are set by other means."""


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Where the members of a class come from.

    Attributes:
        old: members that the old body bound, or that what made the class set.
        new: members that the new body binds.
        kept: members whose live value stays.
        is_project: tells whether a module is project code.
        is_plain: no decorator or the like gives the class functions.
    """

    old: frozenset[str]
    new: frozenset[str]
    kept: frozenset[str]
    is_project: Callable[[str | None], bool]
    is_plain: bool

    def is_from_outside(self, name: str, value: Any) -> bool:
        """Whether the program put a member on the class that no version of its statement gives it."""
        if name in self.old or name in self.new or is_slot(value):
            return False
        if name == "__hash__" and value is None:
            return False
        if isinstance(value, FunctionType):
            return self.is_plain or (not is_generated(value) and self.is_project(value.__globals__.get("__name__")))
        return not (name.startswith("__") and name.endswith("__"))


def is_slot(value: object) -> bool:
    """Whether a member belongs to the layout of one class."""
    return isinstance(value, (MemberDescriptorType, GetSetDescriptorType, slots.SideSlot))


def is_generated(value: object) -> bool:
    """Whether a decorator made the function from text, as dataclasses and attrs do."""
    return isinstance(value, FunctionType) and value.__code__.co_filename.startswith("<")


# ------------------------------------------------------------------ whether the live class can stay


def fits(cls: type, twin: type) -> bool:
    """Whether instances of both are laid out alike."""
    return (
        cls.__basicsize__ == twin.__basicsize__
        and cls.__dictoffset__ == twin.__dictoffset__
        and cls.__weakrefoffset__ == twin.__weakrefoffset__
        and cls.__itemsize__ == twin.__itemsize__
        and slots.slot_names(cls) == slots.slot_names(twin)
    )


def can_have_metaclass(cls: type, metaclass: type) -> bool:
    """Whether the live class can have the metaclass of its twin."""
    return metaclass is type(cls) or can_be_set(cls, "__class__", type(cls), metaclass)


# ------------------------------------------------------------------ taking over


def merge(cls: type, twin: type, bases: tuple[type, ...], provenance: Provenance, transaction: Transaction) -> None:
    """Make the live class what its twin is.

    Args:
        cls: the live class; it can have the twin's metaclass.
        twin: the class made from the new source.
        bases: those of the twin, or those that come to the same, which the live class can have.
        provenance: tells what stays.
        transaction: takes the changes.
    """
    if type(cls) is not type(twin):
        _set_metaclass(cls, type(cls), type(twin), transaction)
    if cls.__bases__ != bases:
        transaction.do(
            functools.partial(type.__setattr__, cls, "__bases__", bases),
            functools.partial(type.__setattr__, cls, "__bases__", cls.__bases__),
        )
    live = vars(cls)
    skipped = _OF_ONE_CLASS | enums.bookkeeping(cls, twin)
    for name, value in list(vars(twin).items()):
        if name in skipped or name in provenance.kept or is_slot(value):
            continue
        known = live.get(name, MISSING)
        if same_value(known, value) or (is_generated(value) and provenance.is_from_outside(name, known)):
            continue
        adopt_cells(value, twin, cls)
        if name == _TYPE_PARAMETERS:
            _set_type_parameters(cls, value, transaction)
        else:
            transaction.set_attribute(cls, name, value)
    if DEFERRED_ANNOTATIONS and CLASS_ANNOTATIONS not in vars(twin):
        forget(namespace_of(cls), CLASS_ANNOTATIONS, transaction)  # which other threads may ask for until then
    for name, value in list(live.items()):
        if name in vars(twin) or name in skipped or is_slot(value) or name == CLASS_ANNOTATIONS:
            continue
        if name == _TYPE_PARAMETERS:
            _set_type_parameters(cls, (), transaction)
        elif not provenance.is_from_outside(name, value):
            transaction.delete_attribute(cls, name)


_TYPE_PARAMETERS = "__type_params__"


def _set_type_parameters(cls: Any, parameters: tuple[Any, ...], transaction: Transaction) -> None:
    """Set what CPython does not delete; a class without type parameters has none of them (PEP 695)."""
    transaction.do(
        functools.partial(type.__setattr__, cls, _TYPE_PARAMETERS, parameters),
        functools.partial(type.__setattr__, cls, _TYPE_PARAMETERS, cls.__type_params__),
    )


def _set_metaclass(cls: type, before: type, wanted: type, transaction: Transaction) -> None:
    """Subclasses have the metaclass of their base unless they have one of their own."""
    transaction.do(
        functools.partial(type.__setattr__, cls, "__class__", wanted),
        functools.partial(type.__setattr__, cls, "__class__", before),
    )
    subclasses: list[type] = type.__subclasses__(cls)
    for subclass in subclasses:
        if type(subclass) is before:
            _set_metaclass(subclass, before, wanted, transaction)


def adopt_cells(value: Any, twin: type, cls: type) -> None:
    """Let ``__class__``, the namespace of its body, and what a decorator closed over, mean the live class."""
    own = namespace_of(twin)
    pending = [value]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if id(current) in seen or current is None:
            continue
        seen.add(id(current))
        if isinstance(current, FunctionType):
            for cell in current.__closure__ or ():
                if content_of(cell) is twin:
                    cell.cell_contents = cls
                elif content_of(cell) is own:
                    cell.cell_contents = namespace_of(cls)
                elif isinstance(content_of(cell), FunctionType):
                    pending.append(content_of(cell))
            pending += [getattr(current, "__wrapped__", None), evaluator(current)]
        else:
            pending += held_by(current)


def keep(cls: type, twin: type, provenance: Provenance) -> None:
    """Give a class that takes the place of the live one what the program put there, and what did not change."""
    made = vars(twin)
    for name, value in list(vars(cls).items()):
        if name in _OF_ONE_CLASS or is_slot(value) or is_slot(made.get(name)):
            continue
        if name in provenance.kept or (name not in made and provenance.is_from_outside(name, value)):
            type.__setattr__(twin, name, value)


def retire(twin: type, cls: type, transaction: Transaction) -> None:
    """Let whatever the making of the twin left behind mean the live class."""
    for holder in heap.referrers(twin):
        if isinstance(holder, list) and any(entry is cls for entry in holder):
            before = list(holder)
            once = [entry for entry in before if entry is not twin]
            transaction.do(functools.partial(_refill, holder, once), functools.partial(_refill, holder, before))
    replace_references(Swaps([(twin, cls)]), transaction)


def _refill(holder: list[Any], content: list[Any]) -> None:
    holder[:] = content

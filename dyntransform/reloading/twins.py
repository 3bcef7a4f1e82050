"""A class made again from the new source, whose members the live class takes over, or which takes its place."""

from __future__ import annotations

import gc
from types import CellType, FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

from dyntransform.reloading import heap, slots
from dyntransform.reloading.transaction import Transaction

__all__ = ["adopt_cells", "fits", "is_generated", "is_slot", "replace", "retire"]


def fits(cls: type, twin: type) -> bool:
    """Whether the live class can take over everything of its twin."""
    return (
        type(cls) is type(twin)
        and cls.__basicsize__ == twin.__basicsize__
        and cls.__dictoffset__ == twin.__dictoffset__
        and cls.__itemsize__ == twin.__itemsize__
        and slots.slot_names(cls) == slots.slot_names(twin)
        and cls.__bases__ == twin.__bases__
    )


def is_slot(value: object) -> bool:
    """Whether a member belongs to the layout of one class."""
    return isinstance(value, (MemberDescriptorType, GetSetDescriptorType, slots.SideSlot))


def is_generated(value: object) -> bool:
    """Whether a decorator made the member from text, as dataclasses and attrs do."""
    return value is None or (isinstance(value, FunctionType) and value.__code__.co_filename.startswith("<"))


def adopt_cells(value: Any, twin: type, cls: type) -> None:
    """Let ``__class__``, and what a decorator closed over, mean the live class."""
    pending = [value]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if id(current) in seen or current is None:
            continue
        seen.add(id(current))
        if isinstance(current, FunctionType):
            for cell in current.__closure__ or ():
                if _content(cell) is twin:
                    cell.cell_contents = cls
                elif isinstance(_content(cell), FunctionType):
                    pending.append(_content(cell))
            pending.append(getattr(current, "__wrapped__", None))
        elif isinstance(current, (staticmethod, classmethod)):
            pending.append(current.__func__)
        elif isinstance(current, property):
            pending += [current.fget, current.fset, current.fdel]


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def retire(twin: type, cls: type) -> None:
    """Take the twin out of the registries that its making put it into; the live class stands there already."""
    for holder in heap.referrers(twin):
        if isinstance(holder, list):
            known = any(entry is cls for entry in holder)
            holder[:] = [cls if entry is twin else entry for entry in holder if not (known and entry is twin)]
        elif isinstance(holder, set):
            holder.discard(twin)
            holder.add(cls)
        elif isinstance(holder, dict) and holder is not vars(twin):
            for key, value in list(holder.items()):
                if value is twin:
                    holder[key] = cls
            if twin in holder:
                value = holder.pop(twin)
                holder.setdefault(cls, value)
    gc.collect(0)


def replace(cls: type, twin: type, transaction: Transaction) -> None:
    """Let the twin take the place of the class: live instances move to it as far as CPython allows."""
    for instance in heap.instances(cls):
        _move(instance, cls, twin, transaction)


def _move(instance: Any, cls: type, twin: type, transaction: Transaction) -> None:
    def move() -> None:
        try:
            object.__setattr__(instance, "__class__", twin)
        except TypeError:
            return

    transaction.do(move, lambda: object.__setattr__(instance, "__class__", cls) if type(instance) is twin else None)

"""Change the slots of a live class.

The layout of a class cannot change, so a slot that an edit adds is a descriptor that keeps the values beside the
instances, by identity: the class stays the same object, and instances old and new have the slot. A value is dropped
with its instance (``__del__``), and once more when its address is used again (``__new__``). A slot that is taken away
loses its descriptor. Documented limit: a value that refers to its own instance keeps both alive.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MemberDescriptorType
from typing import Any

from dyntransform.reloading.live import constructors
from dyntransform.reloading.live.transaction import Transaction

__all__ = ["SideSlot", "can_change", "change", "slot_names"]


class SideSlot:
    """A data descriptor that stands for a slot added to a live class."""

    def __init__(self, owner: type, name: str) -> None:
        self.__objclass__ = owner
        self.__name__ = name
        self._values: dict[int, Any] = {}

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        try:
            return self._values[id(instance)]
        except KeyError:
            raise self._missing(instance) from None

    def __set__(self, instance: Any, value: Any) -> None:
        self._values[id(instance)] = value

    def __delete__(self, instance: Any) -> None:
        if id(instance) not in self._values:
            raise self._missing(instance)
        del self._values[id(instance)]

    def discard(self, identity: int) -> None:
        """Drop the value of an instance that is gone."""
        self._values.pop(identity, None)

    def _missing(self, instance: Any) -> AttributeError:
        message = f"{type(instance).__name__!r} object has no attribute {self.__name__!r}"
        return AttributeError(message, name=self.__name__, obj=instance)


def slot_names(cls: type) -> list[str]:
    """Return the names of the slots that the class itself has, those beside its instances included."""
    return [name for name, value in vars(cls).items() if isinstance(value, (MemberDescriptorType, SideSlot))]


def can_change(cls: type, twin: type) -> bool:
    """Whether the classes differ in nothing but slots."""
    return (
        type(cls) is type(twin)
        and cls.__bases__ == twin.__bases__
        and cls.__itemsize__ == twin.__itemsize__
        and (cls.__dictoffset__ == 0) is (twin.__dictoffset__ == 0)
        and not (cls.__weakrefoffset__ == 0 and twin.__weakrefoffset__ != 0)
    )


def change(cls: type, twin: type, transaction: Transaction) -> None:
    """Give the class the slots of its twin."""
    old, new = slot_names(cls), slot_names(twin)
    for name in old:
        if name not in new:
            transaction.delete_attribute(cls, name)
    added = [name for name in new if name not in old]
    if "__slotnames__" in vars(cls):  # copyreg's cache
        transaction.delete_attribute(cls, "__slotnames__")
    if not added or cls.__dictoffset__ != 0:
        return
    for name in added:
        transaction.set_attribute(cls, name, SideSlot(cls, name))
    if not any(isinstance(value, SideSlot) for value in vars(cls).values()):
        transaction.set_attribute(cls, "__del__", _finalizer(cls))
        transaction.set_attribute(cls, "__new__", staticmethod(constructors.passing_on(cls, _forget_new)))


def _forget_new(new: Any) -> None:
    _forget(type(new), id(new))


def _forget(cls: type, identity: int) -> None:
    for base in cls.__mro__:
        for value in vars(base).values():
            if isinstance(value, SideSlot):
                value.discard(identity)


def _finalizer(cls: type) -> Callable[[Any], None]:
    before: Callable[[Any], None] | None = getattr(cls, "__del__", None)

    def __del__(self: Any) -> None:  # noqa: N807 - this is the one
        try:
            if before is not None:
                before(self)
        finally:
            _forget(type(self), id(self))

    return __del__

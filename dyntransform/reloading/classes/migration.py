"""Put a new class in the place of one whose layout cannot change: instances, subclasses and references move."""

from __future__ import annotations

import _abc
import abc
import collections
import enum
import functools
import types
import typing
import weakref
from collections.abc import Callable, Iterator
from types import MemberDescriptorType
from typing import Any

from dyntransform.reloading.classes.kinds.slots import SideSlot
from dyntransform.reloading.classes.merge import is_slot
from dyntransform.reloading.live import heap
from dyntransform.reloading.live.become import replace_references, replaceable
from dyntransform.reloading.live.swaps import Swaps
from dyntransform.reloading.live.transaction import Transaction

__all__ = ["Migration"]


class Migration:
    """Moves everything from old classes to new ones.

    Args:
        transaction: takes the changes; it must be live.

    Attributes:
        stayed: old classes, with the number of their instances that could not move.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._swaps = Swaps()
        self.stayed: list[tuple[str, int]] = []

    def replace(self, cls: type, twin: type) -> None:
        """Let `twin` take the place of `cls`."""
        self._classes(cls, twin)
        replace_references(self._swaps, self._transaction)
        for old in self._swaps.olds:
            self._instances(old, self._swaps.of(old))
        self._transaction.afterwards_do(functools.partial(_forget_caches))

    @property
    def replaced(self) -> list[weakref.ref[type]]:
        """The classes that should be gone after the edit."""
        return [weakref.ref(old) for old in self._swaps.olds]

    # ------------------------------------------------------------------ classes

    def _classes(self, cls: type, twin: type) -> None:
        self._swaps.add(cls, twin)
        if isinstance(cls, abc.ABCMeta) and isinstance(twin, abc.ABCMeta):
            for reference in _abc._get_dump(cls)[0]:
                registered = reference()
                if registered is not None:
                    twin.register(registered)
        subclasses: list[type] = type.__subclasses__(cls)
        for subclass in subclasses:
            if subclass is not twin and cls in subclass.__bases__:
                self._subclass(subclass)

    def _subclass(self, subclass: type) -> None:
        """Give a subclass its new bases; where that cannot be done, replace it as well."""
        old = subclass.__bases__
        bases = tuple(self._swaps.of(base) for base in old)
        metaclass = _metaclass(subclass, old, bases)
        steps = [("__class__", type(subclass), metaclass), ("__bases__", old, bases)]
        try:
            for name, before, after in steps:
                if before is not after:
                    self._transaction.do(
                        functools.partial(type.__setattr__, subclass, name, after),
                        functools.partial(type.__setattr__, subclass, name, before),
                    )
        except TypeError:
            self._classes(subclass, _clone(subclass, metaclass, bases))

    # ------------------------------------------------------------------ instances

    def _instances(self, cls: type, twin: type) -> None:
        """Move instances: the same objects if CPython allows it, else as copies if all their holders are known."""
        rest = Swaps()
        for instance in heap.instances(cls):
            if not self._reclass(instance, cls, twin):
                new = _counterpart(instance, cls, twin)
                if new is not None:
                    rest.add(instance, new)
                else:
                    self.stayed.append((cls.__qualname__, 1))
            del instance  # it would be one reference more
        if not rest:
            return
        movable = replaceable(rest)
        moving = Swaps((old, rest.of(old)) for old, can_move in zip(rest.olds, movable, strict=True) if can_move)
        replace_references(moving, self._transaction)
        if not all(movable):
            self.stayed.append((cls.__qualname__, movable.count(False)))

    def _reclass(self, instance: Any, cls: type, twin: type) -> bool:
        set_class = type.__setattr__ if isinstance(instance, type) else object.__setattr__
        try:
            set_class(instance, "__class__", twin)
        except TypeError:
            return False
        self._transaction.undo_by(functools.partial(_back, set_class, instance, cls, twin))
        return True


def _back(set_class: Callable[..., None], instance: Any, cls: type, twin: type) -> None:
    if type(instance) is twin:
        set_class(instance, "__class__", cls)


def _forget_caches() -> None:
    """`typing` keeps the classes that it was subscripted with."""
    for cleanup in typing._cleanups:  # type: ignore[attr-defined]
        cleanup()


# ------------------------------------------------------------------ a class anew, without what its statement does


def _metaclass(subclass: type, old: tuple[type, ...], new: tuple[type, ...]) -> type:
    """Return the metaclass with other bases: its own stays, one that it inherited is inherited anew."""
    own = type if type(subclass) is _most_derived(type, old) else type(subclass)
    return _most_derived(own, new)


def _most_derived(start: type, bases: tuple[type, ...]) -> type:
    winner = start
    for base in bases:
        if issubclass(type(base), winner):
            winner = type(base)
    return winner


def _clone(cls: type, metaclass: type, bases: tuple[type, ...]) -> type:
    """Make a class with the members of another; its statement, decorators and ``__init_subclass__`` do not run."""
    members = {name: value for name, value in vars(cls).items() if name not in _LAYOUT and not is_slot(value)}
    head: dict[str, Any] = {
        name: members.pop(name) for name in ("__slots__", "__module__", "__qualname__") if name in members
    }
    if metaclass is not type(cls) and metaclass not in (type, abc.ABCMeta):
        return types.new_class(cls.__name__, bases, {"metaclass": metaclass}, lambda body: body.update(head, **members))
    silenced = [base for base in _linearized(bases) if "__init_subclass__" in vars(base) and _is_heap_type(base)]
    hooks = [vars(base)["__init_subclass__"] for base in silenced]
    for base in silenced:
        type.__setattr__(base, "__init_subclass__", classmethod(_no_hook))
    try:
        clone: type = type.__new__(metaclass, cls.__name__, bases, head)
    finally:
        for base, hook in zip(silenced, hooks, strict=True):
            type.__setattr__(base, "__init_subclass__", hook)
    for name, value in members.items():
        type.__setattr__(clone, name, value)
    if isinstance(clone, abc.ABCMeta):
        _abc._abc_init(clone)
    return clone


_LAYOUT = ("__dict__", "__weakref__", "__abstractmethods__", "_abc_impl")


def _no_hook(cls: type, /, **keywords: Any) -> None:
    """Stand in for ``__init_subclass__``: the class is not new."""


def _linearized(bases: tuple[type, ...]) -> list[type]:
    return list({base: None for one in bases for base in one.__mro__})


def _is_heap_type(cls: type) -> bool:
    return bool(cls.__flags__ & _HEAP_TYPE)


_HEAP_TYPE = 1 << 9
"""Py_TPFLAGS_HEAPTYPE."""


# ------------------------------------------------------------------ an instance anew


def _counterpart(instance: Any, cls: type, twin: type) -> Any:
    """Return the object of the new class that takes the place of an instance; None if there can be none."""
    if isinstance(instance, enum.Enum):
        return twin._member_map_.get(instance._name_) if isinstance(twin, enum.EnumMeta) else None
    if isinstance(instance, type):
        return None
    abstract = twin.__dict__.get("__abstractmethods__")
    try:
        if abstract:
            twin.__abstractmethods__ = frozenset()  # type: ignore[attr-defined] # object.__new__ refuses abstract classes
        new = _blank(instance, twin)
        _copy_state(instance, cls, new)
    except (TypeError, AttributeError, ValueError):
        return None
    finally:
        if abstract:
            twin.__abstractmethods__ = abstract  # type: ignore[attr-defined]
    return new


def _blank(instance: Any, twin: type) -> Any:
    """Make an instance with the builtin content of another, without calling anything of the program."""
    base: Any = next(one for one in twin.__mro__ if not _is_heap_type(one))
    if issubclass(base, BaseException):
        arguments = instance.args if isinstance(instance, BaseException) else ()
        new = base.__new__(twin, *arguments)
        if isinstance(instance, BaseException):
            new.__traceback__, new.__context__ = instance.__traceback__, instance.__context__
            new.__cause__, new.__suppress_context__ = instance.__cause__, instance.__suppress_context__
        return new
    if base is object:
        return object.__new__(twin)
    if base in (int, float, complex, str, bytes, tuple, frozenset):
        return base.__new__(twin, instance) if isinstance(instance, base) else base.__new__(twin)
    new = base.__new__(twin)
    for kind, fill in _FILL:
        if isinstance(instance, kind) and isinstance(new, kind):
            fill(new, instance)
    return new


def _fill_dict(new: dict[Any, Any], old: dict[Any, Any]) -> None:
    kind = collections.OrderedDict if isinstance(new, collections.OrderedDict) else dict
    for key, value in dict.items(old):
        kind.__setitem__(new, key, value)
    if isinstance(new, collections.defaultdict) and isinstance(old, collections.defaultdict):
        new.default_factory = old.default_factory


_FILL: list[tuple[type, Callable[[Any, Any], None]]] = [
    (dict, _fill_dict),
    (list, list.extend),
    (set, set.update),
    (collections.deque, collections.deque.extend),
    (bytearray, bytearray.extend),
]


def _copy_state(old: Any, cls: type, new: Any) -> None:
    for name, value in _state(old, cls):
        member = _slot(type(new), name)
        if member is not None:
            member.__set__(new, value)
        elif hasattr(new, "__dict__"):
            new.__dict__[name] = value


def _state(old: Any, cls: type) -> Iterator[tuple[str, Any]]:
    yield from getattr(old, "__dict__", {}).items()
    for base in cls.__mro__:
        for name, member in vars(base).items():
            if _is_heap_type(base) and is_slot(member) and name not in ("__dict__", "__weakref__"):
                try:
                    yield name, member.__get__(old, cls)
                except AttributeError:  # an empty slot
                    continue


def _slot(cls: type, name: str) -> MemberDescriptorType | SideSlot | None:
    for base in cls.__mro__:
        member = vars(base).get(name)
        if isinstance(member, (MemberDescriptorType, SideSlot)):
            return member
    return None

"""Holders of objects, by kind: how to let one refer to another object."""

from __future__ import annotations

import collections
import functools
import gc
import operator
import types
import weakref
from collections.abc import Callable
from types import CellType, FrameType, FunctionType, GenericAlias, MemberDescriptorType, MethodType
from typing import Any

from dyntransform.cpython.annotations import ANNOTATE
from dyntransform.reloading.live import heap
from dyntransform.reloading.live.derived import with_subclasses
from dyntransform.reloading.live.frames import replace_in_frame
from dyntransform.reloading.live.swaps import Changes, Swaps

__all__ = ["replace_in"]

_US = __name__.partition(".")[0] + "."


def replace_in(holder: Any, swaps: Swaps, rebuilt: Swaps, changes: Changes) -> None:
    """Let one holder refer to what takes the place of old objects.

    Args:
        holder: anything that refers to an old object.
        swaps: the objects.
        rebuilt: takes holders that cannot be changed, with new ones; their own holders are to follow.
        changes: takes the changes.
    """
    if type(holder).__module__.startswith(_US):
        return
    for kind, replace in _IN_PLACE:
        if isinstance(holder, kind):
            replace(holder, swaps, changes)
            return
    make = _ANEW.get(type(holder))
    if make is not None:
        if not _is_of_a_class(holder, swaps):
            rebuilt.add(holder, make(holder, swaps))
    elif not isinstance(holder, (type, FrameType)):
        _in_instance(holder, swaps, changes)


def _is_of_a_class(holder: Any, swaps: Swaps) -> bool:
    """Whether a tuple holds the bases or the linearization of a class: those follow from its bases."""
    return type(holder) is tuple and any(
        holder is cls.__mro__ or holder is cls.__bases__
        for old in swaps.olds
        if isinstance(old, type)
        for cls in with_subclasses(old)
    )


# ------------------------------------------------------------------ holders that are changed


def _in_dict(holder: dict[Any, Any], swaps: Swaps, changes: Changes) -> None:
    if _is_subclass_table(holder):
        return
    owner = _class_of_namespace(holder)
    if owner is not None:
        for name, value in list(holder.items()):
            if value in swaps:
                changes.set_attribute(owner, name, swaps.of(value))
        return
    if any(key in swaps for key in holder):
        before = list(holder.items())
        after = [(swaps.of(key), swaps.of(value)) for key, value in before]
        changes.do(functools.partial(_refill, holder, after), functools.partial(_refill, holder, before))
        return
    for key, value in list(holder.items()):
        if value in swaps:
            changes.do(
                functools.partial(_set_item, holder, key, swaps.of(value)),
                functools.partial(_set_item, holder, key, value),
            )


def _set_item(holder: dict[Any, Any], key: Any, value: Any) -> None:
    kind = collections.OrderedDict if isinstance(holder, collections.OrderedDict) else dict
    kind.__setitem__(holder, key, value)


def _refill(holder: dict[Any, Any], items: list[tuple[Any, Any]]) -> None:
    kind = collections.OrderedDict if isinstance(holder, collections.OrderedDict) else dict
    kind.clear(holder)
    for key, value in items:
        kind.__setitem__(holder, key, value)


def _class_of_namespace(holder: dict[Any, Any]) -> type | None:
    """Return the class whose namespace this is: it must be changed through the class, which caches lookups."""
    if "__module__" not in holder or type(holder) is not dict:
        return None
    return next((owner for owner in heap.referrers(holder) if isinstance(owner, type) and _owns(owner, holder)), None)


def _owns(owner: type, namespace: dict[str, Any]) -> bool:
    mapping = vars(owner)
    return len(mapping) == len(namespace) and any(found is namespace for found in gc.get_referents(mapping))


def _in_sequence(holder: Any, swaps: Swaps, changes: Changes) -> None:
    for index, value in enumerate(list(holder)):
        if value in swaps:
            set_at = functools.partial(type(holder).__setitem__, holder, index)
            changes.do(functools.partial(set_at, swaps.of(value)), functools.partial(set_at, value))


def _in_set(holder: set[Any], swaps: Swaps, changes: Changes) -> None:
    for value in [value for value in holder if value in swaps]:
        new = swaps.of(value)
        changes.do(functools.partial(_exchange, holder, value, new), functools.partial(_exchange, holder, new, value))


def _exchange(holder: set[Any], old: Any, new: Any) -> None:
    set.discard(holder, old)
    set.add(holder, new)


def _in_cell(holder: CellType, swaps: Swaps, changes: Changes) -> None:
    old = holder.cell_contents
    if old in swaps:
        changes.do(
            functools.partial(setattr, holder, "cell_contents", swaps.of(old)),
            functools.partial(setattr, holder, "cell_contents", old),
        )


def _in_function(holder: FunctionType, swaps: Swaps, changes: Changes) -> None:
    defaults = holder.__defaults__
    if defaults in swaps:
        changes.set_attribute(holder, "__defaults__", swaps.of(defaults))
    for old in swaps.olds:
        if type(old) is tuple and _is_annotations(old, holder):
            new = swaps.of(old)
            changes.set_attribute(holder, "__annotations__", dict(zip(new[::2], new[1::2], strict=True)))


def _is_annotations(candidate: tuple[Any, ...], holder: FunctionType) -> bool:
    """Whether this tuple is how a function keeps its annotations, where they are values, until they are asked for."""
    if getattr(holder, ANNOTATE, None) is not None:
        return False
    names, values = candidate[::2], candidate[1::2]
    known = holder.__annotations__
    return names == tuple(known) and all(map(operator.is_, values, known.values()))


def _in_partial(holder: functools.partial[Any], swaps: Swaps, changes: Changes) -> None:
    if holder.func in swaps or holder.args in swaps:  # its keywords are a dict, seen for itself
        before = (holder.func, holder.args, holder.keywords, holder.__dict__ or None)
        after = (swaps.of(holder.func), swaps.of(holder.args), *before[2:])
        setstate = holder.__setstate__  # type: ignore[attr-defined]
        changes.do(functools.partial(setstate, after), functools.partial(setstate, before))


def _in_suspended(holder: Any, swaps: Swaps, changes: Changes) -> None:
    frame = getattr(holder, "gi_frame", None) or getattr(holder, "cr_frame", None) or getattr(holder, "ag_frame", None)
    if frame is not None:
        replace_in_frame(frame, swaps, changes)


def _in_instance(holder: Any, swaps: Swaps, changes: Changes) -> None:
    """Replace attribute values: in slots, and in a ``__dict__`` that only exists once it is asked for."""
    namespace = getattr(holder, "__dict__", None)
    if type(namespace) is dict:
        _in_dict(namespace, swaps, changes)
    for cls in type(holder).__mro__:
        for name, member in vars(cls).items():
            if isinstance(member, MemberDescriptorType) and name != "__dict__":
                _in_slot(holder, member, swaps, changes)


def _in_slot(holder: Any, member: MemberDescriptorType, swaps: Swaps, changes: Changes) -> None:
    try:
        value = member.__get__(holder)
        if value in swaps:
            member.__set__(holder, value)
    except (AttributeError, TypeError):  # an empty slot, or one that is read only
        return
    if value in swaps:
        changes.do(
            functools.partial(member.__set__, holder, swaps.of(value)),
            functools.partial(member.__set__, holder, value),
        )


_Replace = Callable[[Any, Swaps, Changes], None]
_IN_PLACE: list[tuple[Any, _Replace]] = [
    (dict, _in_dict),
    ((list, collections.deque), _in_sequence),
    (set, _in_set),
    (CellType, _in_cell),
    (FunctionType, _in_function),
    (functools.partial, _in_partial),
    ((types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType), _in_suspended),
]


# ------------------------------------------------------------------ holders that are made anew


def _tuple(holder: tuple[Any, ...], swaps: Swaps) -> Any:
    return tuple(map(swaps.of, holder))


def _frozenset(holder: frozenset[Any], swaps: Swaps) -> Any:
    return frozenset(map(swaps.of, holder))


def _method(holder: MethodType, swaps: Swaps) -> Any:
    return MethodType(swaps.of(holder.__func__), swaps.of(holder.__self__))


def _alias(holder: GenericAlias, swaps: Swaps) -> Any:
    """Its arguments are a tuple, which is made anew in the round before."""
    return GenericAlias(swaps.of(holder.__origin__), tuple(map(swaps.of, swaps.of(holder.__args__))))


def _union(holder: types.UnionType, swaps: Swaps) -> Any:
    return functools.reduce(operator.or_, map(swaps.of, swaps.of(holder.__args__)))


_ANEW: dict[type, Callable[[Any, Swaps], Any]] = {
    tuple: _tuple,
    frozenset: _frozenset,
    MethodType: _method,
    GenericAlias: _alias,
    types.UnionType: _union,
}


def _is_subclass_table(holder: dict[Any, Any]) -> bool:
    """Whether this is what ``__subclasses__()`` of some class reads: weak references by address."""
    return bool(holder) and all(
        type(one) is weakref.ref and type(key) is int and _is_address(key, one()) for key, one in holder.items()
    )


def _is_address(key: int, target: Any) -> bool:
    return target is None or key == id(target)

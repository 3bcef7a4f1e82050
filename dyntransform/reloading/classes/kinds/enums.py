"""Give a live Enum the members of a new version; members that stay keep their identity."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterator
from typing import Any

from dyntransform.reloading.live.swaps import Swaps
from dyntransform.reloading.live.transaction import MISSING, Transaction
from dyntransform.reloading.live.values import same_value

__all__ = ["bookkeeping", "merge"]

_TABLES = (
    "_member_names_",
    "_member_map_",
    "_value2member_map_",
    "_unhashable_values_",
    "_unhashable_values_map_",
    "_hashable_values_",
    "_flag_mask_",
    "_all_bits_",
    "_singles_mask_",
    "_inverted_",
)


def bookkeeping(cls: type, twin: type) -> set[str]:
    """Return the entries of an Enum's namespace that `merge` sets: its members and tables."""
    if not isinstance(cls, enum.EnumMeta):
        return set()
    return {*_TABLES, *cls._member_map_, *getattr(twin, "_member_map_", ())}


def merge(cls: Any, twin: Any, transaction: Transaction) -> Swaps:
    """Make the members of `cls` those of `twin`, keeping every live member that has its name, or its value, still.

    Args:
        cls: the live Enum.
        twin: the Enum made from the new source.
        transaction: takes the changes.

    Returns:
        Members of which CPython cannot change the value (IntEnum, StrEnum), with those that take their place, and
        members with another name.
    """
    swaps = Swaps()
    final: dict[int, Any] = {}
    for fresh, live in _partners(cls, twin):
        if live is not None and _can_have_value(cls, live, fresh):
            final[id(fresh)] = live
            if live._name_ != fresh._name_:
                swaps.add(live, live)  # it has another hash, by which dicts and sets keep it
            _bring_up_to_date(live, fresh, transaction)
            continue
        final[id(fresh)] = new = _adopt(fresh, cls, transaction)
        if live is not None:
            swaps.add(live, new)
    mapping = {name: final[id(fresh)] for name, fresh in twin._member_map_.items()}
    for name in [name for name in cls._member_map_ if name not in mapping and name in vars(cls)]:
        transaction.delete_attribute(cls, name)
    for name, member in mapping.items():
        if cls._member_map_.get(name) is not member or name not in vars(cls):
            _set_entry(cls, name, member, vars(twin).get(name, MISSING), transaction)
    _tables(cls, twin, mapping, final, transaction)
    return swaps


def _partners(cls: Any, twin: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each new member with the live one that it is: of that name, or renamed, or a combination of flags."""
    fresh = list({id(member): member for member in twin._member_map_.values()}.values())
    live = {member._name_: member for member in _all_members(cls) if cls._member_map_.get(member._name_) is member}
    wanted = {member._name_ for member in fresh}
    named_anew = [one for name, one in live.items() if name in wanted]
    free = [one for one in _all_members(cls) if not any(one is other for other in named_anew)]
    new: Any
    for new in fresh:
        named = live.get(new._name_)
        partner = (
            named if named is not None else next((one for one in free if same_value(one._value_, new._value_)), None)
        )
        free = [one for one in free if one is not partner]
        yield new, partner


def _all_members(cls: Any) -> list[Any]:
    """Return the members, and the combinations of flags that were asked for."""
    return list({id(one): one for one in (*cls._member_map_.values(), *cls._value2member_map_.values())}.values())


def _can_have_value(cls: Any, live: Any, fresh: Any) -> bool:
    return cls._member_type_ is object or same_value(live._value_, fresh._value_)


def _bring_up_to_date(live: Any, fresh: Any, transaction: Transaction) -> None:
    for name, value in vars(fresh).items():
        if name != "__objclass__" and vars(live).get(name, MISSING) is not value:
            _set(live, name, None if name == "_inverted_" else value, transaction)


def _set(member: Any, name: str, value: Any, transaction: Transaction) -> None:
    """Set an attribute, past what the members of an Enum forbid."""
    namespace = vars(member)
    old = namespace.get(name, MISSING)
    undo: Callable[[], Any] = functools.partial(namespace.pop, name, None)
    if old is not MISSING:
        undo = functools.partial(namespace.__setitem__, name, old)
    transaction.do(functools.partial(namespace.__setitem__, name, value), undo)


def _adopt(member: Any, cls: Any, transaction: Transaction) -> Any:
    """Make a member of the twin one of the live Enum."""
    twin = type(member)
    try:
        object.__setattr__(member, "__class__", cls)
    except TypeError:  # a subclass of int, until Python 3.11
        new = cls._member_type_.__new__(cls, member)
        vars(new).update(vars(member))
    else:
        new = member
        object.__setattr__(member, "__class__", twin)
        transaction.do(
            functools.partial(object.__setattr__, member, "__class__", cls),
            functools.partial(object.__setattr__, member, "__class__", twin),
        )
    _set(new, "__objclass__", cls, transaction)
    return new


def _set_entry(cls: Any, name: str, member: Any, entry: Any, transaction: Transaction) -> None:
    if entry is MISSING:
        return
    if isinstance(entry, enum.property):
        entry.member = member
        transaction.set_attribute(cls, name, entry)
    else:
        transaction.set_attribute(cls, name, member)


def _tables(cls: Any, twin: Any, mapping: dict[str, Any], final: dict[int, Any], transaction: Transaction) -> None:
    for table in _TABLES:
        value = vars(twin).get(table, MISSING)
        if value is MISSING:
            continue
        if table == "_member_map_":
            value = dict(mapping)
        elif table == "_value2member_map_":
            known = {key: final[id(member)] for key, member in value.items() if id(member) in final}
            value = {**_combinations(cls, twin, known, transaction), **known}
        transaction.set_attribute(cls, table, value)


def _combinations(cls: Any, twin: Any, known: dict[Any, Any], transaction: Transaction) -> dict[Any, Any]:
    """Return the combinations of flags that were asked for, as far as all their flags are still there."""
    found = {}
    if issubclass(cls, enum.Flag):
        for value, member in cls._value2member_map_.items():
            if value in known or member._name_ in cls._member_map_ or value & ~twin._flag_mask_:
                continue
            found[value] = member
            for name in ("_name_", "_inverted_"):
                _set(member, name, None if name == "_inverted_" else twin(value)._name_, transaction)
    return found

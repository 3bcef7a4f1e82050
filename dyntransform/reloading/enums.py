"""Give a live Enum the members of a new version; members that stay keep their identity."""

from __future__ import annotations

import enum
from typing import Any

from dyntransform.reloading.transaction import MISSING, Transaction

__all__ = ["is_bookkeeping", "merge"]

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


def is_bookkeeping(cls: type, name: str) -> bool:
    """Whether an entry of an Enum's namespace is one of its members or tables, which `merge` has set."""
    return isinstance(cls, enum.EnumMeta) and (name in _TABLES or name in cls._member_map_)


def merge(cls: Any, twin: Any, transaction: Transaction) -> None:
    """Make the members of `cls` those of `twin`, keeping every live member that has its name still.

    Args:
        cls: the live Enum.
        twin: the Enum made from the new source.
        transaction: takes the changes.
    """
    mapping: dict[str, Any] = {}
    for name, fresh in twin._member_map_.items():
        live = cls._member_map_.get(name)
        member = fresh if live is None or fresh.name != name else live
        if member is fresh and fresh.name != name:  # an alias
            member = mapping.get(fresh.name, fresh)
        mapping[name] = member
        if member is fresh:
            _adopt(member, cls, transaction)
        elif member is live:
            for attribute in ("_value_", "_sort_order_"):
                transaction.set_attribute(member, attribute, getattr(fresh, attribute))
            for attribute, value in vars(fresh).items():
                if attribute not in ("_value_", "_sort_order_", "__objclass__", "_name_"):
                    transaction.set_attribute(member, attribute, value)
    for name in [name for name in cls._member_map_ if name not in mapping]:
        if vars(cls).get(name, MISSING) is not MISSING:
            transaction.delete_attribute(cls, name)
    for name, member in mapping.items():
        if cls._member_map_.get(name) is not member or name not in vars(cls):
            entry = vars(twin).get(name, MISSING)
            if entry is not MISSING:
                transaction.set_attribute(cls, name, member if isinstance(entry, twin) else entry)
    _tables(cls, twin, mapping, transaction)


def _adopt(member: Any, cls: type, transaction: Transaction) -> None:
    twin = type(member)
    transaction.do(
        lambda: object.__setattr__(member, "__class__", cls), lambda: object.__setattr__(member, "__class__", twin)
    )
    transaction.set_attribute(member, "__objclass__", cls)


def _tables(cls: Any, twin: Any, mapping: dict[str, Any], transaction: Transaction) -> None:
    of_twin = {id(fresh): mapping[name] for name, fresh in twin._member_map_.items()}
    for table in _TABLES:
        value = vars(twin).get(table, MISSING)
        if value is MISSING:
            continue
        if table == "_member_map_":
            value = dict(mapping)
        elif table == "_value2member_map_":
            value = {key: of_twin.get(id(member), member) for key, member in value.items()}
        transaction.set_attribute(cls, table, value)

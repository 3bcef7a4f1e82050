"""Methods that are held, bound or not, when the statement of a class that made them makes something else."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from dyntransform.reloading.classes.body import Body
from dyntransform.reloading.classes.site import ClassSite
from dyntransform.reloading.functions.forwarding import made_from, succeed
from dyntransform.reloading.live import heap
from dyntransform.reloading.live.transaction import MISSING
from dyntransform.reloading.live.wrappers import held_by
from dyntransform.reloading.model.code_tree import walk
from dyntransform.reloading.planning.class_plan import BodyPlan
from dyntransform.reloading.planning.pairing import Pair

__all__ = ["serve_holders"]


def serve_holders(site: ClassSite, plan: BodyPlan, name: str, old: Any, new: Any) -> None:
    """Serve those who hold what a method statement made before, bound or not.

    Args:
        site: the class statement.
        plan: what the edit does to its body.
        name: the member.
        old: what the class had.
        new: what the statement makes now.
    """
    codes = _codes(site, plan.pair_of(name)) if not plan.several else _codes_of_block(site)
    for before, after in _successors(old, new):
        if isinstance(before, FunctionType) and callable(after) and made_from(before, codes):
            succeed(before, after, site.session.transaction)
    if type(old) is not type(new) and not _is_value(new):
        for former in _held_as_methods(old):
            succeed(former, _as_method(new), site.session.transaction)


def _codes(site: ClassSite, pair: Pair | None) -> set[int]:
    """Return the code, by id, that what a method statement made before may run."""
    if pair is None or pair.old is None or not pair.old.is_definition:
        return set()
    body = Body(site)
    nodes = [body.old_node_of(pair.old), body.new_node_of(pair.new)]  # once the edit is live, they run the new one
    return {id(code) for node in nodes if node is not None for code in (node.code, *node.older)}


def _codes_of_block(site: ClassSite) -> set[int]:
    """Return the code, by id, that anything runs which the two versions of a block made."""
    old = site.module.pairing.pairs[site.index].old
    nodes = [*site.module.codes[site.index], *(site.module.old_codes[old] if old is not None else [])]
    return {id(code) for node in walk(nodes) for code in (node.code, *node.older)}


def _successors(old: Any, new: Any) -> Iterator[tuple[Any, Any]]:
    """Yield what is called through a member, and what has to be called from now on."""
    if type(old) is type(new):
        yield from zip(_parts(old), _parts(new), strict=True)
    elif isinstance(old, FunctionType) and not _is_value(new):
        yield old, _as_method(new)


def _is_value(member: Any) -> bool:
    """Whether an attribute is not called where it was as a method."""
    if isinstance(member, (type, property, functools.cached_property)):
        return True
    return not callable(member) and not hasattr(type(member), "__get__")


def _as_method(member: Any) -> FunctionType:
    """Return a function that, as a method, does what the member does, whatever that is bound to."""
    if isinstance(member, FunctionType):
        return member

    def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        bound = member.__get__(self, type(self)) if hasattr(type(member), "__get__") else member
        return bound(*args, **kwargs)

    call.__doc__ = member.__doc__
    call.__wrapped__ = member  # type: ignore[attr-defined]
    assert isinstance(call, FunctionType)
    return call


def _held_as_methods(member: Any) -> list[FunctionType]:
    """Return the functions that were methods and do what a member does since an earlier edit made that of them."""
    if isinstance(member, FunctionType) or member is MISSING:
        return []
    calls = [one for one in heap.wrappers(member) if type(one) is FunctionType and one.__code__ is _CALL]
    return [former for call in calls for former in heap.forwarders(call)]


_CALL = _as_method(staticmethod(len)).__code__
"""What all functions that stand for a member run."""


def _parts(member: Any) -> tuple[Any, ...]:
    return held_by(member) if isinstance(member, (staticmethod, classmethod, property)) else (member,)

"""Give a live class the bases of its new statement, where nothing but these is derived from them."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable

from dyntransform.reloading.classes.bases import possible_bases
from dyntransform.reloading.classes.body import Body
from dyntransform.reloading.classes.kinds import fields, slots
from dyntransform.reloading.classes.site import ClassSite
from dyntransform.reloading.model.report import Action

__all__ = ["rebase"]

_ORIGINAL = "__orig_bases__"


def rebase(site: ClassSite, cls: type) -> bool:
    """Assign the bases that the new statement of a class says; its body is not executed.

    Args:
        site: the statement, of which nothing but the bases changed that takes part in the making of the class.
        cls: the live class.

    Returns:
        Whether that is all there is to it; if not, nothing is changed, and the class has to be made again.
    """
    node, transaction = site.node, site.session.transaction
    if node.decorator_list or node.keywords or type(cls) is not type or slots.slot_names(cls):
        return False
    written = Body(site).bases()
    wanted = types.resolve_bases(written) or (object,)
    if not all(type(base) is type for base in wanted) or _takes_part([*wanted, *cls.__bases__]):
        return False
    bases = possible_bases(cls, wanted)
    if bases is None:
        return False
    before = cls.__bases__
    transaction.do(
        functools.partial(type.__setattr__, cls, "__bases__", bases),
        functools.partial(type.__setattr__, cls, "__bases__", before),
    )
    if wanted is not written and written:
        transaction.set_attribute(cls, _ORIGINAL, written)
    elif _ORIGINAL in vars(cls):
        transaction.delete_attribute(cls, _ORIGINAL)
    for below in fields.dataclasses_below(cls):
        site.session.make_again(below)
    site.note(Action.UPDATED, "other bases")
    return True


def _takes_part(bases: Iterable[type]) -> bool:
    """Whether one of the bases sees the classes that are made from it."""
    return any("__init_subclass__" in vars(each) for base in bases for each in base.__mro__[:-1])

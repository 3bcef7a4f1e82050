"""The ends of a module or class body: the compiler copies short ones to where it would jump to them."""

from __future__ import annotations

import itertools
from typing import Any

from bytecode import Instr, Label
from bytecode.instr import TryBegin

__all__ = ["AT_END", "is_return", "without_copied_exits"]


def is_return(instruction: Instr) -> bool:
    """Whether it ends the execution of the code without an exception."""
    return instruction.name in ("RETURN_VALUE", "RETURN_CONST")


def without_copied_exits(listing: list[Any], last: int) -> list[Any]:
    """Undo the copies of short last statements that the compiler puts where it would jump to them.

    Args:
        listing: instructions, labels and protected ranges.
        last: the return at the end of the main line.
    """
    listing = list(listing)
    places = [i for i, item in enumerate(listing) if isinstance(item, Instr) and is_return(item) and i != last]
    for place in reversed(places):
        length = _common_end(listing, place, last)
        first = last - length + 1
        label = listing[first - 1]
        if not isinstance(label, Label):
            label = Label()
            listing.insert(first, label)
            last += 1
            place += place >= first  # noqa: PLW2901 - it stands behind the label
        location = listing[place].location
        listing[place - length + 1 : place + 1] = [Instr("JUMP_FORWARD", label, location=location)]
        if place < last:
            last -= length - 1
    return _threaded(listing)


def _threaded(listing: list[Any]) -> list[Any]:
    """Let jumps to jumps go on to where these go, and leave out what nothing leads to any more."""
    onward: dict[Label, Label] = {}
    for one, other in itertools.pairwise(reversed(listing)):
        if isinstance(other, Label) and isinstance(one, Label):
            onward[other] = onward.get(one, one)
        elif isinstance(other, Label) and isinstance(one, Instr) and one.name == "JUMP_FORWARD":
            assert isinstance(one.arg, Label)
            onward[other] = onward.get(one.arg, one.arg)
    for item in listing:
        if isinstance(item, Instr) and isinstance(item.arg, Label):
            item.arg = onward.get(item.arg, item.arg)
    used = {item.arg for item in listing if isinstance(item, Instr) and isinstance(item.arg, Label)}
    used |= {item.target for item in listing if isinstance(item, TryBegin) and isinstance(item.target, Label)}
    found: list[Any] = []
    for item in listing:
        if isinstance(item, Label) and item not in used:
            continue
        before = found[-1] if found else None
        if isinstance(item, Instr) and item.name == "JUMP_FORWARD" and isinstance(before, Instr) and before.is_final():
            continue
        found.append(item)
    return found


def _common_end(listing: list[Any], one: int, other: int) -> int:
    """Count how many instructions before two returns, and these, are the same, at the same place in the source.

    A `with` drops what ``__exit__`` returned in two places that look like copies: nothing that is copied begins so.
    """
    length = ending = 0
    while one >= length and other >= length and (one < other - length or other < one - length):
        a, b = listing[one - length], listing[other - length]
        if not isinstance(a, Instr) or not isinstance(b, Instr) or (a.name, a.arg) != (b.name, b.arg):
            break
        if ending == length and _is_by_compiler(a, listing[one - length + 1] if length else None):
            ending += 1
        elif a.location != b.location or isinstance(a.arg, Label):
            break
        length += 1
    while (
        length > ending
        and not isinstance(listing[other - length], Label)
        and listing[other - length + 1].name == "POP_TOP"
    ):
        length -= 1
    return length


AT_END = ("__static_attributes__", "__classdictcell__", "__classcell__")
"""What the compiler adds at the end of a class body."""


def _is_by_compiler(instruction: Instr, following: Any) -> bool:
    """Whether an instruction at the end of a scope stands for nothing in the source; its place is that of another."""
    if instruction.name == "STORE_NAME":
        return instruction.arg in AT_END
    if instruction.name == "LOAD_CONST":
        return isinstance(following, Instr) and (is_return(following) or following.arg in AT_END)
    return is_return(instruction) or instruction.name in ("COPY", "LOAD_CLOSURE", "LOAD_FAST")

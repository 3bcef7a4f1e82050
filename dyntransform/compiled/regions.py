"""Parts of a code object in which names mean something else than around them."""

from __future__ import annotations

from collections.abc import Mapping

from dyntransform.compiled.instructions import Handler, Instruction, Listing

__all__ = ["hidden_names", "is_evaluated_late"]

_NOTHING: frozenset[str] = frozenset()
_MAKES_ALIAS = ("CALL_INTRINSIC_1", 11)
_MAKE_TYPE_PARAMETER = {("CALL_INTRINSIC_2", 2), ("CALL_INTRINSIC_2", 3), ("CALL_INTRINSIC_2", 5)}


def hidden_names(listing: Listing) -> Mapping[Instruction, frozenset[str]]:
    """Return which variables are those of a comprehension, for the instructions where some are.

    A comprehension that is inlined (PEP 709) saves the variables that it uses, and a handler of its own, which no
    statement could have, gives them back if there is an exception: what that handler covers is the comprehension.
    """
    restored = {handler.target: _restored(listing, handler.target) for handler in listing.handlers}
    if not any(restored.values()):
        return {}
    cover = _cover(listing)
    hidden = {}
    for instruction in listing.instructions:
        names, seen, handler = _NOTHING, set(), cover.get(instruction)
        while handler is not None and handler.target not in seen:
            seen.add(handler.target)
            names |= restored[handler.target]
            handler = cover.get(handler.target)
        if names:
            hidden[instruction] = names
    return hidden


def _restored(listing: Listing, start: Instruction) -> frozenset[str]:
    if start.name == "PUSH_EXC_INFO":
        return _NOTHING  # a handler of the program
    names = set()
    for instruction in listing.instructions[listing.instructions.index(start) :]:
        if instruction.name == "STORE_FAST":
            assert instruction.argument is not None
            names.add(listing.code.co_varnames[instruction.argument])
        elif instruction.name not in {"SWAP", "POP_TOP"}:
            return frozenset(names) if instruction.name == "RERAISE" else _NOTHING
    return _NOTHING


def _cover(listing: Listing) -> dict[Instruction, Handler]:
    """Return the handler of each instruction that has one; no two entries of the table overlap."""
    starts = {handler.start: handler for handler in listing.handlers}
    cover = {}
    current: Handler | None = None
    for instruction in listing.instructions:
        current = starts.get(instruction, current)
        if current is not None:
            cover[instruction] = current
            if instruction is current.last:
                current = None
    return cover


def is_evaluated_late(listing: Listing, index: int) -> bool:
    """Whether the code object loaded there is the value of a ``type`` statement or a type parameter's bound (PEP 695).

    Args:
        listing: the code object that makes a function of it.
        index: of the instruction that loads it.
    """
    after = [(one.name, one.argument) for one in listing.instructions[index + 1 : index + 5]]
    if not after or after[0][0] != "MAKE_FUNCTION":
        return False
    rest = after[2:] if after[1:2] and after[1][0] == "SET_FUNCTION_ATTRIBUTE" else after[1:]
    return rest[:1] != [] and (rest[0] in _MAKE_TYPE_PARAMETER or rest[:2] == [("BUILD_TUPLE", 3), _MAKES_ALIAS])

"""How high the stack is at each instruction."""

from __future__ import annotations

import dis

from dyntransform.compiled.instructions import Instruction, Listing
from dyntransform.cpython.opcodes import NEVER_JUMPS, RETURNS

__all__ = ["heights"]

_NO_NEXT = {
    "JUMP_BACKWARD",
    "JUMP_BACKWARD_NO_INTERRUPT",
    "JUMP_FORWARD",
    "RAISE_VARARGS",
    "RERAISE",
    *RETURNS,
}


def heights(listing: Listing) -> tuple[dict[Instruction, int], int]:
    """Follow all ways through a code object.

    Returns:
        The height before each instruction that can be reached, and the greatest height there is. What a generator is
        begun with is not counted.
    """
    following = dict(zip(listing.instructions, listing.instructions[1:], strict=False))
    before: dict[Instruction, int] = {}
    highest = 0
    pending = [(listing.instructions[0], 0)]
    pending += [(handler.target, handler.depth + handler.lasti + 1) for handler in listing.handlers]
    while pending:
        instruction, height = pending.pop()
        while instruction not in before:
            before[instruction] = height
            opcode, argument = dis.opmap[instruction.name], instruction.argument
            if instruction.target is not None and instruction.name not in NEVER_JUMPS:
                there = height + dis.stack_effect(opcode, argument, jump=True)
                pending.append((instruction.target, there))
                highest = max(highest, there)
            height += dis.stack_effect(opcode, argument, jump=False)
            highest = max(highest, height)
            if instruction.name in _NO_NEXT or instruction not in following:
                break
            instruction = following[instruction]
    return before, highest

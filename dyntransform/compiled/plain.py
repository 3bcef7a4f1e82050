"""Loads that keep the plain name, as in a source file: the grammar allows nothing else, or there is nothing to look up.

What a load is for is told from the instructions behind it, and where several statements look alike, from their places
in the source. A code object without columns (``-X no_debug_ranges``) has no such places: some more are looked up then.
"""

from __future__ import annotations

from collections.abc import Iterator

from bytecode.instr import InstrLocation

from dyntransform.compiled.instructions import Instruction, Listing

__all__ = ["plain_loads"]

_STORES = {"STORE_FAST", "STORE_DEREF", "STORE_NAME", "STORE_GLOBAL"}
_TWO_ARGUMENTS = 2


def plain_loads(listing: Listing) -> set[Instruction]:
    """Return the loads of names which are not looked up."""
    instructions = listing.instructions
    plain: set[Instruction] = set()
    for index, instruction in enumerate(instructions):
        if instruction.name == "POP_TOP" and instructions[index - 1].location == instruction.location:
            plain.add(instructions[index - 1])  # a statement that is a name
        elif instruction.name == "MATCH_CLASS":
            plain.add(_name_of_dotted(instructions, index - 2))
        elif instruction.name == "MATCH_KEYS":
            plain.update(_names_of_keys(instructions, index - 1))
        elif instruction.name == "COMPARE_OP" and _is_value_pattern(instructions, index):
            plain.add(_name_of_dotted(instructions, index - 1))
        elif instruction.name == "LOAD_SUPER_ATTR" and not (instruction.argument or 0) & _TWO_ARGUMENTS:
            plain.add(instructions[index - 1])  # super() takes the first argument by itself
    plain.update(_augmented(instructions))
    return plain


def _name_of_dotted(instructions: list[Instruction], index: int) -> Instruction:
    """Return the load that a dotted name begins with, from its last instruction."""
    while instructions[index].name == "LOAD_ATTR":
        index -= 1
    return instructions[index]


def _names_of_keys(instructions: list[Instruction], index: int) -> Iterator[Instruction]:
    """Yield the loads that the keys of a mapping pattern begin with; a tuple is built of them at `index`."""
    if instructions[index].name != "BUILD_TUPLE":
        return  # all are literals
    for _ in range(instructions[index].argument or 0):
        index -= 1
        while instructions[index].name == "LOAD_ATTR":
            index -= 1
        yield instructions[index]


def _is_value_pattern(instructions: list[Instruction], index: int) -> bool:
    """Whether a comparison is ``case a.b:``, whose place is that of the value alone."""
    value = instructions[index - 1]
    return value.name == "LOAD_ATTR" and _has_columns(value.location) and value.location == instructions[index].location


def _augmented(instructions: list[Instruction]) -> Iterator[Instruction]:
    """Yield what ``y += 1`` loads: the name that is stored at the very same place."""
    stored = {(one.argument, one.location) for one in instructions if one.name in _STORES and not one.second}
    for one in instructions:
        in_place = one.name.startswith("LOAD_") and not one.second and _has_columns(one.location)
        if in_place and (one.argument, one.location) in stored:
            yield one


def _has_columns(location: InstrLocation | None) -> bool:
    return location is not None and location.col_offset is not None

"""Parts of a code object in which names mean something else than around them."""

from __future__ import annotations

from collections.abc import Mapping
from types import CodeType

from dyntransform.compiled.instructions import Handler, Instruction, Listing

__all__ = ["hidden_variables", "is_evaluated_late", "prologue_cells", "variables"]

_NOTHING: frozenset[int] = frozenset()
_MAKES_ALIAS = ("CALL_INTRINSIC_1", 11)
_MAKE_TYPE_PARAMETER = {("CALL_INTRINSIC_2", 2), ("CALL_INTRINSIC_2", 3), ("CALL_INTRINSIC_2", 5)}


def variables(code: CodeType) -> tuple[str, ...]:
    """Return the names of variables in the order of their numbers: locals, other cells, free variables."""
    cells = (name for name in code.co_cellvars if name not in code.co_varnames)
    return (*code.co_varnames, *cells, *code.co_freevars)


def hidden_variables(listing: Listing) -> Mapping[Instruction, frozenset[int]]:
    """Return the numbers of the variables that are those of a comprehension, for the instructions where some are.

    A comprehension that is inlined (PEP 709) saves the variables that it uses, and a handler of its own, which no
    statement could have, gives them back if there is an exception: what that handler covers is the comprehension.
    """
    restored = {handler.target: _restored(listing, handler.target) for handler in listing.handlers}
    if not any(restored.values()):
        return {}
    cover = _cover(listing)
    hidden = {}
    for instruction in listing.instructions:
        variables, seen, handler = _NOTHING, set(), cover.get(instruction)
        while handler is not None and handler.target not in seen:
            seen.add(handler.target)
            variables |= restored[handler.target]
            handler = cover.get(handler.target)
        if variables:
            hidden[instruction] = variables
    return hidden


def _restored(listing: Listing, start: Instruction) -> frozenset[int]:
    if start.name == "PUSH_EXC_INFO":
        return _NOTHING  # a handler of the program
    stored = set()
    for instruction in listing.instructions[listing.instructions.index(start) :]:
        if instruction.name == "STORE_FAST":
            assert instruction.argument is not None
            stored.add(instruction.argument)
        elif instruction.name not in {"SWAP", "POP_TOP"}:
            return _with_cells(listing, frozenset(stored)) if instruction.name == "RERAISE" else _NOTHING
    return _NOTHING


def _with_cells(listing: Listing, stored: frozenset[int]) -> frozenset[int]:
    """Add the cells that the comprehension makes for itself: 3.12 and 3.13 take a free variable of the name for it."""
    names = variables(listing.code)
    hidden = {names[variable] for variable in stored}
    cells = {one.argument for one in listing.instructions if one.name == "MAKE_CELL"} - prologue_cells(listing)
    return stored | {cell for cell in cells if cell is not None and names[cell] in hidden}


def prologue_cells(listing: Listing) -> frozenset[int | None]:
    """Return the variables that are cells from the start; a comprehension may make one of a local for a while."""
    cells = set()
    for instruction in listing.instructions:
        if instruction.name == "RESUME":
            break
        if instruction.name == "MAKE_CELL":
            cells.add(instruction.argument)
    return frozenset(cells)


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

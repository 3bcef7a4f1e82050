"""Code objects as lists of instructions that know what they jump to, and back.

`bytecode.ConcreteBytecode` takes code apart and writes its tables. Its abstract form is not used: that numbers names
and constants anew, and does not know variables that are a cell in one place and a plain local in another (PEP 709).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from types import CodeType

from bytecode import ConcreteBytecode, ConcreteInstr
from bytecode.concrete import ExceptionTableEntry
from bytecode.instr import UNSET, InstrLocation

from dyntransform.cpython.opcodes import PAIRS

__all__ = ["Handler", "Instruction", "Listing", "assemble", "disassemble"]


@dataclasses.dataclass(eq=False, slots=True)
class Instruction:
    """An instruction without its cache entries; one half of it if it does two things.

    Attributes:
        name: name of the operation.
        argument: its argument as it is in the code, without the distance of jumps; None if it has none.
        location: its place in the source.
        target: what it jumps to.
        pair: name of the operation that does this and the next one at once, if that is how they stand in the code.
        second: whether it is the second half of such a pair; its location is that of the first half then.
    """

    name: str
    argument: int | None
    location: InstrLocation | None
    target: Instruction | None = None
    pair: str = ""
    second: bool = False


@dataclasses.dataclass(eq=False, slots=True)
class Handler:
    """An entry of the exception table.

    Attributes:
        start: first instruction that it covers.
        last: the last one.
        target: where an exception leads.
        depth: height of the stack there, before the exception is pushed.
        lasti: whether the place of the exception is pushed as well.
    """

    start: Instruction
    last: Instruction
    target: Instruction
    depth: int
    lasti: bool


@dataclasses.dataclass(eq=False, slots=True)
class Listing:
    """A code object taken apart.

    Attributes:
        code: the code object.
        instructions: in the order of the code.
        handlers: in the order of the table.
    """

    code: CodeType
    instructions: list[Instruction]
    handlers: list[Handler]


def disassemble(code: CodeType) -> Listing:
    """Take a code object apart."""
    concrete = ConcreteBytecode.from_code(code)
    instructions: list[Instruction] = []
    at: dict[int, Instruction] = {}
    jumps: list[tuple[Instruction, int]] = []
    offset = 0
    for item in concrete:
        assert isinstance(item, ConcreteInstr)
        end = offset + item.size // 2
        if item.name == "CACHE":
            at[offset] = instructions[-1]
            offset = end
            continue
        halves = _halves(item)
        instructions += halves
        target = item.get_jump_target(offset)
        if target is not None:
            jumps.append((halves[0], target))
        at.update((unit, halves[0]) for unit in range(offset, end))
        offset = end
    for instruction, target in jumps:
        instruction.target = at[target]
    following = dict(itertools.pairwise(instructions))
    handlers = []
    for entry in concrete.exception_table:
        last = at[entry.stop_offset]
        handlers.append(
            Handler(
                at[entry.start_offset],
                following[last] if last.pair else last,
                at[entry.target],
                entry.stack_depth,
                entry.push_lasti,
            )
        )
    return Listing(code, instructions, handlers)


def _halves(item: ConcreteInstr) -> list[Instruction]:
    argument = None if item.arg is UNSET else item.arg
    names = PAIRS.get(item.name)
    if names is None or argument is None:
        return [Instruction(item.name, argument, item.location)]
    first, second = names
    return [
        Instruction(first, argument >> 4, item.location, pair=item.name),
        Instruction(second, argument & 15, item.location, second=True),
    ]


def assemble(
    listing: Listing,
    replacements: Mapping[Instruction, Sequence[Instruction]],
    names: Sequence[str],
    constants: Sequence[object],
    stack_size: int,
) -> CodeType:
    """Put a code object together again.

    Args:
        listing: what it was.
        replacements: what stands in the place of an instruction: one or more of them. What jumped to it, or was covered
            by a handler with it, does so with all that stand in its place.
        names: the new ``co_names``.
        constants: the new ``co_consts``.
        stack_size: the new ``co_stacksize``.

    Raises:
        ValueError: a jump would lead the wrong way.
    """
    flat = [new for old in listing.instructions for new in replacements.get(old, (old,))]
    items, first, last, jumps = _emit(flat)
    _set_distances(items, jumps, lambda target: first[replacements.get(target, (target,))[0]])
    starts = _offsets(items)
    concrete = ConcreteBytecode.from_code(listing.code)
    concrete[:] = items
    concrete.names = list(names)
    concrete.consts = list(constants)
    concrete.exception_table = [
        ExceptionTableEntry(
            starts[first[replacements.get(handler.start, (handler.start,))[0]]],
            starts[last[replacements.get(handler.last, (handler.last,))[-1]] + 1] - 1,
            starts[first[replacements.get(handler.target, (handler.target,))[0]]],
            handler.depth,
            handler.lasti,
        )
        for handler in listing.handlers
    ]
    return concrete.to_code(stack_size, compute_exception_stack_depths=False)


def _emit(
    flat: list[Instruction],
) -> tuple[list[ConcreteInstr], dict[Instruction, int], dict[Instruction, int], list[tuple[int, Instruction]]]:
    """Return what stands in the code, where each instruction begins and ends there, and the jumps."""
    items: list[ConcreteInstr] = []
    first: dict[Instruction, int] = {}
    last: dict[Instruction, int] = {}
    jumps: list[tuple[int, Instruction]] = []
    pending = iter(zip(flat, [*flat[1:], None], strict=True))
    for instruction, after in pending:
        halves = [instruction]
        name, argument = instruction.name, instruction.argument
        if instruction.pair and after is not None and after.second:
            next(pending)
            halves.append(after)
            assert argument is not None
            assert after.argument is not None
            name, argument = instruction.pair, argument << 4 | after.argument
        if instruction.target is not None:
            jumps.append((len(items), instruction.target))
            argument = 0
        item = ConcreteInstr(name, UNSET if argument is None else argument, location=instruction.location)
        begin = len(items)
        items.append(item)
        items += [ConcreteInstr("CACHE", 0, location=instruction.location)] * item.use_cache_opcodes()
        for half in halves:
            first[half], last[half] = begin, len(items) - 1
    return items, first, last, jumps


def _offsets(items: list[ConcreteInstr]) -> list[int]:
    """Return where each item begins, and where the last one ends, in units of two bytes."""
    return [0, *itertools.accumulate(item.size // 2 for item in items)]


def _set_distances(
    items: list[ConcreteInstr], jumps: list[tuple[int, Instruction]], index_of: Callable[[Instruction], int]
) -> None:
    """Tell each jump how far it goes; a longer argument makes the code longer, and so on until all fit."""
    changed = True
    while changed:
        changed = False
        starts = _offsets(items)
        for index, target in jumps:
            item = items[index]
            distance = starts[index_of(target)] - starts[index + 1] - item.use_cache_opcodes()
            distance = -distance if item.is_backward_rel_jump() else distance
            if distance < 0:
                raise ValueError(f"{item.name} would jump the wrong way")
            if item.arg != distance:
                items[index] = ConcreteInstr(item.name, distance, location=item.location)
                changed = True

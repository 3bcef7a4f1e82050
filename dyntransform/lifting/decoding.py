"""Code objects as `bytecode.Bytecode` has them, in the words of all versions.

An instruction that only saves space or time is written as the one that it stands for: small integers and common
constants are constants, a borrowed reference is a reference, and a pair is two instructions. Those that only tell
`sys.monitoring` that a jump was not taken are left out: they have the place of the jump, wherever it goes on. So is
what rewriting puts behind from-imports. What `bytecode` 0.19 cannot take apart is passed by it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import CodeType
from typing import Any

from bytecode import Bytecode, ConcreteBytecode, ConcreteInstr, Instr, Label
from bytecode.instr import Intrinsic2Op

from dyntransform.cpython.opcodes import CONSTANTS, INTRINSICS, PAIRS, STRONG, TOLD_TO_MONITORS
from dyntransform.runtime.lookup import REPLACED

__all__ = ["decode", "name_of", "plain", "separate"]

_PASSED = "BUILD_MAP"
"""An instruction with any number as its argument."""
_INTERPOLATION = "BUILD_INTERPOLATION"
_INTRINSIC = "CALL_INTRINSIC_2"


def decode(code: CodeType) -> Bytecode:
    """Take a code object apart. Protected ranges know the size of the stack."""
    concrete = ConcreteBytecode.from_code(code)
    passed: dict[int, ConcreteInstr] = {}
    numbers = itertools.count()
    for place, item in enumerate(concrete):
        assert isinstance(item, ConcreteInstr)
        if item.name == "CACHE":
            continue
        number = next(numbers)
        if item.name == _INTERPOLATION or (item.name == _INTRINSIC and item.arg >= len(Intrinsic2Op)):
            passed[number] = item
            concrete[place] = ConcreteInstr(_PASSED, item.arg, location=item.location)
    found = concrete.to_bytecode(conserve_exception_block_stackdepth=True)
    if passed:
        instructions = [item for item in found if isinstance(item, Instr)]
        for number, item in passed.items():
            _become(instructions[number], item)
    return found


def _become(instruction: Instr, item: ConcreteInstr) -> None:
    """Give an instruction what its checks refuse."""
    argument: Any = item.arg
    if item.name == _INTRINSIC:
        argument = int.__new__(Intrinsic2Op, item.arg)
        argument._name_, argument._value_ = INTRINSICS[_INTRINSIC][item.arg], item.arg
    instruction._name, instruction._opcode, instruction._arg = item.name, item.opcode, argument


def plain(code: CodeType) -> list[Any]:
    """Return the instructions, labels and protected ranges of a code object in the words of all versions."""
    items = _without_questions(list(decode(code)))
    return [each for item in items for each in (_plain(item) if isinstance(item, Instr) else [item])]


def _without_questions(items: list[Any]) -> Iterator[Any]:
    """Leave out what is asked behind imports: it is part of them, and is put in again with them."""
    end: Any = None
    for place, item in enumerate(items):
        if item is end:
            end = None
        if end is None:
            end = _end_of_question(items, place)
        if end is None or not isinstance(item, Instr):
            yield item


def _end_of_question(items: list[Any], place: int) -> Any:
    """Return the label behind a question that begins at a place; None if none does."""
    test, jump = items[place], items[place + 1] if place + 1 < len(items) else None
    if not isinstance(test, Instr) or name_of(test.arg) != REPLACED or not isinstance(jump, Instr):
        return None
    if not isinstance(jump.arg, Label):
        return None
    inside = itertools.takewhile(lambda item: item is not jump.arg, items[place:])
    *_, last = [item for item in inside if isinstance(item, Instr)]
    return jump.arg if last.name in _BINDS else None


_BINDS = ("STORE_NAME", "STORE_GLOBAL")
"""How a question ends; a lookup in the place of a read does not."""


def _plain(instruction: Instr) -> Iterator[Instr]:
    for one in separate(instruction):
        name: str = one.name
        argument: Any = one.arg
        if name in TOLD_TO_MONITORS:
            continue
        if name in STRONG:
            yield Instr(STRONG[name], argument, location=one.location)
        elif name == "LOAD_SMALL_INT":
            yield Instr("LOAD_CONST", argument, location=one.location)
        elif name == "LOAD_COMMON_CONSTANT" and not callable(CONSTANTS[argument]):
            yield Instr("LOAD_CONST", CONSTANTS[argument], location=one.location)
        else:
            yield one


def separate(instruction: Any) -> Iterator[Any]:
    """Yield an item of a listing, or the two instructions that a pair stands for."""
    names: tuple[str, ...] = PAIRS.get(instruction.name, ()) if isinstance(instruction, Instr) else ()
    if not names:
        yield instruction
        return
    for name, argument in zip(names, instruction.arg, strict=True):
        yield Instr(name, argument, location=instruction.location)


def name_of(argument: object) -> str:
    """Return the name in an argument of an instruction, the last one of several; some have flags beside it."""
    last = argument[-1] if isinstance(argument, tuple) and argument else argument
    return str(getattr(last, "name", last))

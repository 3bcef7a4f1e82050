"""What the compiler adds at the end of a module or class body."""

from __future__ import annotations

from bytecode import Instr

from dyntransform.cpython.opcodes import AT_END, MAKES_AT_END, RETURNS

__all__ = ["is_by_compiler", "is_return"]


def is_return(instruction: Instr) -> bool:
    """Whether it ends the execution of the code without an exception."""
    return instruction.name in RETURNS


def is_by_compiler(instruction: Instr) -> bool:
    """Whether an instruction stands for nothing in the source.

    Args:
        instruction: goes on to one alone, which stands for nothing in the source, at the end of a scope.
    """
    if instruction.name == "STORE_NAME":
        return instruction.arg in AT_END
    return instruction.name in MAKES_AT_END

"""What the compiler adds at the end of a module or class body."""

from __future__ import annotations

from bytecode import Instr

__all__ = ["AT_END", "is_by_compiler", "is_return"]

AT_END = ("__static_attributes__", "__classdictcell__", "__classcell__")
"""The names that a class body binds at its end."""


def is_return(instruction: Instr) -> bool:
    """Whether it ends the execution of the code without an exception."""
    return instruction.name in ("RETURN_VALUE", "RETURN_CONST")


def is_by_compiler(instruction: Instr, following: Instr) -> bool:
    """Whether an instruction stands for nothing in the source.

    Args:
        instruction: goes on to `following` alone.
        following: stands for nothing in the source, at the end of a scope.
    """
    if instruction.name == "STORE_NAME":
        return instruction.arg in AT_END
    if instruction.name == "LOAD_CONST":
        return is_return(following) or (following.name == "STORE_NAME" and following.arg in AT_END)
    return instruction.name in ("COPY", "LOAD_CLOSURE", "LOAD_FAST")

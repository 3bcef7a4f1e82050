"""The instructions of code objects, by what they do.

Tables are keyed by names: one that a version lacks does no harm, and an instruction that no table has is not known to
anybody. What can be seen in code that this interpreter compiles is looked up there.
"""

from __future__ import annotations

import dis
import opcode
import sys
from types import CodeType
from typing import Final

from dyntransform.cpython.features import LAZY_IMPORTS

__all__ = [
    "ANNOTATE",
    "ANNOTATED",
    "AT_END",
    "AT_START",
    "CELL_LOADS",
    "CONSTANTS",
    "FROM_CELLS",
    "FROM_LOCALS",
    "INTRINSICS",
    "LAZY",
    "LOADS_ATTRIBUTE",
    "LOADS_NAME",
    "LOOPS_HAVE_THEIR_KEYWORD",
    "MAKES_AT_END",
    "MARKED",
    "NEVER_JUMPS",
    "NO_VALUE",
    "NULL_ABOVE",
    "PAIRS",
    "RETURNS",
    "STRONG",
    "TOLD_TO_MONITORS",
    "constant",
    "flags_and_name",
    "is_evaluator",
]

# ---------------------------------------------------------------------- roles

RETURNS: Final = frozenset({"RETURN_VALUE", "RETURN_CONST"})
"""They end the execution without an exception; the latter is in 3.12 and 3.13."""

TOLD_TO_MONITORS: Final = frozenset({"NOT_TAKEN"})
"""They do nothing, and are there for `sys.monitoring`: a jump before was not taken (3.14)."""

NEVER_JUMPS: Final = frozenset({"END_ASYNC_FOR"})
"""Their argument tells where something is, for `sys.monitoring`, and is no place to go on at (3.14)."""

STRONG: Final = {"LOAD_FAST_BORROW": "LOAD_FAST"}
"""Loads that borrow the reference of a variable (3.14), and those that take one of their own, which is always right."""

PAIRS: Final = {
    "LOAD_FAST_LOAD_FAST": ("LOAD_FAST", "LOAD_FAST"),
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": ("LOAD_FAST_BORROW", "LOAD_FAST_BORROW"),
    "STORE_FAST_LOAD_FAST": ("STORE_FAST", "LOAD_FAST"),
    "STORE_FAST_STORE_FAST": ("STORE_FAST", "STORE_FAST"),
}
"""Instructions that do what two do (3.13); the first one's argument is in the upper four bits."""

FROM_LOCALS: Final = frozenset({"LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK"})
"""They put the value of a local variable on the stack; since 3.13 also a cell, to make a closure."""

FROM_CELLS: Final = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"})
"""They put what a cell holds on the stack."""

CELL_LOADS: Final = frozenset({"LOAD_CLOSURE", "LOAD_FAST", "LOAD_FAST_BORROW"})
"""They put a cell on the stack; the latter two since 3.13."""

# ---------------------------------------------------------------------- names


def _by_number(bits: dict[str, int]) -> dict[int, int]:
    return {opcode.opmap[name]: count for name, count in bits.items() if name in opcode.opmap}


LOADS_NAME: Final = _by_number({"LOAD_NAME": 0, "LOAD_GLOBAL": 1, "LOAD_FROM_DICT_OR_GLOBALS": 0})
"""Instructions that load a global, or what a class body has instead, with the bits below the index of the name."""

LOADS_ATTRIBUTE: Final = _by_number({"LOAD_ATTR": 1 if sys.version_info >= (3, 12) else 0, "LOAD_METHOD": 0})
"""Those that load an attribute; calls of methods had one of their own until 3.11."""

# ---------------------------------------------------------------------- constants

NO_VALUE: Final = object()
"""There is no constant."""

CONSTANTS: Final[tuple[object, ...]] = tuple(getattr(opcode, "_common_constants", ()))
"""What LOAD_COMMON_CONSTANT loads, by its argument (3.14)."""


def constant(name: str, argument: int | None, constants: tuple[object, ...]) -> object:
    """Return what an instruction puts on the stack that loads a constant.

    Args:
        name: of the instruction.
        argument: its argument.
        constants: ``co_consts`` of its code object.

    Returns:
        The constant; `NO_VALUE` if the instruction does something else.
    """
    if argument is None:
        return NO_VALUE
    if name == "LOAD_CONST":
        return constants[argument]
    if name == "LOAD_SMALL_INT":
        return argument
    if name == "LOAD_COMMON_CONSTANT":
        return CONSTANTS[argument]
    return NO_VALUE


INTRINSICS: Final[dict[str, tuple[str, ...]]] = {
    "CALL_INTRINSIC_1": tuple(getattr(opcode, "_intrinsic_1_descs", ())),
    "CALL_INTRINSIC_2": tuple(getattr(opcode, "_intrinsic_2_descs", ())),
}
"""Names of what these do, by their argument (3.12)."""


def _begins_with_keyword() -> bool:
    instructions = dis.get_instructions(compile("while True:\n f()", "<probe>", "exec", dont_inherit=True))
    return any(one.opname == "NOP" and one.is_jump_target for one in instructions)


LOOPS_HAVE_THEIR_KEYWORD: Final = _begins_with_keyword()
"""Whether the instruction that stands for the line of ``while True`` is part of the loop (3.14); else it is before."""

# ---------------------------------------------------------------------- what calls and what imports


def _names(text: str) -> list[str]:
    return [one.opname for one in dis.get_instructions(compile(text, "<probe>", "eval", dont_inherit=True))]


NULL_ABOVE: Final = _names("f()").index("LOAD_NAME") < _names("f()").index("PUSH_NULL")
"""Whether the null of a call stands above the callable (3.13)."""


def _import_bits() -> int:
    """Return how many bits of the argument of IMPORT_NAME are flags: two since 3.15 (PEP 810)."""
    code = compile("a\nimport b", "<probe>", "exec", dont_inherit=True)
    (argument,) = (one.arg or 0 for one in dis.get_instructions(code) if one.opname == "IMPORT_NAME")
    return (argument // code.co_names.index("b")).bit_length() - 1


_IMPORT_BITS = _import_bits()


LAZY: Final = 1 if LAZY_IMPORTS else 0
"""The flag of an import that is written as a lazy one (PEP 810)."""


def flags_and_name(argument: int) -> tuple[int, int]:
    """Return the flags in an argument of IMPORT_NAME, and the index of the name."""
    return argument & (1 << _IMPORT_BITS) - 1, argument >> _IMPORT_BITS


# ---------------------------------------------------------------------- annotations that are evaluated late (PEP 649)

ANNOTATE: Final = "__annotate__"
"""The name to which a module binds the function that evaluates its annotations."""

MARKED: Final = "__conditional_annotations__"
"""The set of the numbers of those annotated variables that were come to, where a statement may be skipped."""

ANNOTATED: Final = ("__annotate_func__", ANNOTATE)
"""The names that the function may have; the first one is that of classes."""


def _evaluator_start() -> bytes:
    """Return how the code begins that evaluates annotations, bounds and type aliases; empty before Python 3.14.

    They refuse other formats than values, with an exception that is no name: nothing else that is compiled does so.
    """
    for function in compile("def f(a: b): 0", "<probe>", "exec", dont_inherit=True).co_consts:
        if isinstance(function, CodeType) and function.co_name == ANNOTATE:
            code = list(dis.get_instructions(function))
            begin = next(one.offset for one in code if one.opname == "RESUME")
            end = next(one.offset for one in code if one.opname == "RAISE_VARARGS")
            return function.co_code[begin : end + 2]
    return b""


_EVALUATOR = _evaluator_start()


def is_evaluator(code: CodeType) -> bool:
    """Whether the compiler made a code object to evaluate annotations, a bound or a type alias (PEP 649, PEP 749).

    Without the interpreter's support for it, no code object is one.
    """
    return bool(_EVALUATOR) and _EVALUATOR in code.co_code


# ---------------------------------------------------------------------- what the compiler adds to class bodies

AT_START: Final = ("__module__", "__qualname__", "__firstlineno__", "__type_params__", "__classdict__", MARKED)
"""The names that a class body binds at its beginning, in this order."""

AT_END: Final = ("__annotate_func__", "__static_attributes__", "__classdictcell__", "__classcell__")
"""The names that a class body binds at its end."""

MAKES_AT_END: Final = frozenset(
    {
        *CELL_LOADS,
        "BUILD_TUPLE",
        "COPY",
        "LOAD_COMMON_CONSTANT",
        "LOAD_CONST",
        "MAKE_FUNCTION",
        "SET_FUNCTION_ATTRIBUTE",
    }
)
"""What makes the values of these; no statement ends with such an instruction."""

"""What compiled code reads late, however it came about: from a lowered tree, or by rewriting the code itself."""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Iterator
from types import CodeType

from dyntransform.transform.lowering import REPLACED

_LOADS = {"LOAD_FROM_DICT_OR_GLOBALS", "LOAD_GLOBAL", "LOAD_NAME"}
_BETWEEN = {"EXTENDED_ARG", "LOAD_LOCALS", "PUSH_NULL"}
_NAMESPACE = "__classdict__"
LateRead = tuple[str, int, int, str, tuple[tuple[str, str], ...]]


def late_reads(code: CodeType, path: str = "") -> list[LateRead]:
    """Return (path of the code object, line, column, name, sources) of each late read in a code object and those in it.

    One that stands in the code several times, as the compiler copies what ends a function, is there once. Python 3.13
    joins two loads of variables into one instruction, which has the place of the first alone: columns are 0. What a
    module or its classes ask behind their imports is no late read.
    """
    return sorted(set(_late_reads(code, f"{path}/{code.co_name}:{code.co_firstlineno}")))


def _late_reads(code: CodeType, path: str) -> Iterator[LateRead]:
    in_function = code.co_flags & inspect.CO_OPTIMIZED or "<locals>" in code.co_qualname
    instructions = list(dis.get_instructions(code)) if in_function else []
    for index, one in enumerate(instructions):
        if one.argval != REPLACED or one.opname not in _LOADS or "JUMP" in instructions[index + 1].opname:
            continue  # the test is no call
        rest = [each for each in instructions[index + 1 : index + 12] if not _is_between(each)]
        key, name = rest[0].argval, rest[1].argval
        if any(each.opname == "STORE_GLOBAL" and each.argval == name for each in rest[2:5]):
            continue  # it stands behind an import
        at = one.positions
        assert at is not None
        column = 0 if sys.version_info >= (3, 13) else at.col_offset
        yield path, at.lineno or 0, column or 0, name, key
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from late_reads(constant, path)


def _is_between(one: dis.Instruction) -> bool:
    """Whether it stands between what is called, the key and the name: a namespace to look in first is no name."""
    return one.opname in _BETWEEN or one.argval == _NAMESPACE

"""What compiled code reads late, however it came about: from a lowered tree, or by rewriting the code itself."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from types import CodeType
from typing import NamedTuple

from dyntransform.transform.lowering import REPLACED

_LOADS = {"LOAD_FROM_DICT_OR_GLOBALS", "LOAD_GLOBAL", "LOAD_NAME"}
_STORES = {"STORE_GLOBAL", "STORE_NAME"}
_BETWEEN = {"LOAD_LOCALS", "PUSH_NULL"}
_NAMESPACE = "__classdict__"


class LateRead(NamedTuple):
    """A late read.

    Attributes:
        path: of the code object.
        line: where it stands.
        column: where it stands.
        name: what is read.
        sources: what it may have been imported from.
        binds: it stands behind an import, and binds the name again.
    """

    path: str
    line: int
    column: int
    name: str
    sources: tuple[tuple[str, str], ...]
    binds: bool


def late_reads(code: CodeType, path: str = "") -> list[LateRead]:
    """Return the late reads in a code object and those in it, in order.

    One that stands in the code several times, as the compiler copies what ends a function, is there once. Python 3.13
    joins two loads of variables into one instruction, which has the place of the first alone: columns are 0 then, but
    for what stands behind imports.
    """
    return sorted(set(_late_reads(code, f"{path}/{code.co_name}:{code.co_firstlineno}")))


def sources_of_reads(found: list[LateRead]) -> set[tuple[str, str]]:
    """Return what is looked up by those that do not stand behind an import."""
    return {source for one in found if not one.binds for source in one.sources}


def _late_reads(code: CodeType, path: str) -> Iterator[LateRead]:
    instructions = [one for one in dis.get_instructions(code) if one.opname != "EXTENDED_ARG"]
    for index, one in enumerate(instructions):
        if one.argval != REPLACED or one.opname not in _LOADS or "JUMP" in instructions[index + 1].opname:
            continue  # the test is no call
        key, load, *rest = [each for each in instructions[index + 1 : index + 12] if not _is_between(each)]
        call = next(number for number, each in enumerate(rest) if each.opname == "CALL")
        bound = rest[call + 1]
        binds = bound.opname in _STORES and bound.argval == load.argval
        at = one.positions
        assert at is not None
        column = 0 if sys.version_info >= (3, 13) and not binds else at.col_offset
        yield LateRead(path, at.lineno or 0, column or 0, load.argval, key.argval, binds)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from late_reads(constant, path)


def _is_between(one: dis.Instruction) -> bool:
    """Whether it stands between what is called, the key and the name: a namespace to look in first is no name."""
    return one.opname in _BETWEEN or one.argval == _NAMESPACE

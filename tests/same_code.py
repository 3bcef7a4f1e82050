"""Compare lowered code with plain code: they may differ in the marked names and the base, and nowhere else."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CodeType

from dyntransform.runtime.dynamic_class import BASE
from dyntransform.transform.lowering import REPLACED

_OURS = {REPLACED, BASE}
_FLAGS = ("co_name", "co_qualname", "co_filename", "co_firstlineno", "co_flags", "co_varnames", "co_freevars")
_COUNTS = ("co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_cellvars", "co_nlocals")
Span = tuple[int | None, int | None, int | None, int | None]
_NOWHERE: Span = (None, None, None, None)
"""Where Python 3.11 has the jump from the end of a loop that ends in an if statement."""


def differences(plain: CodeType, lowered: CodeType) -> Iterator[str]:
    """Yield what differs between two code objects, and the ones in them."""
    for field in (*_FLAGS, *_COUNTS):
        if getattr(plain, field) != getattr(lowered, field):
            yield f"{plain.co_qualname}: {field}: {getattr(plain, field)} and {getattr(lowered, field)}"
    if _OURS.intersection(lowered.co_names):
        yield from _positions(plain, lowered)
    else:
        for field in ("co_code", "co_linetable", "co_exceptiontable", "co_names"):
            if getattr(plain, field) != getattr(lowered, field):
                yield f"{plain.co_qualname}: {field} differs"
    inner = [[constant for constant in code.co_consts if isinstance(constant, CodeType)] for code in (plain, lowered)]
    if len(inner[0]) != len(inner[1]):
        yield f"{plain.co_qualname}: {len(inner[0])} and {len(inner[1])} code objects"
    for one, other in zip(*inner, strict=False):
        yield from differences(one, other)


def _positions(plain: CodeType, lowered: CodeType) -> Iterator[str]:
    moved = {"object"} if BASE in lowered.co_names else set()  # the base may have taken the place of its first read
    names = [[name for name in code.co_names if name not in _OURS | moved] for code in (plain, lowered)]
    if names[0] != names[1]:
        yield f"{plain.co_qualname}: co_names: {plain.co_names} and {lowered.co_names}"
    free = {span for name, span in _spans(lowered) if name in _OURS}
    for code in (plain, lowered):
        free |= {span for name, span in _spans(code) if _is_free(name, code)}
    free.add(_NOWHERE)
    one, other = ({span for _, span in _spans(code)} - free for code in (plain, lowered))
    if one != other:
        yield f"{plain.co_qualname}: positions {sorted(map(str, one - other))} became {sorted(map(str, other - one))}"
    if {line for *_, line in plain.co_lines() if line} != {line for *_, line in lowered.co_lines() if line}:
        yield f"{plain.co_qualname}: lines differ"


def _is_free(name: object, code: CodeType) -> bool:
    """Whether an instruction may have another place.

    Python 3.13 joins two loads of variables into one instruction, which has the place of the first alone.
    """
    names = name if isinstance(name, tuple) else (name,)
    return all(each in code.co_varnames for each in names)


def _spans(code: CodeType) -> list[tuple[object, Span]]:
    return [
        (one.argval, (at.lineno, at.end_lineno, at.col_offset, at.end_col_offset))
        for one in dis.get_instructions(code)
        if (at := one.positions) is not None
    ]

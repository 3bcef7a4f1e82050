"""Readable lists of instructions, to show what became of compiled code."""

from __future__ import annotations

import dataclasses
import dis
from collections.abc import Iterator
from importlib.util import MAGIC_NUMBER
from types import CodeType

__all__ = ["Changed", "advice", "changed"]

_FIRST_RULED = 11
"""Since Python 3.11, magic numbers of 3.n begin with 2900 + 50 n (see Include/internal/pycore_magic_number.h)."""


@dataclasses.dataclass(frozen=True)
class Changed:
    """A code object that was rewritten.

    Attributes:
        name: its qualified name, and the line it begins on.
        before: a line for each instruction of the original.
        after: the same for the new one.
    """

    name: str
    before: list[str]
    after: list[str]


def changed(original: CodeType, new: CodeType) -> Iterator[Changed]:
    """Yield the code objects whose own instructions were changed, each before those inside it.

    Args:
        original: the code of a module.
        new: what it was rewritten to.
    """
    if original is new:
        return
    if original.co_code != new.co_code:
        name = f"{original.co_qualname}, line {original.co_firstlineno}"
        yield Changed(name, list(_lines(original)), list(_lines(new)))
    for before, after in zip(original.co_consts, new.co_consts, strict=False):
        if isinstance(before, CodeType) and isinstance(after, CodeType):
            yield from changed(before, after)


def _lines(code: CodeType) -> Iterator[str]:
    """Yield instructions without their offsets, which differ everywhere behind a change."""
    instructions = list(dis.get_instructions(code))
    at = {one.offset: one for one in instructions}
    shown = None
    for one in instructions:
        if one.opname == "EXTENDED_ARG":
            continue
        line = _line(one)
        number = str(line) if line is not None and line != shown else ""
        shown = line if line is not None else shown
        argument = one.argrepr or ("" if one.arg is None else str(one.arg))
        if one.opcode in dis.hasjrel:
            target = at[one.argval]
            argument = f"to line {_line(target)}, {target.opname}"
        elif isinstance(one.argval, CodeType):
            argument = f"<code {one.argval.co_qualname}>"
        yield f"{number:>5}  {one.opname:<27} {argument}".rstrip()


def _line(one: dis.Instruction) -> int | None:
    return one.positions.lineno if one.positions is not None else None


def advice(data: bytes) -> str:
    """Say what can be done with a compiled file that cannot be loaded.

    Args:
        data: its content.
    """
    again = "compile its source again with this Python, as with python -m compileall -b"
    magic = data[: len(MAGIC_NUMBER)]
    if magic == MAGIC_NUMBER:
        return f"the file is damaged: {again}"
    version = (int.from_bytes(magic[:2], "little") - 2900) // 50
    if len(magic) == len(MAGIC_NUMBER) and magic.endswith(b"\r\n") and _FIRST_RULED <= version < 2 * _FIRST_RULED:
        return f"it was compiled by Python 3.{version}: {again}"
    return f"it is no compiled file of this Python: {again}"

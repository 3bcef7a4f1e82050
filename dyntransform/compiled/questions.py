"""What stands behind the from-imports of modules and classes: what `transform.lowering.ask_behind` puts there."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from types import CodeType

from dyntransform.compiled.instructions import Instruction, disassemble
from dyntransform.cpython.opcodes import TOLD_TO_MONITORS
from dyntransform.transform.decide import Source
from dyntransform.transform.lowering import REPLACED

__all__ = ["Question", "asked"]


@dataclasses.dataclass(frozen=True)
class Question:
    """The question what has replaced the values that a from-import binds.

    Attributes:
        end: the last instruction of the import.
        after: the one that follows.
        names: what is asked for each name: its source, and the instruction that binds it.
        in_function: it stands in a function, which declares the names global.
    """

    end: Instruction
    after: Instruction
    names: tuple[tuple[Source, Instruction], ...]
    in_function: bool

    @property
    def keys(self) -> list[tuple[Source, ...]]:
        """The constants that it needs."""
        return [(source,) for source, _ in self.names]


def asked(question: Question, name: int, keys: Mapping[tuple[Source, ...], int]) -> list[Instruction]:
    """Return the end of an import, and ``if R is not None: y = R(key, y)`` with all its names.

    Args:
        question: what is asked.
        name: the index of R in the names of the code object.
        keys: the index of each key in its constants.
    """
    made = [question.end]
    for source, store in question.names:
        test, each = _template(store.name, question.in_function)
        for one in each if len(made) > 1 else [*test, *each]:
            argument = _argument(one, store.argument or 0, name, keys[source,])
            target = question.after if one.target is not None else None
            made.append(Instruction(one.name, argument, question.end.location, target))
    return made


def _argument(one: Instruction, bound: int, name: int, key: int) -> int | None:
    """Return the argument of an instruction of the template for other names: those of `bound` and of `name`."""
    if one.argument is None or one.name not in _NUMBERED:
        return one.argument
    if one.name == "LOAD_CONST":
        return key
    if one.name == "LOAD_GLOBAL":
        return (bound, name)[one.argument >> 1 == _OURS] << 1 | one.argument & 1
    return (bound, name)[one.argument == _OURS]


_NUMBERED = {"LOAD_CONST", "LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "STORE_NAME"}
_OURS = 0
"""The index of R in the names of the template."""


@functools.cache
def _template(store: str, in_function: bool) -> tuple[list[Instruction], list[Instruction]]:  # noqa: FBT001 - a fact, not a choice
    """Return what the compiler itself makes of a question: the test, and what is done for a name.

    Args:
        store: what binds the name.
        in_function: whether it stands in a function.
    """
    # What stands behind it keeps the compiler from copying the end into its branches.
    text = f"{REPLACED}\nif {REPLACED} is not None: y = {REPLACED}((('m', 'y'),), y)\ny()"
    if store == "STORE_GLOBAL":
        text = f"global y\n{text}"
    if in_function:
        text = "\n ".join(["def f():", *text.split("\n")])
    code = compile(text, "<lookup>", "exec", dont_inherit=True)
    if in_function:
        code = next(one for one in code.co_consts if isinstance(one, CodeType))
    assert code.co_names[_OURS] == REPLACED
    instructions = disassemble(code).instructions
    begin = next(index for index, one in enumerate(instructions) if one.name == "POP_TOP") + 1
    jump = next(index for index, one in enumerate(instructions) if one.target is not None)
    end = instructions[jump].target
    assert end is not None
    body = jump + 1 + (instructions[jump + 1].name in TOLD_TO_MONITORS)
    return instructions[begin:body], instructions[body : instructions.index(end)]

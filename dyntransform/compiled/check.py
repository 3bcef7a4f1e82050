"""Prove that rewritten code is the original: walk both in step; only the lookups and bases may differ."""

from __future__ import annotations

from collections.abc import Sequence
from types import CodeType

from dyntransform.compiled.classes import ClassBuild
from dyntransform.compiled.instructions import Instruction, Listing, disassemble
from dyntransform.compiled.questions import Question
from dyntransform.compiled.reads import Read
from dyntransform.compiled.stack import heights
from dyntransform.cpython.opcodes import NULL_ABOVE, STRONG, TOLD_TO_MONITORS
from dyntransform.runtime.dynamic_class import BASE
from dyntransform.transform.lowering import REPLACED

__all__ = ["difference"]

_SAME = (
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_flags",
    "co_varnames",
    "co_cellvars",
    "co_freevars",
    "co_filename",
    "co_name",
    "co_qualname",
    "co_firstlineno",
)


_JUMPS_OVER = {"POP_JUMP_IF_NONE", "POP_JUMP_FORWARD_IF_NONE"}
"""What goes on behind a lookup where there is nothing to ask; the latter is in Python 3.11."""


def difference(
    original: Listing,
    new: CodeType,
    reads: Sequence[Read],
    builds: Sequence[ClassBuild] = (),
    questions: Sequence[Question] = (),
) -> str:
    """Compare rewritten code with the code it was made from.

    Args:
        original: the original code, taken apart.
        new: the rewritten code.
        reads: what was rewritten.
        builds: the class statements that gained the base.
        questions: what is asked behind imports.

    Returns:
        What differs besides our lookups and bases, at the reads, the imports, the classes and nowhere else; empty if
        nothing does.
    """
    old = original.code
    for attribute in _SAME:
        if getattr(old, attribute) != getattr(new, attribute):
            return f"{attribute} differs"
    if old.co_names != new.co_names[: len(old.co_names)]:
        return "co_names differs"
    for before, after in zip(old.co_consts, new.co_consts, strict=False):
        if not isinstance(before, CodeType) and (type(before) is not type(after) or before != after):
            return "co_consts differs"
    try:
        _Walk(original, disassemble(new), reads, builds, questions).compare()
    except _DifferenceError as found:
        return str(found)
    return ""


class _DifferenceError(Exception):
    """The code objects differ."""


class _Walk:
    def __init__(
        self,
        old: Listing,
        new: Listing,
        reads: Sequence[Read],
        builds: Sequence[ClassBuild],
        questions: Sequence[Question],
    ) -> None:
        self._old = old
        self._new = new
        self._units = {read.instructions[0]: read for read in reads}
        self._bases = {build.before: build for build in builds}
        self._questions = {question.end: question for question in questions}
        self._calls = {call for build in builds if build.base is None for call in build.calls}
        self._first: dict[Instruction, Instruction] = {}
        self._last: dict[Instruction, Instruction] = {}

    def compare(self) -> None:
        self._step()
        self._jumps()
        self._handlers()
        self._heights()

    def _step(self) -> None:
        """Find what stands for each instruction of the original."""
        rest = list(reversed(self._new.instructions))
        pending = list(reversed(self._old.instructions))
        while pending:
            one = pending[-1]
            read = self._units.get(one)
            if read is None:
                self._one(pending.pop(), _next(rest, one))
                if one in self._bases:
                    self._base(self._bases[one], pending, rest)
                elif one in self._questions:
                    self._question(self._questions[one], rest)
                continue
            size = len(read.instructions)
            if pending[-size:] != list(reversed(read.instructions)):
                raise _DifferenceError(f"{_line(one)}: the instructions of a read do not stand together")
            del pending[-size:]
            self._lookup(read, rest)
        if rest:
            raise _DifferenceError(f"{_line(rest[-1])}: there is more than before")

    def _one(self, one: Instruction, other: Instruction) -> None:
        argument = one.argument
        if one in self._calls and argument is not None:
            argument += 1
        if (one.name, argument if one.target is None else None) != (
            other.name,
            other.argument if other.target is None else None,
        ):
            raise _DifferenceError(f"{_line(one)}: {one.name} became {other.name}")
        if one.location != other.location:
            raise _DifferenceError(f"{_line(one)}: {one.name} moved")
        self._first[one] = self._last[one] = other

    def _base(self, build: ClassBuild, pending: list[Instruction], rest: list[Instruction]) -> None:
        other = _next(rest, build.before)
        code = self._new.code
        name = (other.argument or 0) >> (other.name == "LOAD_GLOBAL")
        if other.name not in {"LOAD_GLOBAL", "LOAD_NAME"} or code.co_names[name] != BASE:
            raise _DifferenceError(f"{_line(build.before)}: the class has no base of ours")
        place = build.base or build.before
        if other.location != place.location:
            raise _DifferenceError(f"{_line(place)}: the base has another place than {place.name}")
        if build.base is not None:
            assert pending.pop() is build.base
            self._first[build.base] = self._last[build.base] = other
        else:
            self._last[build.before] = other

    def _lookup(self, read: Read, rest: list[Instruction]) -> None:
        load = read.instructions[-1]
        test = _next(rest, load)
        jump = _next(rest, load)
        taken = [_next(rest, load)] if rest and rest[-1].name in TOLD_TO_MONITORS else []
        asked = _next(rest, load)
        key = _next(rest, load)
        again = [_next(rest, load) for _ in read.instructions]
        call = _next(rest, load)
        if call.name == "PRECALL":
            call = _next(rest, load)
        over = _next(rest, load)
        plain = [_next(rest, load) for _ in read.instructions]
        after = rest[-1] if rest else None
        code = self._new.code
        fits = (
            self._is_ours(test, calls=False)
            and jump.name in _JUMPS_OVER
            and jump.target is plain[0]
            and self._is_ours(asked, calls=True)
            and key.name == "LOAD_CONST"
            and code.co_consts[key.argument or 0] == read.sources
            and _equal(again, read.instructions)
            and (call.name, call.argument) == ("CALL", 2)
            and over.name == "JUMP_FORWARD"
            and over.target is after
            and _equal(plain, read.instructions)
        )
        if not fits:
            raise _DifferenceError(f"{_line(load)}: something else than a lookup stands for {load.name}")
        inserted = [test, jump, *taken, asked, key, *again, call, over, *plain]
        if any(one.location != load.location for one in inserted):
            raise _DifferenceError(f"{_line(load)}: the lookup has another place than {load.name}")
        for one in read.instructions:
            self._first[one] = test
            self._last[one] = plain[-1]

    def _is_ours(self, one: Instruction, *, calls: bool) -> bool:
        if one.name != "LOAD_GLOBAL" or one.argument is None:
            return False
        return self._new.code.co_names[one.argument >> 1] == REPLACED and bool(one.argument & 1) is calls

    def _question(self, question: Question, rest: list[Instruction]) -> None:
        end = question.end
        is_global = question.in_function
        inserted = [_next(rest, end), _next(rest, end)]
        test, jump = inserted
        if rest and rest[-1].name in TOLD_TO_MONITORS:
            inserted.append(_next(rest, end))
        fits = self._is_test(test, is_global=is_global) and jump.name in _JUMPS_OVER
        for source, store in question.names:
            ours = [_next(rest, end) for _ in range(1 if is_global else 2)]
            key, again, call = (_next(rest, end) for _ in range(3))
            before = []
            if call.name == "PRECALL":
                before, call = [call], _next(rest, end)
            bound = _next(rest, end)
            inserted += [*ours, key, again, *before, call, bound]
            fits = (
                fits
                and self._is_callee(ours, is_global=is_global)
                and key.name == "LOAD_CONST"
                and self._new.code.co_consts[key.argument or 0] == (source,)
                and _reads_again(again, store)
                and all((one.name, one.argument) == ("PRECALL", 2) for one in before)
                and (call.name, call.argument) == ("CALL", 2)
                and (bound.name, bound.argument) == (store.name, store.argument)
            )
        if not fits or jump.target is not (rest[-1] if rest else None):
            raise _DifferenceError(f"{_line(end)}: something else than a lookup stands behind the import")
        if any(one.location != end.location for one in inserted):
            raise _DifferenceError(f"{_line(end)}: the lookup has another place than the import")
        self._last[end] = inserted[-1]

    def _is_test(self, one: Instruction, *, is_global: bool) -> bool:
        if is_global:
            return self._is_ours(one, calls=False)
        return one.name == "LOAD_NAME" and self._new.code.co_names[one.argument or 0] == REPLACED

    def _is_callee(self, ones: list[Instruction], *, is_global: bool) -> bool:
        if is_global:
            return self._is_ours(ones[0], calls=True)
        load, null = ones if NULL_ABOVE else reversed(ones)
        return self._is_test(load, is_global=False) and null.name == "PUSH_NULL"

    def _jumps(self) -> None:
        for one in self._old.instructions:
            if one.target is not None and self._first[one].target is not self._first[one.target]:
                raise _DifferenceError(f"{_line(one)}: {one.name} leads somewhere else")

    def _handlers(self) -> None:
        expected = [
            (self._first[one.start], self._last[one.last], self._first[one.target], one.depth, one.lasti)
            for one in self._old.handlers
        ]
        found = [(one.start, one.last, one.target, one.depth, one.lasti) for one in self._new.handlers]
        if expected != found:
            raise _DifferenceError("the exception table differs")

    def _heights(self) -> None:
        before, highest = heights(self._old)
        after, new_highest = heights(self._new)
        inside = {one for read in self._units.values() for one in read.instructions[1:]}
        calls = {build.calls[0] for build in self._bases.values() if build.base is None}
        for one, expected in before.items():
            height = expected + (one in calls)
            if one not in inside and after.get(self._first[one]) != height:
                raise _DifferenceError(f"{_line(one)}: the stack has another height")
        if new_highest - highest > self._new.code.co_stacksize - self._old.code.co_stacksize:
            raise _DifferenceError("the stack is too small")


def _next(rest: list[Instruction], at: Instruction) -> Instruction:
    if not rest:
        raise _DifferenceError(f"{_line(at)}: there is less than before")
    return rest.pop()


def _equal(ones: Sequence[Instruction], others: Sequence[Instruction]) -> bool:
    """Whether loads are the same, but for whose reference they put on the stack."""
    one, other = ([(STRONG.get(each.name, each.name), each.argument) for each in every] for every in (ones, others))
    return one == other


def _reads_again(one: Instruction, store: Instruction) -> bool:
    """Whether an instruction loads what another one bound."""
    if store.name == "STORE_GLOBAL":
        return (one.name, one.argument) == ("LOAD_GLOBAL", (store.argument or 0) << 1)
    return (one.name, one.argument) == ("LOAD_NAME", store.argument)


def _line(one: Instruction) -> str:
    return f"line {one.location.lineno if one.location is not None else '?'}"

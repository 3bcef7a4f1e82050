"""Code as a graph of instructions, in which whatever the compiler has copied is there once.

The compiler puts copies of short code to where it would jump to it: the end of a module behind the last ``break``, the
condition of a loop at its bottom, a ``finally`` on each way out. Instructions that are equal, at the same place of the
source, and go on to the same are one: what is left does not depend on where the copies were put.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from types import CodeType
from typing import Any

from bytecode import Instr, Label
from bytecode.instr import TryBegin, TryEnd

from dyntransform.cpython.opcodes import NEVER_JUMPS
from dyntransform.lifting.decoding import plain
from dyntransform.lifting.exits import is_by_compiler, is_return

__all__ = ["JUMPS", "Graph", "Handler"]


@dataclasses.dataclass(frozen=True)
class Handler:
    """Where an exception goes: to the instruction `target`, with the lowest `depth` values of the stack."""

    target: int
    push_lasti: bool
    depth: int


JUMPS = ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT")
"""They depend on nothing."""


class Graph:
    """The instructions of a code object that can be executed.

    Args:
        code: a code object.
        is_merged: copies are one instruction.

    Attributes:
        instructions: all of them, in the order of the code; not all are part of the graph.
        following: where each goes if it does not jump; jumps that depend on nothing have been followed.
        targets: where it may jump to.
        handlers: where its exceptions go.
        jumps: the jump after an instruction, where there was one.
        depths: the size of the stack before each instruction of the graph.
        ends: what the compiler adds at the end of the scope; its place is that of something else.
    """

    def __init__(self, code: CodeType, *, is_merged: bool) -> None:
        self.instructions: list[Instr] = []
        self.handlers: list[Handler | None] = []
        self.jumps: dict[int, Instr] = {}
        self._read(plain(code))
        self.depths = self._reached()
        self.ends = self._ends()
        if is_merged:
            self._merge()
            self.depths = self._reached()

    def _read(self, listing: list[Any]) -> None:
        labels: dict[Label, int] = {}
        current: TryBegin | None = None
        protected: list[TryBegin | None] = []
        for item in listing:
            if isinstance(item, Label):
                labels[item] = len(self.instructions)
            elif isinstance(item, TryBegin):
                current = item
            elif isinstance(item, TryEnd):
                current = None
            else:
                self.instructions.append(item)
                protected.append(current)
        self._goals = [
            labels[one.arg] if isinstance(one.arg, Label) and one.name not in NEVER_JUMPS else None
            for one in self.instructions
        ]
        self._link()
        for entry in protected:
            landing = self._landing(labels[entry.target]) if entry and isinstance(entry.target, Label) else None
            if entry is None or landing is None:
                self.handlers.append(None)
                continue
            assert isinstance(entry.stack_depth, int)
            self.handlers.append(Handler(landing, entry.push_lasti, entry.stack_depth))

    def _link(self) -> None:
        self.following: list[int | None] = []
        self.targets: list[int | None] = []
        for index, (instruction, goal) in enumerate(zip(self.instructions, self._goals, strict=True)):
            if instruction.name in JUMPS:
                self.following.append(self._landing(goal))
                self.targets.append(None)
                continue
            following = None if instruction.is_final() else index + 1
            if following is not None and self.instructions[following].name in JUMPS:
                self.jumps[index] = self.instructions[following]
            self.following.append(self._landing(following))
            self.targets.append(self._landing(goal))

    def _landing(self, index: int | None) -> int | None:
        """Follow jumps that depend on nothing; an empty endless loop is left as it is."""
        seen: set[int] = set()
        while index is not None and index not in seen and self.instructions[index].name in JUMPS:
            seen.add(index)
            index = self._goals[index]
        return index

    def _reached(self) -> dict[int, int]:
        """Return the size of the stack before each instruction that can be reached."""
        depths: dict[int, int] = {}
        start = self._landing(0)
        pending = [] if start is None else [(start, 0)]
        while pending:
            index, depth = pending.pop()
            if index in depths:
                continue
            depths[index] = depth
            instruction = self.instructions[index]
            target, following, handler = self.targets[index], self.following[index], self.handlers[index]
            if handler is not None:
                pending.append((handler.target, handler.depth + handler.push_lasti + 1))
            if target is not None:
                pending.append((target, depth + instruction.stack_effect(jump=True)))
            if following is not None:
                effect = 0 if instruction.name in JUMPS else instruction.stack_effect(jump=False)
                pending.append((following, depth + effect))
        return depths

    def next(self, index: int) -> Iterator[int]:
        """Yield where an instruction goes if it raises nothing."""
        for place in (self.following[index], self.targets[index]):
            if place is not None:
                yield place

    def all_next(self, index: int) -> Iterator[int]:
        """Yield where an instruction may go."""
        yield from self.next(index)
        handler = self.handlers[index]
        if handler is not None:
            yield handler.target

    def reached(self, start: int, inside: Collection[int]) -> set[int]:
        """Return which of some instructions are reached from the first one without an exception."""
        found: set[int] = set()
        pending = [start]
        while pending:
            index = pending.pop()
            if index in inside and index not in found:
                found.add(index)
                pending += self.next(index)
        return found

    # ------------------------------------------------------------------ what is the same

    def skipped(self, index: int | None) -> int | None:
        """Return the first instruction from `index` on that does something."""
        seen: set[int] = set()
        while index is not None and index not in seen and self.instructions[index].name == "NOP":
            seen.add(index)
            index = self.following[index]
        return index

    def branches(self, index: int) -> tuple[str, int | None, int | None]:
        """Return what an instruction does and where it goes, whatever way the compiler has put it.

        Returns:
            The name, without a direction; where it goes; where else.
        """
        name = self.instructions[index].name.replace("_FORWARD", "").replace("_BACKWARD", "")
        following, target = self.skipped(self.following[index]), self.skipped(self.targets[index])
        opposite = _OPPOSITES.get(name)
        return (name, following, target) if opposite is None else (opposite, target, following)

    def _merge(self) -> None:
        """Keep one of each class of equal instructions: those of the coarsest partition that the edges respect."""
        groups = self._alike()
        while True:
            classes = {index: index for index in self.depths}
            for group in groups:
                classes.update(dict.fromkeys(group, group[0]))
            finer = [part for group in groups for part in self._split(group, classes)]
            if finer == groups:
                break
            groups = finer
        plain = self.reached(next(iter(self.depths)), self.depths)
        for group in groups:  # what is jumped to stands behind its copies, but for those in handlers
            classes.update(dict.fromkeys(group, max(group, key=lambda index: (index in plain, index))))
        self.following = [None if index is None else classes.get(index, index) for index in self.following]
        self.targets = [None if index is None else classes.get(index, index) for index in self.targets]
        self.handlers = [
            each and dataclasses.replace(each, target=classes.get(each.target, each.target)) for each in self.handlers
        ]

    def _alike(self) -> list[list[int]]:
        """Return groups of equal instructions at the same place of the source, or of none at the end of the scope."""
        cleanups = set(self._cleanups())
        alike: dict[object, list[int]] = {}
        for index in sorted(self.depths):
            instruction = self.instructions[index]
            place = instruction.location
            if index in self.ends or index in cleanups:
                place = None  # it is that of whatever the compiler has put before
            elif place is None or place.lineno is None or instruction.name in ("NOP", *JUMPS):
                continue
            alike.setdefault((self.branches(index)[0], place, self.depths[index]), []).append(index)
        groups: list[list[int]] = []
        for members in alike.values():
            if len(members) > 1:
                equal: dict[object, list[int]] = {}
                for index in members:
                    equal.setdefault(_argument(self.instructions[index].arg), []).append(index)
                groups += [group for group in equal.values() if len(group) > 1]
        return groups

    def _ends(self) -> set[int]:
        """Return what stands for nothing in the source, from the return on backwards."""
        sources: dict[int, list[int]] = {}
        for index in self.depths:
            following = self.skipped(self.following[index])
            if following is not None and self.targets[index] is None:
                sources.setdefault(following, []).append(index)
        ends: set[int] = set()
        pending = [index for index in self.depths if is_return(self.instructions[index])]
        while pending:
            index = pending.pop()
            ends.add(index)
            pending += [one for one in sources.get(index, ()) if is_by_compiler(self.instructions[one])]
        return ends

    def _cleanups(self) -> Iterator[int]:
        """Yield what ends a handler: the exception is over, and so is its name."""
        for index in self.depths:
            instruction = self.instructions[index]
            if instruction.name == "POP_EXCEPT":
                yield index
            store = self.following[index] if instruction.name == "LOAD_CONST" and instruction.arg is None else None
            delete = self.following[store] if store is not None else None
            if store is not None and delete is not None:
                one, other = self.instructions[store], self.instructions[delete]
                if one.name.startswith("STORE") and other.name == one.name.replace("STORE", "DELETE"):
                    yield from (index, store, delete) if one.arg == other.arg else ()

    def _split(self, group: list[int], classes: dict[int, int]) -> Iterator[list[int]]:
        """Yield the members that go on to the same classes."""
        parts: dict[object, list[int]] = {}
        for index in group:
            _, one, other = self.branches(index)
            handler = self.handlers[index]
            goal = handler and (classes[handler.target], handler.push_lasti, handler.depth)
            key = (None if one is None else classes[one], None if other is None else classes[other], goal)
            parts.setdefault(key, []).append(index)
        yield from (part for part in parts.values() if len(part) > 1)


_OPPOSITES = {
    "POP_JUMP_IF_FALSE": "POP_JUMP_IF_TRUE",
    "POP_JUMP_IF_NOT_NONE": "POP_JUMP_IF_NONE",
}


def _argument(value: object) -> object:
    """Return what is equal for equal arguments; functions that are made of copied code are not the same."""
    if isinstance(value, Label):
        return None
    return id(value) if isinstance(value, CodeType) else (type(value), repr(value))

"""Where the statements of a module or class body begin and end in its code.

The compiler lays statements out one after the other; only the handlers of exceptions stand behind everything else. A
statement begins where the stack is empty and no jump, loop or protected range leads across.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from types import CodeType
from typing import Any

from bytecode import Bytecode, Instr, Label
from bytecode.instr import TryBegin, TryEnd

from dyntransform.lifting.exits import is_return, without_copied_exits

__all__ = ["Flow", "Range"]


@dataclasses.dataclass(frozen=True)
class _Try:
    """Instructions `start` to `stop` are protected by the handler at `target`, which keeps `depth` of the stack."""

    start: int
    stop: int
    target: int
    push_lasti: bool
    depth: int


@dataclasses.dataclass(frozen=True)
class Range:
    """A piece of code.

    Attributes:
        start: index of its first instruction.
        stop: index of what follows on the main line.
        handlers: indexes of its instructions behind the main line.
    """

    start: int
    stop: int
    handlers: tuple[int, ...] = ()

    @property
    def indexes(self) -> list[int]:
        """All its instructions, those of the main line first."""
        return [*range(self.start, self.stop), *self.handlers]


_SILENT = {"RESUME", "MAKE_CELL", "COPY_FREE_VARS", "SETUP_ANNOTATIONS"}
"""What the compiler puts at the beginning, and again if it compiles the statements."""


class Flow:
    """The instructions of a code object, and where control goes.

    Args:
        code: a module or class body, or a scope of type parameters.

    Attributes:
        instructions: without labels and caches.
        targets: where each may jump to.
        depths: the size of the stack before each, as far as it can be reached without an exception.
        main: how many stand on the main line; handlers of exceptions come behind them.
    """

    def __init__(self, code: CodeType) -> None:
        listing = list(Bytecode.from_code(code))
        self._take(listing)
        places = [place for place, item in enumerate(listing) if isinstance(item, Instr)]
        ending = places[self.main - 1] if is_return(self.instructions[self.main - 1]) else None
        dead = {places[index] for index in range(len(places))} - {places[index] for index in self._reached()}
        if dead:
            ending = None if ending is None else ending - sum(place < ending for place in dead)
            listing = [item for place, item in enumerate(listing) if place not in dead]
        if ending is not None:
            listing = without_copied_exits(listing, ending)
        self._take(listing)

    def _take(self, listing: list[Any]) -> None:
        self.instructions: list[Instr] = []
        self._tries: list[_Try] = []
        labels: dict[Label, int] = {}
        open_tries: dict[TryBegin, int] = {}
        closed: list[tuple[TryBegin, int, int]] = []
        for item in listing:
            if isinstance(item, Label):
                labels[item] = len(self.instructions)
            elif isinstance(item, TryBegin):
                open_tries[item] = len(self.instructions)
            elif isinstance(item, TryEnd):
                closed.append((item.entry, open_tries.pop(item.entry), len(self.instructions)))
            else:
                self.instructions.append(item)
        closed += [(entry, start, len(self.instructions)) for entry, start in open_tries.items()]
        for entry, start, stop in closed:
            if start < stop:
                assert isinstance(entry.target, Label)
                self._tries.append(_Try(start, stop, labels[entry.target], entry.push_lasti, _depth(entry)))
        self.targets = [labels[one.arg] if isinstance(one.arg, Label) else None for one in self.instructions]
        self.depths = self._find_depths()
        self.main = max(self.depths, default=-1) + 1

    def _find_depths(self) -> dict[int, int]:
        """Follow the main line; where a protected range always raises, it goes on in the handler."""
        depths: dict[int, int] = {}
        pending = [(0, 0)]
        while pending:
            self._follow(pending, depths)
            last = max(depths)
            if not is_return(self.instructions[last]):
                entries = [one for one in self._tries if one.start <= last < one.stop and one.target not in depths]
                pending = [(one.target, one.depth + one.push_lasti + 1) for one in entries]
        return depths

    def _follow(self, pending: list[tuple[int, int]], depths: dict[int, int]) -> None:
        while pending:
            index, depth = pending.pop()
            if index in depths or index >= len(self.instructions):
                continue
            depths[index] = depth
            instruction = self.instructions[index]
            target = self.targets[index]
            if target is not None:
                pending.append((target, depth + instruction.stack_effect(jump=True)))
            if not instruction.is_final():
                pending.append((index + 1, depth + instruction.stack_effect(jump=False)))

    def _reached(self) -> set[int]:
        """Return the instructions that are executed at all; Python 3.11 leaves some that are not."""
        reached: set[int] = set()
        pending = [0]
        while pending:
            index = pending.pop()
            if index in reached or index >= len(self.instructions):
                continue
            reached.add(index)
            target = self.targets[index]
            if target is not None:
                pending.append(target)
            if not self.instructions[index].is_final():
                pending.append(index + 1)
            pending += [entry.target for entry in self._tries if entry.start <= index < entry.stop]
        return reached

    @functools.cached_property
    def _protecting(self) -> dict[int, list[_Try]]:
        """The protected ranges around each instruction."""
        found: dict[int, list[_Try]] = {}
        for entry in self._tries:
            for index in range(entry.start, entry.stop):
                found.setdefault(index, []).append(entry)
        return found

    def tries_of(self, indexes: Iterable[int]) -> list[_Try]:
        """Return the protected ranges that some instructions stand in."""
        return list(dict.fromkeys(entry for index in indexes for entry in self._protecting.get(index, ())))

    def _handler_indexes(self, indexes: Iterable[int]) -> set[int]:
        """Return the instructions behind the main line that the handlers of some instructions lead to."""
        found: set[int] = set()
        pending = [entry.target for entry in self.tries_of(indexes)]
        while pending:
            index = pending.pop()
            if index < self.main or index in found or index >= len(self.instructions):
                continue
            found.add(index)
            target = self.targets[index]
            if target is not None:
                pending.append(target)
            if not self.instructions[index].is_final():
                pending.append(index + 1)
            pending += [entry.target for entry in self._protecting.get(index, ())]
        return found

    # ------------------------------------------------------------------ pieces

    def range(self, start: int, stop: int) -> Range:
        """Return a piece of the main line with its handlers."""
        return Range(start, stop, tuple(sorted(self._handler_indexes(range(start, stop)))))

    def statements(self, start: int, stop: int) -> list[Range]:
        """Cut a part of the main line into statements."""
        free = self._uncrossed
        cuts = [index for index in range(start, stop) if free[index] and self.depths.get(index) == 0]
        bounds = [start, *(cut for cut in cuts if cut > start), stop]
        ranges: list[Range] = []
        begin = start
        for one, other in itertools.pairwise(bounds):
            names = {instruction.name for instruction in self.instructions[one:other]}
            if names <= _SILENT:
                begin = other
            elif names != {"NOP"}:  # `pass`, or the keyword of the statement that follows
                ranges.append(self.range(begin, other))
                begin = other
        return ranges

    @functools.cached_property
    def _uncrossed(self) -> list[bool]:
        """Tell of each index of the main line whether control gets there only over what is right before it."""
        crossings = [0] * (self.main + 2)

        def cross(low: int, high: int) -> None:
            high = min(high, self.main)
            if low + 1 < high:
                crossings[low + 1] += 1
                crossings[high] -= 1

        for index in range(self.main):
            target = self.targets[index]
            if target is not None:
                cross(min(index, target), target if target > index else index + 1)
            elif is_return(self.instructions[index]):
                cross(index, self.main)
        for entry in self._tries:
            if entry.start >= self.main:
                continue
            stop = min(entry.stop, self.main)
            landings = [stop, *self._landings(range(entry.start, stop))]
            cross(min(entry.start, *landings), max(landings))
        total = 0
        free = []
        for index in range(self.main):
            total += crossings[index]
            free.append(total == 0)
        return free

    def _landings(self, indexes: Sequence[int]) -> Iterator[int]:
        """Yield where handlers come back to the main line."""
        for index in self._handler_indexes(indexes):
            target = self.targets[index]
            if target is not None and target < self.main:
                yield target
        for entry in self.tries_of(indexes):
            if entry.target < self.main:
                yield entry.target

    def listing(self, piece: Range) -> list[Any]:
        """Return the instructions of a piece as they can be put into other code; where they leave it, they end.

        Returns:
            Instructions, labels and protected ranges, made for this call.
        """
        indexes = piece.indexes
        places = {index: place for place, index in enumerate(indexes)}
        end = Label()
        labels: dict[int, Label] = {}
        for index in indexes:
            target = self.targets[index]
            if target is not None and target in places:
                labels.setdefault(target, Label())
        tries = self.tries_of(indexes)
        for entry in tries:
            labels.setdefault(entry.target, Label())
        found: list[Any] = []
        current: dict[_Try, TryBegin] = {}
        for index in indexes:
            wanted = self._protecting.get(index, [])
            ended = [entry for entry in current if entry not in wanted]
            found += [TryEnd(current.pop(entry)) for entry in ended]
            if index in labels:
                found.append(labels[index])
            for entry in wanted:
                if entry not in current:
                    current[entry] = TryBegin(labels[entry.target], entry.push_lasti)
                    found.append(current[entry])
            if index == piece.stop:
                found.append(end)
            if self.instructions[index].name == "RETURN_VALUE":
                found.append(Instr("POP_TOP", location=self.instructions[index].location))
            found.append(self._placed(index, labels, places, end))
            if index == piece.stop - 1 and piece.handlers and not found[-1].is_final():
                found += [TryEnd(entry) for entry in current.values()]
                current.clear()
                found.append(Instr("JUMP_FORWARD", end, location=self.instructions[index].location))
        found += [TryEnd(entry) for entry in current.values()]
        if isinstance(found[-1], Instr) and found[-1].arg is end and found[-1].name == "JUMP_FORWARD":
            found.pop()  # it only goes to what follows
        found.append(end)
        return found

    def _placed(self, index: int, labels: dict[int, Label], places: dict[int, int], end: Label) -> Instr:
        """Return an instruction as it stands in a listing, where handlers may be before or behind what they go to."""
        instruction = self.instructions[index]
        if is_return(instruction):
            return Instr("JUMP_FORWARD", end, location=instruction.location)
        target = self.targets[index]
        if target is None:
            return instruction.copy()
        name = instruction.name
        goes_back = target in places and places[target] <= places[index]
        if name in _JUMPS:
            name = ("JUMP_BACKWARD" if name == "JUMP_FORWARD" else name) if goes_back else "JUMP_FORWARD"
        return Instr(name, labels[target] if target in places else end, location=instruction.location)


_JUMPS = ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT")


def _depth(entry: TryBegin) -> int:
    depth: Any = entry.stack_depth
    return depth if type(depth) is int else 0  # it is a class of its own where it is not set

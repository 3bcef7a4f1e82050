"""Where the statements of a module or class body begin and end in its code.

The statements stand one after the other on the main line (see `layout`), and the handlers of exceptions behind it.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from collections.abc import Iterable, Sequence
from types import CodeType
from typing import Any

from bytecode import Instr, Label
from bytecode.instr import TryBegin, TryEnd

from dyntransform.cpython.opcodes import LOOPS_HAVE_THEIR_KEYWORD
from dyntransform.lifting.exits import is_return
from dyntransform.lifting.graph import JUMPS, Graph, Handler
from dyntransform.lifting.layout import segments, whole
from dyntransform.lifting.parts import argument_structure, digest
from dyntransform.lifting.placing import Line

__all__ = ["Flow", "Range"]


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
        code: any code; that of a module or class body is put in the order of its statements.

    Attributes:
        code: the code object.
        instructions: without labels and caches, those that cannot be reached, and copies.
        targets: where each may jump to.
        handlers: where its exceptions go.
        depths: the size of the stack before each.
        main: how many stand on the main line; handlers of exceptions come behind them.
    """

    def __init__(self, code: CodeType) -> None:
        is_scope = not code.co_flags & inspect.CO_OPTIMIZED
        self._graph = Graph(code, is_merged=is_scope)
        self._segments = segments(self._graph) if is_scope else [whole(self._graph)]
        main = [index for segment in self._segments for index in segment.main]
        rest = [index for segment in self._segments for index in segment.handlers]
        self._line = Line(self._graph, [*main, *rest])
        places = self._line.places
        self.instructions = self._line.instructions
        self.targets = self._line.targets
        self.handlers = [each and dataclasses.replace(each, target=places[each.target]) for each in self._line.handlers]
        self.depths = {places[index]: depth for index, depth in self._graph.depths.items()}
        self.main = places[rest[0]] if rest else len(self.instructions)
        self.code = code
        self._names: dict[int, str] = {}

    def name(self, index: int, text: str) -> None:
        """Have the argument of an instruction count as a text where pieces are compared."""
        self._names[self._line.nodes[index]] = text

    def handlers_of(self, indexes: Iterable[int]) -> list[Handler]:
        """Return where exceptions of some instructions go."""
        found = (self.handlers[index] for index in indexes)
        return list(dict.fromkeys(handler for handler in found if handler is not None))

    def _behind(self, indexes: Iterable[int]) -> set[int]:
        """Return the instructions behind the main line that the handlers of some instructions lead to."""
        found: set[int] = set()
        pending = [handler.target for handler in self.handlers_of(indexes)]
        while pending:
            index = pending.pop()
            if index < self.main or index in found:
                continue
            found.add(index)
            target = self.targets[index]
            if target is not None:
                pending.append(target)
            if not self.instructions[index].is_final():
                pending.append(index + 1)
            pending += [handler.target for handler in self.handlers_of([index])]
        return found

    # ------------------------------------------------------------------ pieces

    def range(self, start: int, stop: int) -> Range:
        """Return a piece of the main line with its handlers."""
        return Range(start, stop, tuple(sorted(self._behind(range(start, stop)))))

    def statements(self) -> list[Range]:
        """Return what stands between two places where statements begin; what does nothing is part of what follows."""
        starts = [self._line.places[segment.main[0]] for segment in self._segments]
        ranges: list[Range] = []
        begin = starts[0]
        for number, (one, other) in enumerate(itertools.pairwise([*starts, self.main])):
            names = {instruction.name for instruction in self.instructions[one:other]}
            if names <= _SILENT or (names == {"NOP"} and self._is_break(number)):
                begin = other
            elif names != {"NOP"}:  # `pass`, or the keyword of the statement that follows
                ranges.append(self.range(begin, other))
                begin = other
        return ranges

    def _is_break(self, number: int) -> bool:
        """Whether a segment that does nothing is the way out of the loop before it, and no keyword of what follows."""
        if not number or not self._segments[number - 1].is_loop:
            return False
        following = self._segments[number + 1] if number + 1 < len(self._segments) else None
        if following is None or (following.is_loop and not LOOPS_HAVE_THEIR_KEYWORD):
            return following is None
        one, other = (self._graph.instructions[self._segments[each].main[0]].location for each in (number, number + 1))
        if one is None or other is None or one.end_lineno is None or other.lineno is None:
            return False
        return one.end_lineno < other.lineno

    def structure(self, piece: Range, hollow: Sequence[CodeType] = ()) -> str:
        """Return a text that is equal for pieces that differ in lines only, or in where the compiler has put what.

        Args:
            piece: whole statements.
            hollow: code objects of which only the name counts.
        """
        inside = {self._line.nodes[index] for index in piece.indexes}
        numbers: dict[int, int] = {}
        pending = [self._graph.skipped(self._line.nodes[piece.start])]
        while pending:
            node = pending.pop()
            if node in inside and node not in numbers:
                numbers[node] = len(numbers)
                handler = self._graph.handlers[node]
                pending += [handler.target if handler is not None else None, *reversed(self._graph.branches(node)[1:])]
        found: list[object] = []
        for node in numbers:
            name, *goals = self._graph.branches(node)
            argument = self._graph.instructions[node].arg
            text = "" if isinstance(argument, Label) else argument_structure(argument, hollow)
            text = self._names.get(node, text)
            handler = self._graph.handlers[node]
            onward = [goal if goal is None else numbers.get(goal, "end") for goal in goals]
            caught = handler and (numbers.get(handler.target), handler.push_lasti)
            found.append((name, text, onward, caught))
        return digest(found)

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
        for handler in self.handlers_of(indexes):
            labels.setdefault(handler.target, Label())
        found: list[Any] = []
        begun: TryBegin | None = None
        current: Handler | None = None
        for index in indexes:
            wanted = self.handlers[index]
            if begun is not None and wanted != current:
                found.append(TryEnd(begun))
                begun = None
            if index in labels:
                found.append(labels[index])
            if wanted is not None and wanted != current:
                begun = TryBegin(labels[wanted.target], wanted.push_lasti)
                found.append(begun)
            current = wanted
            if self.instructions[index].name == "RETURN_VALUE":
                found.append(Instr("POP_TOP", location=self.instructions[index].location))
            found.append(self._placed(index, labels, places, end))
            if index == piece.stop - 1 and piece.handlers and not found[-1].is_final():
                if begun is not None:
                    found.append(TryEnd(begun))
                    begun = current = None
                found.append(Instr("JUMP_FORWARD", end, location=self.instructions[index].location))
        if begun is not None:
            found.append(TryEnd(begun))
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
        if name in JUMPS:
            name = ("JUMP_BACKWARD" if name == "JUMP_FORWARD" else name) if goes_back else "JUMP_FORWARD"
        return Instr(name, labels[target] if target in places else end, location=instruction.location)

"""A graph of instructions written down as a line again."""

from __future__ import annotations

from collections.abc import Sequence

from bytecode import Instr, Label

from dyntransform.lifting.graph import JUMPS, Graph, Handler

__all__ = ["Line"]


class Line:
    """The instructions of a graph one after the other, with jumps where one does not go on to the next.

    Args:
        graph: code.
        order: its instructions.

    Attributes:
        instructions: those of the graph, and jumps between them.
        targets: where each may jump to.
        handlers: where its exceptions go.
        nodes: the instruction of the graph that each is, or goes to.
        places: where the instructions of the graph stand.
    """

    def __init__(self, graph: Graph, order: Sequence[int]) -> None:
        self.instructions: list[Instr] = []
        self.targets: list[int | None] = []
        self.handlers: list[Handler | None] = []
        self.nodes: list[int] = []
        self.places: dict[int, int] = {}
        self._graph = graph
        self._goals: list[tuple[int, int]] = []
        for index, following in zip(order, [*order[1:], None], strict=True):
            self._write(index, following)
        for place, goal in self._goals:
            self.targets[place] = self.places[goal]

    def _write(self, index: int, next_one: int | None) -> None:
        instruction = self._graph.instructions[index]
        following, target = self._graph.following[index], self._graph.targets[index]
        if instruction.name in JUMPS:  # an endless loop around nothing
            instruction = Instr("NOP", location=instruction.location)
        elif target is not None:  # what depends on something goes forward
            name = instruction.name.replace("_BACKWARD", "_FORWARD")
            instruction = Instr(name, instruction.arg, location=instruction.location)
        self.places[index] = self._add(instruction, index)
        if target is not None and target not in self.places:
            self._goals.append((self.places[index], target))
        elif target is not None:  # only a jump that depends on nothing can go back
            assert following is not None
            self._jump(index, following)
            self.targets[self.places[index]] = len(self.instructions)
            self._jump(index, target)
            return
        if following is not None and following != next_one:
            self._jump(index, following)

    def _add(self, instruction: Instr, index: int) -> int:
        self.instructions.append(instruction)
        self.targets.append(None)
        self.handlers.append(self._graph.handlers[index])
        self.nodes.append(index)
        return len(self.instructions) - 1

    def _jump(self, index: int, goal: int) -> None:
        """Go from an instruction to another one."""
        name = "JUMP_BACKWARD" if goal in self.places else "JUMP_FORWARD"
        location = (self._graph.jumps.get(index) or self._graph.instructions[index]).location
        place = self._add(Instr(name, Label(), location=location), index)
        self._goals.append((place, goal))

"""Where the statements of a module or class body begin and end in its code, and an order that keeps each together.

A statement begins at an instruction with an empty stack that every execution of the whole passes, once, on its way to
the end: outside of loops, and of protected ranges that began before. What leads to nothing but an exception, as the
failure of an ``assert`` does, belongs to the statement that it is reached from.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from dyntransform.lifting.exits import is_return
from dyntransform.lifting.graph import Graph

__all__ = ["Segment", "segments", "whole"]


@dataclasses.dataclass(frozen=True)
class Segment:
    """A statement, or what the compiler puts between two.

    Attributes:
        main: its instructions that are reached without an exception in it, the first one first.
        handlers: the others.
        is_loop: it begins with a loop.
    """

    main: list[int]
    handlers: list[int]
    is_loop: bool


def segments(graph: Graph) -> list[Segment]:
    """Cut a module or class body into statements, in the order of execution."""
    return _Cut(graph).segments()


def whole(graph: Graph) -> Segment:
    """Return a code object as it is."""
    main = graph.reached(next(iter(graph.depths)), graph.depths)
    indexes = sorted(graph.depths)
    return Segment([one for one in indexes if one in main], [one for one in indexes if one not in main], is_loop=False)


class _Cut:
    """The components of a graph, in an order in which edges go forward only."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._components = _components(graph)
        self._sources: dict[int, list[int]] = {}
        for index in graph.depths:
            for goal in graph.all_next(index):
                self._sources.setdefault(goal, []).append(index)
        self._positions: dict[int, int] = {}
        self._spans: list[tuple[int, int]] = []
        self._place()

    def segments(self) -> list[Segment]:
        """Return the statements."""
        starts = self._starts()
        bounds = [*starts, len(self._components)]
        inside: list[list[int]] = [[] for _ in self._components]
        for index, position in self._positions.items():
            inside[position].append(index)
        return [
            self._segment(start, list(itertools.chain.from_iterable(inside[low:high])))
            for (low, high), start in zip(itertools.pairwise(bounds), starts.values(), strict=True)
        ]

    def _place(self) -> None:
        """Give instructions on the way to the end their component's place, and others that of what leads to them.

        Ranges of places within which nothing is cut are kept beside.
        """
        on_the_way = self._on_the_way()
        places = itertools.count()
        for component in self._components:
            if component[0] in on_the_way:
                self._positions.update(dict.fromkeys(component, next(places)))
                continue
            members = set(component)
            before = [self._positions[one] for each in component for one in self._sources[each] if one not in members]
            self._positions.update(dict.fromkeys(component, min(before)))
            self._spans.append((min(before), max(before)))
        protected: dict[int, list[int]] = {}
        for index, position in self._positions.items():
            handler = self._graph.handlers[index]
            if handler is not None:
                protected.setdefault(handler.target, []).append(position)
            goals = [self._positions[goal] for goal in self._graph.all_next(index) if goal in on_the_way]
            self._spans += [(position, goal - 1) for goal in goals if index in on_the_way]
        self._spans += [(min(each), max(each)) for each in (*protected.values(), *self._copied(on_the_way))]

    def _copied(self, on_the_way: set[int]) -> Iterator[list[int]]:
        """Yield the places of what also stands where only an exception goes on, as a `finally` does."""
        copies: dict[object, list[int]] = {}
        for index, position in self._positions.items():
            place = self._graph.instructions[index].location
            if place is not None and place.col_offset is not None and index not in on_the_way:
                copies.setdefault(place, []).append(position)
        for index in on_the_way:
            place = self._graph.instructions[index].location
            if place in copies and index not in self._graph.ends:
                copies[place].append(self._positions[index])
        yield from copies.values()

    def _on_the_way(self) -> set[int]:
        """Return the instructions from which the end can be reached."""
        found: set[int] = set()
        pending = list(self._end())
        while pending:
            index = pending.pop()
            if index not in found:
                found.add(index)
                pending += self._sources.get(index, ())
        return found

    def _end(self) -> Sequence[int]:
        """Return where the code ends; where it never does so without an exception, what comes last in it."""
        returns = [index for index in self._graph.depths if is_return(self._graph.instructions[index])]
        if returns:
            return returns
        last = max(self._graph.reached(next(iter(self._graph.depths)), self._graph.depths))
        return next(component for component in self._components if last in component)

    def _starts(self) -> dict[int, int]:
        """Return the places where statements begin, and the instruction with which each does."""
        crossing = [0] * (len(self._components) + 1)
        for low, high in self._spans:
            if low < high:
                crossing[low + 1] += 1
                crossing[high + 1] -= 1
        entries: dict[int, set[int]] = {0: {next(iter(self._graph.depths))}}
        for index, position in self._positions.items():
            for goal in self._graph.all_next(index):
                if self._positions[goal] > position:
                    entries.setdefault(self._positions[goal], set()).add(goal)
        starts: dict[int, int] = {}
        for position, count in enumerate(itertools.accumulate(crossing)):
            entry = entries.get(position, ())
            if not count and len(entry) == 1 and all(self._graph.depths[index] == 0 for index in entry):
                (starts[position],) = entry
        return starts

    def _segment(self, start: int, members: list[int]) -> Segment:
        inside = set(members)
        main = self._graph.reached(start, inside)
        ordered = sorted(members, key=lambda index: (index < start, index))
        return Segment(
            [index for index in ordered if index in main],
            [index for index in ordered if index not in main],
            any(source in inside for source in self._sources.get(start, ())),
        )


def _components(graph: Graph) -> list[list[int]]:
    """Return the strongly connected components in an order in which edges go forward (Tarjan 1972)."""
    found: list[list[int]] = []
    numbers: dict[int, int] = {}
    lowest: dict[int, int] = {}
    stack: list[int] = []
    open_ones: set[int] = set()
    for root in graph.depths:
        path = [(root, iter(graph.all_next(root)))] if root not in numbers else []
        while path:
            index, goals = path[-1]
            if index not in numbers:
                numbers[index] = lowest[index] = len(numbers)
                stack.append(index)
                open_ones.add(index)
            goal = next((one for one in goals if one not in numbers or one in open_ones), None)
            if goal is None:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[index])
                if lowest[index] == numbers[index]:
                    component = [index]
                    while stack[-1] != index:
                        component.append(stack.pop())
                    stack.pop()
                    open_ones.difference_update(component)
                    found.append(component)
            elif goal in numbers:
                lowest[index] = min(lowest[index], numbers[goal])
            else:
                path.append((goal, iter(graph.all_next(goal))))
    return found[::-1]

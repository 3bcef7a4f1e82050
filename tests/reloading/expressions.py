"""Hypothesis strategies for the expressions and function bodies of a project."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TypeVar

from hypothesis import strategies as st
from reloading.projects import Bound, Names

__all__ = ["Body", "Expressions", "Pen", "Scope"]

T = TypeVar("T")


class Pen:
    """Draws choices, and hands out names and numbers that are unique in a project."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._count = 0

    def number(self) -> int:
        """Return a new number."""
        self._count += 1
        return self._count

    def name(self, prefix: str) -> str:
        """Return a new name."""
        return f"{prefix}{self.number()}"

    def integer(self, low: int, high: int) -> int:
        """Draw an integer."""
        return self._draw(st.integers(low, high))

    def one_of(self, choices: Sequence[T]) -> T:
        """Draw one of some things; the first is the simplest."""
        return self._draw(st.sampled_from(choices))

    def maybe(self) -> bool:
        """Draw yes or no; no is simpler."""
        return self._draw(st.booleans())


@dataclasses.dataclass(frozen=True)
class Scope:
    """What a statement may use.

    Attributes:
        names: what is bound when the statement is executed.
        own: those of them that statements of the same module bind.
        later: what is bound when functions are called.
        project: what every module binds in the end.
        earlier: names of the modules that may be imported while the statement is executed.
    """

    names: Names
    own: frozenset[str]
    later: Names
    project: dict[str, Names]
    earlier: tuple[str, ...]

    def of_kind(self, *kinds: str) -> list[str]:
        """Return what has one of some kinds, also through modules."""
        return [name for name, bound in self._reachable(self.names) if bound.kind in kinds]

    def of_kind_later(self, number: int, *kinds: str) -> list[tuple[str, str]]:
        """Return what a function may use when it is called, with its kind; made before the statement of that number."""
        return [
            (name, bound.kind)
            for name, bound in self._reachable(self.later)
            if bound.kind in kinds and bound.number < number
        ]

    def kind(self, name: str) -> str:
        """Return the kind of a name that is bound when the statement is executed."""
        return dict(self._reachable(self.names))[name].kind

    def _reachable(self, names: Names) -> Iterable[tuple[str, Bound]]:
        yield from names.items()
        for name, bound in names.items():
            if bound.kind.startswith("module "):
                provider = self.project.get(bound.kind.removeprefix("module "), {})
                yield from ((f"{name}.{attribute}", inner) for attribute, inner in provider.items())


class Expressions:
    """Draws expressions that a statement evaluates at once, and notes what they need.

    Args:
        pen: draws.
        scope: what may be used.
        members: names of the class body around.
    """

    def __init__(self, pen: Pen, scope: Scope, members: Iterable[str] = ()) -> None:
        self.needs: set[tuple[str, str]] = set()
        self._pen = pen
        self._scope = scope
        self._members = list(members)

    def number(self) -> str:
        """Draw an integer expression."""
        shape = self._pen.integer(0, 4)
        if shape == 0:
            return str(self._pen.integer(0, 9))
        name = self.name("int")
        if shape == 1:
            return name
        if shape == 2:
            return f"{name} + {self._pen.integer(1, 9)}"
        if shape == 3:
            return f"{name} * 10 + {self.name('int')}"
        if name in self._members:
            return f"-{name}"  # a comprehension does not see the names of a class body
        return f"sum(each + {name} for each in [1, 2])"

    def name(self, *kinds: str) -> str:
        """Draw a name of some kind, or a number if there is none."""
        names = self._scope.of_kind(*kinds)
        if "int" in kinds:
            names = [*self._members, *names]
        return self.use(self._pen.one_of(names)) if names else str(self._pen.integer(0, 9))

    def use(self, name: str) -> str:
        """Note that a name is needed."""
        self.needs.add((name, "member" if name in self._members else self._scope.kind(name)))
        return name


CALLED = {"int": "", "function": "()", "closure": "()", "object": ".run()", "class": "(3).run()", "record": "(3).run()"}
"""How a function body uses something of each kind."""


class Body:
    """Draws the body of a function: lines that run when it is called, and what they return.

    Args:
        pen: draws.
        scope: what may be used.
        number: of the statement.
        known: integer expressions over its parameters.
    """

    def __init__(self, pen: Pen, scope: Scope, number: int, known: Iterable[str] = ()) -> None:
        self._pen = pen
        self._scope = scope
        self._number = number
        self._known = list(known)
        self._lines: list[str] = []
        self._shapes = [
            self.value,
            lambda: str(pen.integer(0, 99)),
            lambda: f'f"{{{self.value()}}}"',
            lambda: f"[each + {self.value()} for each in range(2)]",
            lambda: f"(lambda y: (y, {self.value()}))({pen.integer(0, 9)})",
            self._call,
            self._import,
            self._import,
            self._attempt,
            self._local,
        ]

    def lines(self, keyword: str = "return") -> list[str]:
        """Draw the lines; the last starts with a keyword."""
        parts = [self._pen.one_of(self._shapes)() for _ in range(self._pen.integer(1, 2))]
        return [*self._lines, f"{keyword} ({', '.join(parts)},)"]

    def value(self) -> str:
        """Draw an integer expression."""
        names = [*self._known, *(name for name, _ in self._scope.of_kind_later(self._number, "int"))]
        return self._pen.one_of(names) if names else str(self._pen.integer(0, 9))

    def _call(self) -> str:
        names = self._scope.of_kind_later(self._number, *CALLED)
        if not names:
            return self.value()
        name, kind = self._pen.one_of(names)
        return f"{name}{CALLED[kind]}"

    def _attempt(self) -> str:
        self._lines += ["try:", f"    z = 10 // {self.value()}", "except ZeroDivisionError:", "    z = None"]
        return "z"

    def _local(self) -> str:
        self._lines += ["def local():", f"    return {self.value()}"]
        return "local()"

    def _import(self) -> str:
        """Draw an import inside the function, of any module."""
        usable = [
            (module, name, CALLED[bound.kind])
            for module, names in self._scope.project.items()
            for name, bound in names.items()
            if bound.kind in CALLED and bound.number < self._number
        ]
        if not usable:
            return self.value()
        module, name, called = self._pen.one_of(usable)
        imported, used = self._pen.one_of(
            [
                (f"from {module} import {name}", name),
                (f"from {module} import {name} as z_{name}", f"z_{name}"),
                (f"import {module} as z_{name}_module", f"z_{name}_module.{name}"),
            ]
        )
        self._lines.append(imported)
        if self._pen.maybe():  # kept by a closure
            self._lines += [f"def use_{name}():", f"    return {used}{called}"]
            return f"use_{name}()"
        return f"{used}{called}"

"""Annotations that are evaluated when they are asked for (PEP 649, PEP 749): by what, and where the outcome is kept.

A function, class or module has a function of the compiler that evaluates its annotations, its *evaluator*, and keeps
what that returned. Giving it an evaluator, even the same again, lets go of what it kept. Before Python 3.14, and below
``from __future__ import annotations``, nothing has an evaluator.
"""

from __future__ import annotations

import dis
from collections.abc import Mapping
from types import CodeType, FunctionType
from typing import Any, TypeAlias

from dyntransform.cpython.opcodes import ANNOTATE, MARKED, is_evaluator

__all__ = [
    "ANNOTATE",
    "CLASS_ANNOTATIONS",
    "CLASS_EVALUATOR",
    "MARKED",
    "MODULE_ANNOTATIONS",
    "Place",
    "evaluates_annotations",
    "evaluator",
    "evaluator_in",
    "marks",
    "names_read",
    "numbers",
]

CLASS_EVALUATOR = "__annotate_func__"
"""Where the namespace of a class has its evaluator."""

CLASS_ANNOTATIONS = "__annotations_cache__"
"""Where the namespace of a class keeps the annotations that were evaluated."""

MODULE_ANNOTATIONS = "__annotations__"
"""Where a module keeps them; its evaluator is `ANNOTATE`, and what that asks for are the `MARKED`."""

Place: TypeAlias = tuple[int, int]
"""Line and column, in bytes, of an annotated variable."""


def evaluates_annotations(code: CodeType) -> bool:
    """Whether the compiler made a code object to evaluate the annotations of a function, class or module."""
    return code.co_name == ANNOTATE and is_evaluator(code)


def evaluator(function: Any) -> FunctionType | None:
    """Return the evaluator of a function, if the compiler made it."""
    return _by_compiler(getattr(function, ANNOTATE, None))


def evaluator_in(namespace: Mapping[str, Any], name: str) -> FunctionType | None:
    """Return the evaluator that the namespace of a class or module has under a name, if the compiler made it."""
    return _by_compiler(namespace.get(name))


def _by_compiler(value: object) -> FunctionType | None:
    return value if type(value) is FunctionType and evaluates_annotations(value.__code__) else None


def names_read(code: CodeType) -> frozenset[str]:
    """Return the names of globals, members of a class, and attributes that code reads."""
    inner = (names_read(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return frozenset(code.co_names).union(*inner)


def marks(function: FunctionType) -> frozenset[int]:
    """Return the numbers of the annotated variables that were come to, of those that may not have been."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    found = cells[MARKED].cell_contents if MARKED in cells else function.__globals__.get(MARKED, ())
    return frozenset(found)


def numbers(code: CodeType) -> dict[int, Place]:
    """Return the places of the annotated variables that may not be come to, by their number.

    A variable below ``finally`` may have several numbers, as the compiler copies it.
    """
    found: dict[int, Place] = {}
    before: list[dis.Instruction] = []
    for one in dis.get_instructions(code):
        if one.opname == "CONTAINS_OP" and before[-1].argval == MARKED:
            place = one.positions
            if place is not None and place.lineno is not None and place.col_offset is not None:
                found[before[-2].argval] = place.lineno, place.col_offset
        before = [*before[-1:], one]
    return found

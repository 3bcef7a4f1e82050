"""The annotations that are evaluated when they are asked for, by code of their own (PEP 649, PEP 749)."""

from __future__ import annotations
import __future__

import ast
from collections.abc import Iterator
from types import CodeType

from bytecode.instr import FreeVar

from dyntransform.cpython.opcodes import ANNOTATE, ANNOTATED, MARKED, is_evaluator
from dyntransform.lifting.decoding import name_of
from dyntransform.lifting.flow import Flow, Range
from dyntransform.lifting.generics import ScopeMachine
from dyntransform.lifting.stack import MakeLambda
from dyntransform.lifting.values import Annotation, Function, UnknownCodeError, located

__all__ = ["FUTURE", "add_signature", "evaluator_of", "variables", "written"]

FUTURE = __future__.annotations.compiler_flag
"""The flag of code below ``from __future__ import annotations``."""

_TEST = 4
"""How many instructions tell whether a variable was come to."""
_SPECIAL = ("__classdict__", MARKED)
"""The variables that the compiler adds to the code of annotations, whatever is in them."""


def evaluator_of(flow: Flow) -> CodeType | None:
    """Return the code that evaluates the annotations of the variables of a module or class; None if there is none.

    Args:
        flow: the code of the module or class.
    """
    instructions = flow.instructions[: flow.main]
    for index, one in enumerate(instructions):
        if one.name == "STORE_NAME" and one.arg in ANNOTATED:
            made = [each.arg for each in instructions[max(0, index - 3) : index] if each.name == "LOAD_CONST"]
            code = made[-1] if made else None
            if isinstance(code, CodeType) and code.co_name == ANNOTATE and is_evaluator(code):
                return code
    return None


def variables(code: CodeType, make_lambda: MakeLambda) -> list[Annotation]:
    """Return the annotations of the variables of a module or class.

    Args:
        code: what evaluates them.
        make_lambda: see `Machine`.

    Raises:
        UnknownCodeError: that cannot be told.
    """
    return list(_Evaluator(Flow(code), make_lambda).variables())


def add_signature(made: Function, make_lambda: MakeLambda) -> None:
    """Tell a function its annotations.

    Args:
        made: the function.
        make_lambda: see `Machine`.

    Raises:
        UnknownCodeError: that cannot be told.
    """
    if made.annotate is not None:
        made.annotations = _Evaluator(Flow(made.annotate), make_lambda).signature()
    if made.code.co_flags & FUTURE:
        made.annotations = {name: written(value) for name, value in made.annotations.items()}


def written(value: ast.expr) -> ast.expr:
    """Return what was written for an annotation of which the compiler made text (PEP 563).

    Raises:
        UnknownCodeError: that cannot be told.
    """
    if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
        raise UnknownCodeError
    try:
        node: ast.expr = ast.parse(f"_[{value.value},]", mode="eval").body.slice.elts[0]  # type: ignore[attr-defined]
    except SyntaxError as problem:
        raise UnknownCodeError from problem
    for part in ast.walk(node):
        if isinstance(part, (ast.expr, ast.keyword, ast.arg)):
            ast.copy_location(part, value)
    return node


class _Evaluator(ScopeMachine):
    """Executes code that evaluates annotations, behind the test of the format."""

    def __init__(self, flow: Flow, make_lambda: MakeLambda) -> None:
        super().__init__(flow, make_lambda)
        names = [one.name for one in flow.instructions]
        self._only("RAISE_VARARGS" in names)
        self._first = names.index("RAISE_VARARGS") + 1
        self._operations = {**self._operations, "UNPACK_SEQUENCE": _Evaluator._star}

    def _star(self, count: object) -> None:
        """Take the annotation of variadic parameters that is unpacked (PEP 646)."""
        self._only(count == 1)
        value, start = self._expression()
        self._push(ast.Starred(value, ast.Load()), start)

    def signature(self) -> dict[str, ast.expr]:
        """Return the annotations of a function, by parameter."""
        value = self.value(Range(self._first, self._flow.main - 1))
        self._only(isinstance(value, ast.Dict) and self._flow.instructions[self._flow.main - 1].name == "RETURN_VALUE")
        pairs = zip(value.keys, value.values, strict=True)  # type: ignore[attr-defined]
        return {str(key.value): each for key, each in pairs}

    def variables(self) -> Iterator[Annotation]:
        """Yield the annotations of a module or class."""
        index = self._first
        self._only(self._stands(index, "BUILD_MAP", 0))
        index += 1
        while not self._stands(index, "RETURN_VALUE"):
            number = self._number(index)
            start = index if number is None else index + _TEST
            end = self._end(start)
            name = self._flow.instructions[end + 1].arg
            self._only(isinstance(name, str))
            value = self._annotation(start, end)
            place = located(ast.Name(str(name), ast.Store()), self._flow.instructions[index])
            yield Annotation(str(name), value, number, None if number is None else place)
            index = end + 3

    def _number(self, index: int) -> int | None:
        """Return the number of a variable that may not have been come to: whether it was is tested first."""
        number, marks, *test = self._flow.instructions[index : index + _TEST]
        if [one.name for one in test] != ["CONTAINS_OP", "POP_JUMP_IF_FALSE"] or name_of(marks.arg) != MARKED:
            return None
        self._only(number.name == "LOAD_CONST" and type(number.arg) is int)
        return int(number.arg)  # type: ignore[arg-type]

    def _end(self, index: int) -> int:
        """Return where an annotation ends: what follows puts it into the mapping, under a name."""
        for end in range(index, self._flow.main - 2):
            names = [one.name for one in self._flow.instructions[end : end + 3]]
            if names == ["COPY", "LOAD_CONST", "STORE_SUBSCR"] and self._flow.depths.get(end) == 2:  # noqa: PLR2004
                return end
        raise UnknownCodeError

    def _annotation(self, start: int, end: int) -> ast.expr:
        try:
            return self.value(Range(start, end))
        except UnknownCodeError:
            value: ast.expr = located(self._opaque(self._flow.range(start, end)), self._flow.instructions[start])
            return value

    def _opaque(self, piece: Range) -> ast.expr:
        """Return code as it is, and have the compiler know the variables of enclosing code that are in it."""
        arguments = [self._flow.instructions[index].arg for index in piece.indexes]
        names = dict.fromkeys(one.name for one in arguments if isinstance(one, FreeVar) and one.name not in _SPECIAL)
        part = super()._opaque(piece)
        if not names:
            return part
        never = ast.Tuple([ast.Name(name, ast.Load()) for name in names], ast.Load())
        return ast.IfExp(ast.Constant(True), part, never)  # noqa: FBT003 - what is tested

    def _stands(self, index: int, name: str, argument: object = None) -> bool:
        one = self._flow.instructions[index]
        return one.name == name and (argument is None or one.arg == argument)

"""The statements of a module, and of the classes in it, from its code."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from types import CodeType
from typing import Any

from dyntransform.cpython.opcodes import ANNOTATE, AT_END, AT_START, MAKES_AT_END, MARKED, RETURNS
from dyntransform.lifting.annotations import FUTURE, add_signature, evaluator_of, variables, written
from dyntransform.lifting.assembling import assemble
from dyntransform.lifting.decoding import name_of
from dyntransform.lifting.exits import is_return
from dyntransform.lifting.flow import Flow, Range
from dyntransform.lifting.generics import ScopeMachine, lift_generic
from dyntransform.lifting.machine import Machine
from dyntransform.lifting.parts import Block, Body, Part, codes_in, is_mark
from dyntransform.lifting.scanning import Scan
from dyntransform.lifting.syntax import definition, lambda_expression, statement
from dyntransform.lifting.values import Annotation, Function, UnknownCodeError, located
from dyntransform.runtime.dynamic_class import BASE

__all__ = ["inner_function", "lift"]


def lift(code: CodeType) -> list[tuple[ast.stmt, list[CodeType]]]:
    """Return the statements of a module with the code objects that each of them loads.

    Args:
        code: the code of the module.
    """
    flow = Flow(code)
    return _Body(flow, "").statements()


def inner_function(outer: CodeType, code: CodeType) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
    """Return the definition of a function that another one makes; None if the code around it is not known.

    Args:
        outer: the code of the other function.
        code: one of its constants.
    """
    flow = Flow(outer)
    indexes = [index for index, one in enumerate(flow.instructions) if one.arg is code]
    start = max((i for i in range(*indexes[:1]) if flow.depths.get(i) == 0), default=0)
    try:
        made = ScopeMachine(flow, lambda_expression).made(start, code)
        add_signature(made, lambda_expression)
    except UnknownCodeError:
        return None
    node = ast.fix_missing_locations(
        lambda_expression(made) if code.co_name == "<lambda>" else definition(code.co_name, made, _class_body)
    )
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    return node


class _Body:
    """Statements that share a scope.

    Args:
        flow: the code of the scope.
        name: of the class; empty for a module.
    """

    def __init__(self, flow: Flow, name: str) -> None:
        self._flow = flow
        self._name = name
        self._annotations: list[Annotation] = []
        self._at_start = (AT_START if name else ()) + self._evaluated()
        self._marked = {one.number: one for one in self._annotations if one.number is not None}
        self._marks = dict(self._marks_in(flow))
        for index, number in self._marks.items():
            if number in self._marked:
                flow.name(index, self._marked[number].name)

    def _evaluated(self) -> tuple[str, ...]:
        """Take the annotations that are evaluated later, and return what the compiler binds for them at the beginning.

        In a module of which they are not known, what evaluates them is a statement like others.
        """
        code = evaluator_of(self._flow)
        if code is None:
            return () if self._name else (MARKED,)
        try:
            self._annotations = variables(code, lambda_expression)
        except UnknownCodeError:
            if self._name:
                raise
            return ()
        return () if self._name else (ANNOTATE, MARKED)

    @staticmethod
    def _marks_in(flow: Flow) -> Iterator[tuple[int, int]]:
        """Yield where numbers of annotated variables are loaded that have been come to, and the numbers."""
        for index, (one, number, add) in enumerate(
            zip(flow.instructions, flow.instructions[1:], flow.instructions[2:], strict=False)
        ):
            if is_mark(one, number, add):
                yield index + 1, int(number.arg)  # type: ignore[arg-type]

    def statements(self) -> list[tuple[ast.stmt, list[CodeType]]]:
        pieces = self._flow.statements()
        pieces = self._without_ending(pieces)
        pieces = self._without_beginning(pieces)
        found: list[tuple[ast.stmt, list[CodeType]]] = []
        for number, piece in enumerate(pieces):
            codes = list(codes_in(self._flow.instructions[index] for index in piece.indexes))
            lifted = self._lift(piece)
            if isinstance(lifted, Annotation):
                variable = _annotated(lifted, found[-1][0] if found else None)
                if variable.value is not None:
                    codes = found.pop()[1] + codes
                found.append((variable, codes))
                continue
            if number == 0 and isinstance(lifted, ast.Assign) and _is_documentation(lifted):
                lifted = ast.copy_location(ast.Expr(lifted.value), lifted)
            found.append((lifted, codes))
        for annotation in self._annotations:
            if self._name and annotation.number is None:
                _insert(annotation, found)
        for node, _ in found:
            ast.fix_missing_locations(node)
        return found

    def _without_ending(self, pieces: list[Range]) -> list[Range]:
        """Leave out the return at the end, and what the compiler puts before it."""
        if pieces and is_return(self._flow.instructions[pieces[-1].stop - 1]):
            if self._is_by_compiler(pieces[-1]):
                pieces = pieces[:-1]
            elif self._name:
                raise UnknownCodeError
        while self._name and pieces and self._stored(pieces[-1]) in AT_END:
            if not self._is_by_compiler(pieces[-1]):
                raise UnknownCodeError
            pieces = pieces[:-1]
        return pieces

    def _is_by_compiler(self, piece: Range) -> bool:
        instructions = [self._flow.instructions[index] for index in range(piece.start, piece.stop)]
        stored = [one.arg for one in instructions if one.name == "STORE_NAME"]
        return {one.name for one in instructions} <= _ENDING and all(name in AT_END for name in stored)

    def _without_beginning(self, pieces: list[Range]) -> list[Range]:
        expected = list(self._at_start)
        while pieces and expected:
            stored = self._stored(pieces[0])
            if stored not in expected:
                break
            del expected[: expected.index(stored) + 1]
            pieces = pieces[1:]
        return pieces

    def _stored(self, piece: Range) -> str:
        last = self._flow.instructions[piece.stop - 1]
        return str(last.arg) if last.name in ("STORE_NAME", "STORE_DEREF") else ""

    # ------------------------------------------------------------------ one statement

    def _lift(self, piece: Range) -> ast.stmt | Annotation:
        try:
            return self._straight(piece)
        except UnknownCodeError:
            return self._block(piece)

    def _straight(self, piece: Range) -> ast.stmt | Annotation:
        numbers = [self._marks[index] for index in range(piece.start, piece.stop) if index in self._marks]
        if numbers:
            return self._mark(piece, numbers)
        machine = Machine(self._flow, lambda_expression, _generic)
        if self._name and any(_is_global(self._flow.instructions[index]) for index in piece.indexes):
            raise UnknownCodeError
        lifted = machine.lift(piece)
        if lifted.annotation is not None:
            if self._flow.code.co_flags & FUTURE:
                return dataclasses.replace(lifted.annotation, value=written(lifted.annotation.value))
            return lifted.annotation
        if lifted.definition is not None:
            add_signature(lifted.definition[1], lambda_expression)
        node = statement(lifted, _class_body)
        if not self._name and any(getattr(part, "type_params", None) for part in ast.walk(node)):
            _check(node)
        if any(getattr(part, "in_place", False) for part in ast.walk(node)):
            raise UnknownCodeError
        first = self._flow.instructions[piece.start]
        if not hasattr(node, "lineno"):
            located(node, self._flow.instructions[piece.stop - 1] if isinstance(node, ast.Assign) else first)
            node.lineno = min([node.lineno, *_lines(self._flow, piece)]) if hasattr(node, "lineno") else 1
        return node

    def _mark(self, piece: Range, numbers: list[int]) -> Annotation:
        """Return the annotated variable that a piece does nothing but mark."""
        names = [self._flow.instructions[index].name for index in range(piece.start, piece.stop)]
        if [name for name in names if name != "NOP"][1:] != _MARK or numbers[0] not in self._marked:
            raise UnknownCodeError
        return self._marked[numbers[0]]

    def _block(self, piece: Range) -> ast.stmt:
        scan = Scan(self._flow, piece)
        inner: list[ast.stmt] = []
        marks: list[int] = []
        facts = scan.facts()
        for small in scan.pieces():
            try:
                node = self._straight(small)
            except UnknownCodeError:
                continue
            if isinstance(node, Annotation):
                if node.number is not None and node.number not in marks:
                    marks.append(node.number)
                elif node.number is not None:
                    continue  # the compiler has copied it
                node = _annotated(node, None)
            if isinstance(node, _SEEN):
                inner.append(node)
        hollow = [code for node in inner for code in _definition_codes(node)]
        listing = self._flow.listing(piece)
        part = Part(listing, facts, self._flow.structure(piece), is_statement=True)
        block = Block(part, scan.test(), inner, self._flow.structure(piece, hollow), marks)
        lines = _lines(self._flow, piece)
        block.lineno = block.end_lineno = min(lines, default=1)
        block.col_offset = block.end_col_offset = 0
        return ast.fix_missing_locations(block)


_SEEN = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.AnnAssign)
"""What the engine looks for inside of compound statements."""

_GLOBAL = {"LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL"}
"""In a class body, this is another namespace."""


def _is_global(instruction: Any) -> bool:
    """Whether an instruction names a global; the base of a nested class is declared global by `assemble`."""
    return instruction.name in _GLOBAL and name_of(instruction.arg) != BASE


_ENDING = {*MAKES_AT_END, *RETURNS, "STORE_NAME", "NOP"}

_MARK = ["LOAD_CONST", "SET_ADD", "POP_TOP"]
"""What follows the load of the set of marks where an annotated variable is come to."""


def _lines(flow: Flow, piece: Range) -> list[int]:
    places = (flow.instructions[index].location for index in piece.indexes)
    return [place.lineno for place in places if place is not None and place.lineno]


def _is_documentation(node: ast.Assign) -> bool:
    target = node.targets[0]
    is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return is_text and len(node.targets) == 1 and isinstance(target, ast.Name) and target.id == "__doc__"


def _annotated(annotation: Annotation, previous: ast.stmt | None) -> ast.AnnAssign:
    """Return the statement of an annotation, and of the assignment right before it if that is the same variable's."""
    value = None
    if isinstance(previous, ast.Assign) and len(previous.targets) == 1:
        target = previous.targets[0]
        if isinstance(target, ast.Name) and target.id == annotation.name and previous.lineno == annotation.value.lineno:
            value = previous.value
    place = annotation.place or annotation.value
    name = ast.copy_location(ast.Name(annotation.name, ast.Store()), place)
    node = ast.AnnAssign(name, annotation.value, value, 1)
    return ast.copy_location(node, previous if value is not None and previous is not None else place)


def _insert(annotation: Annotation, found: list[tuple[ast.stmt, list[CodeType]]]) -> None:
    """Put an annotated variable that leaves nothing in the code of a class where it stood, or to its assignment."""
    for index, (node, codes) in enumerate(found):
        variable = _annotated(annotation, node)
        if variable.value is not None and _place(node) < _place(annotation.value):
            found[index] = variable, codes
            return
    behind = (index for index, (node, _) in enumerate(found) if _place(node) > _place(annotation.value))
    found.insert(next(behind, len(found)), (_annotated(annotation, None), []))


def _place(node: ast.stmt | ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _class_body(code: CodeType) -> list[ast.stmt]:
    return [node for node, _ in _Body(Flow(code), code.co_name).statements()]


def _generic(made: Function, given: list[ast.expr]) -> Function:
    return lift_generic(made, given, lambda_expression)


def _check(node: ast.stmt) -> None:
    """Make sure that a definition with scopes of its own compiles to the same scopes."""
    try:
        assemble([ast.fix_missing_locations(node)], "")
    except ValueError as problem:
        raise UnknownCodeError from problem


def _definition_codes(node: ast.stmt) -> Iterator[CodeType]:
    """Yield the code objects that a definition loads, for which its node stands."""
    for part in ast.walk(node):
        if isinstance(part, Body):
            yield part.code
        elif isinstance(part, ast.ClassDef):
            yield part.code  # type: ignore[attr-defined]

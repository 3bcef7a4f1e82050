"""Definitions with type parameters (PEP 695), which the compiler makes in a function of their own."""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import CodeType
from typing import Any, Final

from dyntransform.lifting.exits import is_return
from dyntransform.lifting.flow import Flow, Range
from dyntransform.lifting.machine import OPERATIONS, Machine
from dyntransform.lifting.parts import lazy_value
from dyntransform.lifting.stack import MakeLambda
from dyntransform.lifting.values import GENERIC_BASE, Function, UnknownCodeError, located

__all__ = ["ScopeMachine", "lift_generic"]


def lift_generic(made: Function, given: list[ast.expr], make_lambda: MakeLambda) -> Function:
    """Return the definition that a scope of type parameters makes.

    Args:
        made: the function of that scope.
        given: what it is called with: defaults of the function that it makes.
        make_lambda: see `Machine`.

    Raises:
        UnknownCodeError: that cannot be told.
    """
    code = made.code
    flow = Flow(code)
    machine = ScopeMachine(flow, make_lambda, dict(zip(code.co_varnames[: code.co_argcount], given, strict=True)))
    start = next(index for index, one in enumerate(flow.instructions) if one.name == "RESUME") + 1
    if not is_return(flow.instructions[flow.main - 1]):
        raise UnknownCodeError
    result = machine.result(Range(start, flow.main - 1))
    result.type_params = machine.parameters
    return result


class ScopeMachine(Machine):
    """Executes code that has variables of its own: a scope of type parameters, or a part of a function.

    Args:
        flow: the code.
        make_lambda: see `Machine`.
        given: what variables hold.
    """

    def __init__(self, flow: Flow, make_lambda: MakeLambda, given: dict[str, ast.expr] | None = None) -> None:
        super().__init__(flow, make_lambda)
        self._given = given or {}
        self.parameters: list[ast.AST] = []
        self._operations = _SCOPE_OPERATIONS

    def result(self, piece: Range) -> Function:
        """Return the definition that a scope of type parameters returns."""
        self._run(piece)
        result = self._pop().value
        if self._stack or not isinstance(result, Function):
            raise UnknownCodeError
        return result

    def made(self, start: int, code: CodeType) -> Function:
        """Return the function that is made from a code object, by code that begins at an index.

        Raises:
            UnknownCodeError: that cannot be told.
        """
        self._begin(self._flow.main)
        index = start
        while index < self._flow.main:
            index = self._step(index)
            top = self._stack[-1].value if self._stack else None
            following = self._flow.instructions[index].name if index < self._flow.main else ""
            if isinstance(top, Function) and top.code is code and following != "SET_FUNCTION_ATTRIBUTE":
                return top
        raise UnknownCodeError

    def _load(self, name: Any) -> None:
        name = str(getattr(name, "name", name))
        following = self._flow.instructions[self._index + 1]
        if name == "__classdict__" and following.name.startswith("LOAD_FROM_DICT"):
            return  # the namespace of the class around, in which the next instruction looks first
        begin = self._index - self._instruction.name.startswith("LOAD_FROM_DICT")
        if name in self._given:
            self._push(self._given[name], begin)
        elif name.startswith("."):
            self._push(_PARAMETERS if name == ".type_params" else GENERIC_BASE, begin)
        else:
            self._push(ast.Name(name, ast.Load()), begin)

    def _keep(self, _: Any) -> None:
        self._pop()

    def _sequence(self, count: Any) -> None:
        following = self._flow.instructions[self._index + 1]
        if getattr(following.arg, "name", "") == "INTRINSIC_TYPEALIAS":
            self._type_alias()
            return
        entries = self._stack[len(self._stack) - count :]
        values = [entry.value for entry in entries]
        if values and all(isinstance(value, _Parameter) for value in values):
            del self._stack[-count:]
            self._push(_PARAMETERS, entries[0].start)
        elif _PARAMETERS in values:  # a closure
            del self._stack[-count:]
            self._push(_Parameter(None), entries[0].start)
        else:
            OPERATIONS["BUILD_TUPLE"](self, count)

    def _make_one(self, which: Any) -> None:
        name = getattr(which, "name", "")
        if name in _KINDS:
            value, start = self._expression()
            self._only(isinstance(value, ast.Constant) and _KINDS[name] is not None)
            self._parameter(_KINDS[name], value.value, start)  # type: ignore[attr-defined]
        elif name == "INTRINSIC_SUBSCRIPT_GENERIC":
            self._only(self._pop().value is _PARAMETERS)
            self._push(GENERIC_BASE)
        else:
            OPERATIONS["CALL_INTRINSIC_1"](self, which)

    def _make_two(self, which: Any) -> None:
        upper, lower = self._pop(), self._pop()
        name = getattr(which, "name", "")
        if name == "INTRINSIC_SET_FUNCTION_TYPE_PARAMS":
            self._only(upper.value is _PARAMETERS and isinstance(lower.value, Function))
            self._push(lower.value, lower.start)
            return
        if name == "INTRINSIC_SET_TYPEPARAM_DEFAULT":
            self._only(isinstance(upper.value, Function) and isinstance(lower.value, _Parameter) and lower.value.node)
            lower.value.node.default_value = lazy_value(upper.value.code)
            self._push(lower.value, lower.start)
            return
        self._only(name in _BOUNDS and isinstance(upper.value, Function) and isinstance(lower.value, ast.Constant))
        bound = ast.copy_location(lazy_value(upper.value.code), lower.value)
        if name == "INTRINSIC_TYPEVAR_WITH_CONSTRAINTS":
            bound = ast.copy_location(ast.Tuple([bound], ast.Load()), bound)
        self._parameter(lambda given: ast.TypeVar(given, bound), lower.value.value, lower.start)  # type: ignore[attr-defined]

    def _parameter(self, kind: Any, name: str, start: int) -> None:
        node = located(kind(name), self._instruction)
        self.parameters.append(node)
        self._push(_Parameter(node), start)


class _Parameter:
    """A type parameter on the stack; without a node, several for a closure."""

    def __init__(self, node: Any) -> None:
        self.node = node


_PARAMETERS: Final = object()

_KINDS: dict[str, Any] = {
    "INTRINSIC_TYPEVAR": getattr(ast, "TypeVar", None),
    "INTRINSIC_PARAMSPEC": getattr(ast, "ParamSpec", None),
    "INTRINSIC_TYPEVARTUPLE": getattr(ast, "TypeVarTuple", None),
}
_BOUNDS = ("INTRINSIC_TYPEVAR_WITH_BOUND", "INTRINSIC_TYPEVAR_WITH_CONSTRAINTS")

_SCOPE_OPERATIONS: dict[str, Callable[[Any, Any], None]] = {
    **OPERATIONS,
    "LOAD_FAST": ScopeMachine._load,
    "LOAD_DEREF": ScopeMachine._load,
    "LOAD_FROM_DICT_OR_DEREF": ScopeMachine._load,
    "LOAD_FROM_DICT_OR_GLOBALS": ScopeMachine._load,
    "STORE_FAST": ScopeMachine._keep,
    "STORE_DEREF": ScopeMachine._keep,
    "BUILD_TUPLE": ScopeMachine._sequence,
    "CALL_INTRINSIC_1": ScopeMachine._make_one,
    "CALL_INTRINSIC_2": ScopeMachine._make_two,
}

"""Which variable a number in a code object means: whose local, cell or free variable."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping
from types import CodeType

from dyntransform.compiled.instructions import Instruction, Listing, disassemble
from dyntransform.compiled.regions import hidden_variables, is_evaluated_late, variables
from dyntransform.cpython.opcodes import CELL_LOADS, is_evaluator

__all__ = ["Scope", "all_scopes"]

_TYPE_PARAMETERS = "<generic parameters of "


class Scope:
    """A code object and where it stands. Its instructions are read when they are asked for.

    Args:
        code: the code object.
        parent: the one that makes functions or classes of it; None for the module.

    Attributes:
        children: those that it makes, by their index in its constants.
    """

    def __init__(self, code: CodeType, parent: Scope | None = None) -> None:
        self.code = code
        self.parent = parent
        self.children = {
            index: Scope(constant, self)
            for index, constant in enumerate(code.co_consts)
            if isinstance(constant, CodeType)
        }

    @functools.cached_property
    def listing(self) -> Listing:
        """The code object taken apart."""
        return disassemble(self.code)

    @functools.cached_property
    def hidden(self) -> Mapping[Instruction, frozenset[int]]:
        """The variables that are those of a comprehension inside it, for the instructions where some are."""
        return hidden_variables(self.listing)

    @property
    def is_function(self) -> bool:
        """Whether its variables are those of a function; else it is a module or the body of a class."""
        return bool(self.code.co_flags & inspect.CO_OPTIMIZED)

    @property
    def is_of_type_parameters(self) -> bool:
        """Whether type parameters are its variables (PEP 695): a code object, but no function to people."""
        return self.code.co_name.startswith(_TYPE_PARAMETERS)

    @property
    def in_function(self) -> bool:
        """Whether a function surrounds it."""
        outer = self.parent
        while outer is not None:
            if outer.is_function and not outer.is_of_type_parameters:
                return True
            outer = outer.parent
        return False

    def has(self, opcode: int) -> bool:
        """Whether one of its own instructions is that one."""
        return opcode in self.code.co_code[::2]

    @property
    def class_path(self) -> str:
        """Names of the class and those around it; empty for a module."""
        names = []
        scope = self
        while scope.parent is not None:
            if not scope.is_function:
                names.append(scope.code.co_name)
            scope = scope.parent
        return ".".join(reversed(names))

    def variable(self, slot: int) -> tuple[str, Scope | None]:
        """Return the name of a variable by its number, and the function whose variable it is."""
        name = self._variables[slot]
        if slot < len(self._variables) - len(self.code.co_freevars):
            return name, self if self.is_function else None
        outer = self._captured.get(name)
        if outer is None or self.parent is None:
            return name, None
        return name, self.parent.variable(outer)[1]

    @functools.cached_property
    def _variables(self) -> tuple[str, ...]:
        return variables(self.code)

    @functools.cached_property
    def _captured(self) -> dict[str, int]:
        """The variables of the parent that are its free ones, without those of a comprehension in the parent."""
        parent, free = self.parent, self.code.co_freevars
        if parent is None:
            return {}
        instructions = parent.listing.instructions
        for index in parent.loads_of(self):
            hidden = parent.hidden.get(instructions[index], frozenset())
            cells = instructions[index - 1 - len(free) : index - 1]
            slots = [cell.argument for cell in cells if cell.name in CELL_LOADS]
            pairs = zip(free, slots, strict=True)
            return {name: slot for name, slot in pairs if slot is not None and slot not in hidden}
        return {}

    def loads_of(self, child: Scope) -> Iterator[int]:
        """Yield where the code object of a child is loaded: several times if the compiler copied the statement."""
        for index, one in enumerate(self.listing.instructions):
            if one.name == "LOAD_CONST" and one.argument is not None and self.children.get(one.argument) is child:
                yield index

    def is_evaluated_late(self, child: Scope) -> bool:
        """Whether the child is the value of a ``type`` statement or of a type parameter, which is late by itself.

        So are annotations since Python 3.14.
        """
        if is_evaluator(child.code):
            return True
        return any(is_evaluated_late(self.listing, index) for index in self.loads_of(child))


def all_scopes(module: Scope) -> Iterator[Scope]:
    """Yield a scope and all in it, each before those inside it."""
    pending = [module]
    while pending:
        scope = pending.pop()
        yield scope
        pending += reversed(scope.children.values())

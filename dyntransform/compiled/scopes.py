"""Which variable a name in a code object means: whose local, cell or free variable."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from types import CodeType

__all__ = ["Scope", "all_scopes", "scopes"]

_TYPE_PARAMETERS = "<generic parameters of "


@dataclasses.dataclass(eq=False, slots=True)
class Scope:
    """A code object and where it stands.

    Attributes:
        code: the code object.
        parent: the one that makes functions or classes of it; None for the module.
        children: those that it makes, by their index in its constants.
        hidden: free variables that it takes from a comprehension which is part of its parent (PEP 709).
    """

    code: CodeType
    parent: Scope | None
    children: dict[int, Scope] = dataclasses.field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    @property
    def is_function(self) -> bool:
        """Whether its variables are those of a function; else it is a module or the body of a class."""
        return bool(self.code.co_flags & inspect.CO_OPTIMIZED)

    @property
    def in_function(self) -> bool:
        """Whether a function surrounds it. Type parameters (PEP 695) are a code object, but no function to people."""
        outer = self.parent
        while outer is not None:
            if outer.is_function and not outer.code.co_name.startswith(_TYPE_PARAMETERS):
                return True
            outer = outer.parent
        return False

    @property
    def class_path(self) -> str:
        """Names of the class and those around it; empty for a module."""
        names = []
        scope: Scope | None = self
        while scope is not None and scope.parent is not None:
            if not scope.is_function:
                names.append(scope.code.co_name)
            scope = scope.parent
        return ".".join(reversed(names))

    def variable(self, slot: int) -> tuple[str, Scope | None]:
        """Return the name of a variable by its number, and the function whose variable it is.

        Locals come first, cells that are not among them follow, then free variables.
        """
        code = self.code
        own = [*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames)]
        if slot < len(own):
            return own[slot], self if self.is_function else None
        name = code.co_freevars[slot - len(own)]
        return name, self._owner_of_free(name)

    def _owner_of_free(self, name: str) -> Scope | None:
        scope = self
        while scope.parent is not None and name not in scope.hidden:
            scope = scope.parent
            if name in scope.code.co_cellvars:
                return scope if scope.is_function else None
        return None


def scopes(code: CodeType) -> Scope:
    """Return the scope of a module, with all that are in it."""
    module = Scope(code, None)
    pending = [module]
    while pending:
        scope = pending.pop()
        for index, constant in enumerate(scope.code.co_consts):
            if isinstance(constant, CodeType):
                scope.children[index] = child = Scope(constant, scope)
                pending.append(child)
    return module


def all_scopes(module: Scope) -> Iterator[Scope]:
    """Yield a module's scope and all in it, each before those inside it."""
    pending = [module]
    while pending:
        scope = pending.pop()
        yield scope
        pending += reversed(scope.children.values())

"""Variables of a factory call that one closure lacks and another one of the same call has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import CellType, CodeType, FunctionType

from dyntransform.reloading import heap
from dyntransform.reloading.codes import CodeNode

__all__ = ["Scopes", "cell_of_same_call", "former_name"]


class Scopes:
    """Which functions enclose which, in the two versions of a statement.

    Args:
        roots: the code of the statement.
    """

    def __init__(self, roots: Sequence[CodeNode]) -> None:
        self._around: dict[int, tuple[CodeType, ...]] = {}
        pending = [(node, ()) for node in roots]
        while pending:
            node, around = pending.pop()
            for code in (node.code, *node.older):
                self._around[id(code)] = around
            pending.extend((child, (*around, node.code)) for child in node.children)  # type: ignore[misc]

    def around(self, code: CodeType) -> tuple[CodeType, ...]:
        """Return the functions and classes around a function, outermost first."""
        return self._around.get(id(code), ())

    def depth(self, code: CodeType, name: str) -> int | None:
        """Return how deep the function lies whose variable a free variable of `code` is; None if there is none."""
        around = self.around(code)
        for depth in range(len(around) - 1, -1, -1):
            if name in around[depth].co_cellvars:
                return depth
        return None


def former_name(old: CodeType, new: CodeType, name: str) -> str | None:
    """Return what a parameter was called before it got a name that is new in its function; None if it is none.

    Args:
        old: the function whose parameter it is, before the edit.
        new: the same function after it.
        name: the new name.
    """
    before, after = _parameters(old), _parameters(new)
    if name not in after or len(before) != len(after) or name in (*old.co_varnames, *old.co_cellvars):
        return None
    former = before[after.index(name)]
    return former if former not in after else None


def _parameters(code: CodeType) -> tuple[str, ...]:
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def cell_of_same_call(
    function: FunctionType, name: str, depth: int, scopes: Scopes, names: Mapping[int, str]
) -> CellType | None:
    """Return the variable `name` that another closure of the same factory call keeps.

    Two closures come from the same call if they share a variable of that call, or of one inside it.

    Args:
        function: the closure that lacks the variable.
        name: the variable.
        depth: how deep the function lies whose variable it is.
        scopes: the scopes of the old version, which live closures have.
        names: the name of each cell of `function`, by id of the cell.
    """
    shared = [
        cell
        for cell in function.__closure__ or ()
        if (owner := scopes.depth(function.__code__, names[id(cell)])) is not None and owner >= depth
    ]
    if not shared:
        return None
    closures = [holder for holder in heap.referrers(*shared) if type(holder) is tuple]
    ids = {id(closure) for closure in closures}
    for holder in heap.referrers(*closures) if closures else ():
        if type(holder) is FunctionType and id(holder.__closure__) in ids and name in holder.__code__.co_freevars:
            return (holder.__closure__ or ())[holder.__code__.co_freevars.index(name)]
    return None

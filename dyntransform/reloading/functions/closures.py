"""The variables of closures: those that new code needs, and where one that a closure lacks can be found."""

from __future__ import annotations

import dis
from collections.abc import Callable, Mapping, Sequence
from types import CellType, CodeType, FunctionType

from dyntransform.reloading.live import heap
from dyntransform.reloading.model.code_tree import CodeNode, child_codes

__all__ = ["Scopes", "cells_for", "missing_variables"]


class _Unknown:
    """Content of a cell for a variable that nothing uses: code keeps it for other closures (see `padding`)."""


_UNKNOWN = _Unknown()


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


def missing_variables(function: FunctionType, code: CodeType) -> frozenset[str]:
    """Return the variables that code uses and that a closure has no cell for."""
    known = _known_cells(function)
    if known.keys() >= set(code.co_freevars):
        return frozenset()
    return _used(code) - known.keys()


def cells_for(
    function: FunctionType, code: CodeType, cls: type | None, scopes: Callable[[], tuple[Scopes, Scopes]]
) -> tuple[CellType, ...] | None:
    """Return the closure that a function needs for other code.

    Args:
        function: the function.
        code: the code.
        cls: the class that ``__class__`` means in it.
        scopes: gives the scopes of the old and the new version of the module.

    Returns:
        A cell for each free variable of the code. None if it uses one that the factory call did not keep.
    """
    cells = _known_cells(function)
    if cls is not None:
        cells.setdefault("__class__", CellType(cls))
    for generic in (function, cls):  # PEP 695: variables of the scope around a generic function or class
        for parameter in getattr(generic, "__type_params__", ()):
            cells.setdefault(parameter.__name__, CellType(parameter))
    lacking = [name for name in code.co_freevars if name not in cells]
    used = _used(code) if lacking else frozenset()
    found = _Search(function, code, cells, scopes)
    for name in lacking:
        cell = found.cell(name) if name in used else CellType(_UNKNOWN)
        if cell is None:
            return None
        cells[name] = cell
    return tuple(cells[name] for name in code.co_freevars)


def _known_cells(function: FunctionType) -> dict[str, CellType]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell for name, cell in cells if not _is_unknown(cell)}


def _is_unknown(cell: CellType) -> bool:
    try:
        return cell.cell_contents is _UNKNOWN
    except ValueError:  # empty
        return False


def _used(code: CodeType) -> frozenset[str]:
    """Return the free variables that some instruction of the code, or of functions in it, reads or writes."""
    named = {one.argval for one in dis.get_instructions(code) if one.opname in _OF_VARIABLES}
    named |= {name for child in child_codes(code) for name in _used(child)}
    return frozenset({*named, "__class__"}.intersection(code.co_freevars))  # super() asks the frame for __class__


_OF_VARIABLES = {"DELETE_DEREF", "LOAD_CLASSDEREF", "LOAD_DEREF", "LOAD_FROM_DICT_OR_DEREF", "STORE_DEREF"}


class _Search:
    """Looks for variables that a closure lacks."""

    def __init__(
        self,
        function: FunctionType,
        code: CodeType,
        cells: Mapping[str, CellType],
        scopes: Callable[[], tuple[Scopes, Scopes]],
    ) -> None:
        self._function = function
        self._code = code
        self._cells = cells
        self._scopes = scopes

    def cell(self, name: str) -> CellType | None:
        """Return the cell of a variable; None if there is none any more."""
        if name == self._code.co_name and self._code.co_qualname.endswith(f"<locals>.{name}"):
            return CellType(self._function)  # it begins to call itself
        old, new = self._scopes()
        depth = new.depth(self._code, name)
        if depth is None:
            return None
        around = old.around(self._function.__code__), new.around(self._code)
        former = _former_name(around[0][depth], around[1][depth], name) if depth < len(around[0]) else None
        if former is not None and former in self._cells:
            return self._cells[former]
        names = {id(cell): name for name, cell in self._cells.items()}
        return _cell_of_former(self._function, name) or _cell_of_same_call(self._function, name, depth, old, names)


def _cell_of_former(function: FunctionType, name: str) -> CellType | None:
    """Return the variable of a closure that passes its calls on to this function, which did not need it until now."""
    for former in heap.forwarders(function):
        cell = _known_cells(former).get(name)
        if cell is not None:
            return cell
    return None


def _former_name(old: CodeType, new: CodeType, name: str) -> str | None:
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


def _cell_of_same_call(
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
        if id(cell) in names
        and (owner := scopes.depth(function.__code__, names[id(cell)])) is not None
        and owner >= depth
    ]
    if not shared:
        return None
    closures = [holder for holder in heap.referrers(*shared) if type(holder) is tuple]
    ids = {id(closure) for closure in closures}
    for holder in heap.referrers(*closures) if closures else ():
        if type(holder) is FunctionType and id(holder.__closure__) in ids and name in _known_cells(holder):
            return _known_cells(holder)[name]
    return None

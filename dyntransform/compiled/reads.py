"""Which instructions read a name that a from-import in a function binds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import CodeType

from dyntransform.compiled.instructions import Instruction, Listing
from dyntransform.compiled.plain import plain_loads
from dyntransform.compiled.regions import hidden_names, is_evaluated_late
from dyntransform.compiled.scopes import Scope
from dyntransform.transform.decide import Source

__all__ = ["Read", "find_reads", "look_inside"]

_FROM_LOCALS = {"LOAD_FAST", "LOAD_FAST_CHECK"}
_FROM_CELLS = {"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"}


@dataclasses.dataclass(frozen=True)
class Read:
    """A read that becomes a late-bound one.

    Attributes:
        instructions: what puts the value on the stack: the load, behind what gives it a namespace if it needs one.
        sources: what the name may have been imported from.
        after: the instruction that follows.
    """

    instructions: tuple[Instruction, ...]
    sources: tuple[Source, ...]
    after: Instruction


def find_reads(scope: Scope, listing: Listing, sources: Mapping[tuple[Scope, str], tuple[Source, ...]]) -> list[Read]:
    """Find the reads in one code object.

    Args:
        scope: where the code object stands.
        listing: the code object taken apart.
        sources: what each variable of a function may have been imported from.
    """
    instructions = listing.instructions
    hidden = hidden_names(listing)
    plain = plain_loads(listing)
    cells = _cells(listing)
    reads = []
    for index, load in enumerate(instructions):
        if load.name in _FROM_LOCALS:
            if load.argument in cells:
                continue  # the cell itself, for a closure (3.13)
        elif load.name not in _FROM_CELLS:
            continue
        assert load.argument is not None
        name, owner = scope.variable(load.argument)
        if owner is None or load in plain or name in hidden.get(load, ()):
            continue
        found = sources.get((owner, name))
        if found:
            begin = index - 1 if load.name == "LOAD_FROM_DICT_OR_DEREF" else index
            reads.append(Read(tuple(instructions[begin : index + 1]), found, instructions[index + 1]))
    return reads


def _cells(listing: Listing) -> set[int | None]:
    """Return the variables that are cells from the start; a comprehension may make one of a local for a while."""
    code = listing.code
    count = len({*code.co_varnames, *code.co_cellvars})
    cells: set[int | None] = set(range(count, count + len(code.co_freevars)))
    for instruction in listing.instructions:
        if instruction.name == "RESUME":
            break
        if instruction.name == "MAKE_CELL":
            cells.add(instruction.argument)
    return cells


def look_inside(scope: Scope, listing: Listing) -> set[int]:
    """Tell the scopes inside which of their names a comprehension hides from them.

    Returns:
        The indices of the constants inside which names may be late bound: not those that are evaluated late themselves.
    """
    hidden = hidden_names(listing)
    inside = set()
    for index, load in enumerate(listing.instructions):
        if load.name != "LOAD_CONST" or not isinstance(listing.code.co_consts[load.argument or 0], CodeType):
            continue
        assert load.argument is not None
        if not is_evaluated_late(listing, index):
            inside.add(load.argument)
            scope.children[load.argument].hidden = hidden.get(load, frozenset())
    return inside

"""Which instructions read a name that a from-import in a function binds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from dyntransform.compiled.instructions import Instruction, Listing
from dyntransform.compiled.plain import plain_loads
from dyntransform.compiled.regions import prologue_cells, variables
from dyntransform.compiled.scopes import Scope
from dyntransform.cpython.opcodes import FROM_CELLS, FROM_LOCALS
from dyntransform.transform.decide import Source

__all__ = ["Read", "find_reads"]


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


def find_reads(scope: Scope, sources: Mapping[tuple[Scope, str], tuple[Source, ...]]) -> list[Read]:
    """Find the reads in one code object.

    Args:
        scope: the code object.
        sources: what each variable of a function may have been imported from.
    """
    instructions = scope.listing.instructions
    plain = plain_loads(scope.listing)
    cells = _cells(scope.listing)
    reads = []
    for index, load in enumerate(instructions):
        if load.name in FROM_LOCALS:
            if load.argument in cells:
                continue
        elif load.name not in FROM_CELLS:
            continue
        assert load.argument is not None
        name, owner = scope.variable(load.argument)
        if owner is None or load in plain or load.argument in scope.hidden.get(load, ()):
            continue
        found = sources.get((owner, name))
        if found:
            begin = index - 1 if load.name == "LOAD_FROM_DICT_OR_DEREF" else index
            reads.append(Read(tuple(instructions[begin : index + 1]), found, instructions[index + 1]))
    return reads


def _cells(listing: Listing) -> set[int | None]:
    """Return the variables of which a load of a local loads the cell itself, for a closure (3.13)."""
    code = listing.code
    count = len(variables(code))
    return {*range(count - len(code.co_freevars), count), *prologue_cells(listing)}

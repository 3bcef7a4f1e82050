"""The class statements of compiled code that gain `DynamicClass`: `transform.decide` has the rule, and says why."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from dyntransform.compiled.instructions import Instruction, Listing
from dyntransform.compiled.scopes import Scope, all_scopes
from dyntransform.runtime.dynamic_class import BASE

__all__ = ["ClassBuild", "find_builds", "gained"]

_CALLS = frozenset({"PRECALL", "CALL"})
"""What calls without keywords; both are in Python 3.11."""
_BINDS = frozenset({"STORE_NAME", "STORE_GLOBAL", "STORE_DEREF"})
_LOADS = frozenset({"LOAD_NAME", "LOAD_GLOBAL"})
_PLAIN = 2
"""Arguments of `__build_class__` for a class without bases: the function of its body, and its name."""


@dataclasses.dataclass(frozen=True)
class ClassBuild:
    """The end of a class statement.

    Attributes:
        before: the instruction that loads the name of the class, before its bases.
        base: what loads `object`, if that is the base.
        calls: what calls `__build_class__`.
    """

    before: Instruction
    base: Instruction | None
    calls: tuple[Instruction, ...]


def find_builds(scope: Scope) -> Iterator[ClassBuild]:
    """Yield the class statements of a module or class, not of functions, that gain the base."""
    if scope.is_function or scope.in_function:
        return
    for child in scope.children.values():
        if child.is_function or _binds(child, "__slots__"):
            continue
        for index in scope.loads_of(child):
            build = _build(scope.listing, index)
            if build is not None and not (build.base and _rebinds_object(scope)):
                yield build


def _rebinds_object(scope: Scope) -> bool:
    """Whether a base `object` may be something else: the module or a class binds the name."""
    while scope.parent is not None:
        scope = scope.parent
    outside = (one for one in all_scopes(scope) if not one.is_function and not one.in_function)
    return any(_binds(one, "object") for one in outside)


def _binds(scope: Scope, name: str) -> bool:
    names = scope.code.co_names
    return name in names and any(
        one.name == "STORE_NAME" and names[one.argument or 0] == name for one in scope.listing.instructions
    )


def _build(listing: Listing, index: int) -> ClassBuild | None:
    """Return the class statement whose body is loaded there; None if it has bases, keywords or decorators."""
    rest = iter(listing.instructions[index + 1 :])
    names = listing.code.co_names
    made = next(rest)
    before = next(rest)
    if before.name == "SET_FUNCTION_ATTRIBUTE":
        before = next(rest)
    if made.name != "MAKE_FUNCTION" or before.name != "LOAD_CONST":
        return None
    base, call = None, next(rest)
    if call.name in _LOADS and names[(call.argument or 0) >> (call.name == "LOAD_GLOBAL")] == "object":
        base, call = call, next(rest)
    calls = []
    while call.name in _CALLS and call.argument == _PLAIN + (base is not None):
        calls.append(call)
        call = next(rest)
    return ClassBuild(before, base, tuple(calls)) if calls and call.name in _BINDS else None


def gained(build: ClassBuild, scope: Scope, names: list[str]) -> Mapping[Instruction, list[Instruction]]:
    """Return what stands for the instructions of a class statement that gains the base.

    Args:
        build: the class statement.
        scope: where it stands.
        names: the names of the code object; that of the base is among them.
    """
    place = (build.base or build.before).location
    index = names.index(BASE)
    if scope.parent is None:
        load = Instruction("LOAD_NAME", index, place)
    else:  # the namespace of a class may have an answer to any name
        load = Instruction("LOAD_GLOBAL", index << 1, place)
    if build.base is not None:
        return {build.base: [load]}
    calls = {one: [Instruction(one.name, _PLAIN + 1, one.location)] for one in build.calls}
    return {build.before: [build.before, load], **calls}

"""The class statements of compiled code that gain `DynamicClass`: `transform.class_rule` has the rule, and says why."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from dyntransform.compiled.instructions import Instruction, Listing
from dyntransform.compiled.scopes import Scope, all_scopes
from dyntransform.cpython.opcodes import FROM_LOCALS
from dyntransform.runtime.dynamic_class import BASE

__all__ = ["ClassBuild", "find_builds", "gained", "is_plain"]

_CALLS = frozenset({"PRECALL", "CALL"})
"""What calls without keywords; both are in Python 3.11."""
_BINDS = frozenset({"STORE_NAME", "STORE_GLOBAL", "STORE_DEREF"})
_STORES = frozenset({"STORE_NAME", "STORE_GLOBAL"})
_LOADS = frozenset({"LOAD_NAME", "LOAD_GLOBAL"})
_GENERIC_BASE = ".generic_base"
"""The variable with the base of a class that has type parameters (PEP 695)."""
_HEADER = 15
"""More instructions than a class statement has, from the body to the binding, that is plain."""
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


def is_plain(scope: Scope) -> bool:
    """Whether the statement of a class has no bases but `object`, and no keywords; type parameters are no base.

    Args:
        scope: the body of the class.
    """
    outer = scope.parent
    assert outer is not None
    return all(_is_plain(outer, index) for index in outer.loads_of(scope))


def _is_plain(outer: Scope, index: int) -> bool:
    """Whether the class is plain whose body is loaded there."""
    header = _header(outer.listing, index)
    if header is None:
        return False
    _, rest = header
    if outer.is_of_type_parameters:
        made = next((number for number, one in enumerate(rest) if _is_generic_base(outer, one, "STORE_FAST")), -1)
        rest = rest[made + 1 :]
    for count, one in enumerate(rest, _PLAIN):
        if one.name in _CALLS:
            return one.argument == count
        is_object = _loads(outer.listing, one, "object") and not _rebinds_object(outer)
        if not is_object and not _loads(outer.listing, one, BASE) and not _is_generic_base(outer, one, *FROM_LOCALS):
            return False
    return False


def _is_generic_base(outer: Scope, one: Instruction, *names: str) -> bool:
    """Whether an instruction, of one of some names, has the base that type parameters make."""
    return one.name in names and outer.code.co_varnames[one.argument or 0] == _GENERIC_BASE


def _rebinds_object(scope: Scope) -> bool:
    """Whether a base `object` may be something else: the module or a class binds the name."""
    while scope.parent is not None:
        scope = scope.parent
    outside = (one for one in all_scopes(scope) if not one.is_function and not one.in_function)
    return any(_binds(one, "object") for one in outside)


def _binds(scope: Scope, name: str) -> bool:
    names = scope.code.co_names
    return name in names and any(
        one.name in _STORES and names[one.argument or 0] == name for one in scope.listing.instructions
    )


def _header(listing: Listing, index: int) -> tuple[Instruction, list[Instruction]] | None:
    """Return what loads the name of the class whose body is loaded there, and what follows; None if that is not so."""
    made, before, *rest = listing.instructions[index + 1 : index + _HEADER]
    if before.name == "SET_FUNCTION_ATTRIBUTE":
        before, *rest = rest
    return (before, rest) if (made.name, before.name) == ("MAKE_FUNCTION", "LOAD_CONST") else None


def _loads(listing: Listing, one: Instruction, name: str) -> bool:
    """Whether an instruction loads a name of the module or a builtin."""
    return one.name in _LOADS and listing.code.co_names[(one.argument or 0) >> (one.name == "LOAD_GLOBAL")] == name


def _build(listing: Listing, index: int) -> ClassBuild | None:
    """Return the class statement whose body is loaded there; None if it has bases, keywords or decorators."""
    header = _header(listing, index)
    if header is None:
        return None
    before, rest = header[0], iter(header[1])
    base, call = None, next(rest)
    if _loads(listing, call, "object"):
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

"""The from-imports of compiled code."""

from __future__ import annotations

import dataclasses
import dis
from collections.abc import Iterator

from dyntransform.compiled.instructions import Instruction, Listing
from dyntransform.compiled.scopes import Scope, all_scopes
from dyntransform.cpython.opcodes import NO_VALUE, constant, flags_and_name
from dyntransform.importing.compiling import LinkSpec
from dyntransform.transform.decide import Options, Source, top_level

__all__ = ["Imports", "find_imports"]

_IMPORT_NAME = dis.opmap["IMPORT_NAME"]
_STORES = {"STORE_FAST", "STORE_DEREF"}
_Place = tuple[int, int]


class Imports:
    """What the from-imports of a module bind.

    Attributes:
        links: live bindings.
        sources: what each variable of a function may have been imported from.
    """

    def __init__(self) -> None:
        self.links: tuple[LinkSpec, ...] = ()
        self.sources: dict[tuple[Scope, str], tuple[Source, ...]] = {}


@dataclasses.dataclass(frozen=True)
class _FromImport:
    """One statement: where it stands, the module with leading dots, and (attribute, store) pairs."""

    place: _Place
    module: str
    names: tuple[tuple[str, Instruction | None], ...]


def find_imports(module: Scope, options: Options) -> Imports:
    """Find the from-imports of project modules.

    Args:
        module: the scope of the module.
        options: which modules are meant.
    """
    links: dict[tuple[bool, _Place, LinkSpec], None] = {}
    sources: dict[tuple[Scope, str], list[tuple[_Place, Source]]] = {}
    for scope in all_scopes(module):
        if _IMPORT_NAME not in scope.code.co_code[::2]:
            continue
        for found in _from_imports(scope.listing):
            if not _is_wanted(found.module, options):
                continue
            if not scope.is_function:
                if not scope.in_function:
                    names = tuple((attribute, _bound(scope, store)) for attribute, store in found.names)
                    links[False, found.place, (scope.class_path, found.module, names)] = None
                continue
            linked = []
            for attribute, store in found.names:
                name, owner = _variable(scope, store)
                if owner is None:
                    linked.append((attribute, name))
                else:
                    sources.setdefault((owner, name), []).append((found.place, (found.module, attribute)))
            if linked:
                links[True, found.place, ("", found.module, tuple(linked))] = None
    imports = Imports()
    imports.links = tuple(link for _, _, link in sorted(links, key=lambda key: key[:2]))
    for variable, every in sources.items():
        in_order = [source for _, source in sorted(every, key=lambda one: one[0])]
        imports.sources[variable] = tuple(dict.fromkeys(in_order))
    return imports


def _is_wanted(module: str, options: Options) -> bool:
    return module.startswith(".") or (module != "__future__" and options.is_project(top_level(module)))


def _from_imports(listing: Listing) -> Iterator[_FromImport]:
    code, instructions = listing.code, listing.instructions
    for index, instruction in enumerate(instructions):
        if instruction.name != "IMPORT_NAME":
            continue
        level, wanted = (_constant(listing, instructions[index - back]) for back in (2, 1))
        if wanted is None:
            continue  # import a.b as c also takes attributes from modules
        assert isinstance(level, int)
        names = []
        at = index + 1
        while instructions[at].name == "IMPORT_FROM":
            names.append((code.co_names[instructions[at].argument or 0], instructions[at + 1]))
            at += 2
        _, name = flags_and_name(instruction.argument or 0)
        module = "." * level + code.co_names[name]
        yield _FromImport(_place(instruction), module, tuple(names) or (("*", None),))


def _constant(listing: Listing, instruction: Instruction) -> object:
    value = constant(instruction.name, instruction.argument, listing.code.co_consts)
    assert value is not NO_VALUE
    return value


def _place(instruction: Instruction) -> _Place:
    location = instruction.location
    if location is None or location.lineno is None:
        return (0, 0)
    return (location.lineno, location.col_offset or 0)


def _bound(scope: Scope, store: Instruction | None) -> str:
    """Return the name that a store in a module or class binds; "*" for a star import."""
    if store is None:
        return "*"
    assert store.argument is not None
    if store.name in _STORES:
        return scope.variable(store.argument)[0]
    return scope.code.co_names[store.argument]


def _variable(scope: Scope, store: Instruction | None) -> tuple[str, Scope | None]:
    assert store is not None  # the grammar has no star imports in functions
    if store.name in _STORES:
        assert store.argument is not None
        return scope.variable(store.argument)
    return _bound(scope, store), None

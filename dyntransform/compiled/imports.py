"""The from-imports of compiled code."""

from __future__ import annotations

import dataclasses
import dis
import functools
from collections.abc import Collection, Iterator, Sequence
from typing import TypeAlias

from dyntransform.compiled.classes import is_plain
from dyntransform.compiled.instructions import Instruction, Listing
from dyntransform.compiled.questions import Question
from dyntransform.compiled.scopes import Scope, all_scopes
from dyntransform.cpython.opcodes import LAZY, NO_VALUE, constant, flags_and_name
from dyntransform.transform.decide import Options, Source, top_level
from dyntransform.transform.links import LinkSpec
from dyntransform.transform.lowering import REPLACED

__all__ = ["Imports", "find_imports"]

_IMPORT_NAME = dis.opmap["IMPORT_NAME"]
_STORE_GLOBAL = dis.opmap["STORE_GLOBAL"]
_STORES = {"STORE_FAST", "STORE_DEREF"}
_Place: TypeAlias = tuple[int, int]
_Name: TypeAlias = tuple[str, Instruction | None]
"""What is imported, and what binds it."""


class Imports:
    """What the from-imports of a module bind.

    Attributes:
        links: live bindings.
        sources: what each variable of a function may have been imported from.
        questions: what is asked behind the imports of live bindings; `transform.decide.Import.is_written` has the rule.
    """

    def __init__(self) -> None:
        self.links: tuple[LinkSpec, ...] = ()
        self.sources: dict[tuple[Scope, str], tuple[Source, ...]] = {}
        self.questions: dict[Scope, list[Question]] = {}


@dataclasses.dataclass(frozen=True)
class _FromImport:
    """One statement.

    Attributes:
        place: where it stands.
        module: what is imported from, with leading dots.
        names: pairs (attribute, store).
        is_lazy: it is written as a lazy import (PEP 810).
        end: its last instruction.
        after: the one that follows.
    """

    place: _Place
    module: str
    names: tuple[_Name, ...]
    is_lazy: bool
    end: Instruction
    after: Instruction


def find_imports(module: Scope, options: Options) -> Imports:
    """Find the from-imports of project modules.

    Args:
        module: the scope of the module.
        options: which modules are meant.
    """
    finding = _Finding(module)
    for scope in all_scopes(module):
        if scope.has(_IMPORT_NAME):
            for found in _from_imports(scope.listing):
                if _is_wanted(found.module, options):
                    finding.take(scope, found)
    return finding.imports()


class _Finding:
    """Collects imports, in no order.

    Args:
        module: the scope of the module.
    """

    def __init__(self, module: Scope) -> None:
        self._module = module
        self._links: dict[tuple[bool, _Place, LinkSpec], None] = {}
        self._sources: dict[tuple[Scope, str], list[tuple[_Place, Source]]] = {}
        self._questions: dict[Scope, list[Question]] = {}

    def take(self, scope: Scope, found: _FromImport) -> None:
        if scope.is_function:
            self._in_function(scope, found)
        elif not scope.in_function:
            self._outside(scope, found)

    def _outside(self, scope: Scope, found: _FromImport) -> None:
        names = tuple((attribute, _bound(scope, store)) for attribute, store in found.names)
        self._links[False, found.place, (scope.class_path, found.module, names)] = None
        is_written = not found.is_lazy and (scope.parent is None or is_plain(scope))
        is_asked = found.after.name == "LOAD_NAME" and scope.code.co_names[found.after.argument or 0] == REPLACED
        if is_written and not is_asked and self._declared.isdisjoint(name for _, name in names):
            self._ask(scope, found, found.names, {"STORE_NAME", "STORE_GLOBAL"})

    def _in_function(self, scope: Scope, found: _FromImport) -> None:
        linked: list[tuple[str, str]] = []
        bound: list[_Name] = []
        for attribute, store in found.names:
            name, owner = _variable(scope, store)
            if owner is None:
                linked.append((attribute, name))
                bound.append((attribute, store))
            else:
                self._sources.setdefault((owner, name), []).append((found.place, (found.module, attribute)))
        if linked:
            self._links[True, found.place, ("", found.module, tuple(linked))] = None
            self._ask(scope, found, bound, {"STORE_GLOBAL"})

    def _ask(self, scope: Scope, found: _FromImport, names: Sequence[_Name], ways: Collection[str]) -> None:
        """Have a question stand behind an import, if it binds all its names in one of some ways."""
        asked = tuple(((found.module, attribute), store) for attribute, store in names if store and store.name in ways)
        if len(asked) == len(names):
            question = Question(found.end, found.after, asked, scope.is_function)
            self._questions.setdefault(scope, []).append(question)

    @functools.cached_property
    def _declared(self) -> frozenset[str]:
        """The names that classes bind as globals; where a module does, a function in it may have declared them."""
        classes = (one for one in all_scopes(self._module) if not one.is_function and one.parent is not None)
        return frozenset(
            scope.code.co_names[one.argument or 0]
            for scope in classes
            if scope.has(_STORE_GLOBAL)
            for one in scope.listing.instructions
            if one.name == "STORE_GLOBAL"
        )

    def imports(self) -> Imports:
        """Return what was found, in the order of the source."""
        imports = Imports()
        imports.links = tuple(link for _, _, link in sorted(self._links, key=lambda key: key[:2]))
        imports.questions = self._questions
        for variable, every in self._sources.items():
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
        flags, name = flags_and_name(instruction.argument or 0)
        module = "." * level + code.co_names[name]
        end, after = instructions[at : at + 2]
        yield _FromImport(_place(instruction), module, tuple(names) or (("*", None),), bool(flags & LAZY), end, after)


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

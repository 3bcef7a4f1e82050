"""Rewrite compiled modules: what `transform.decide` and `transform.lowering` do to a tree, done to its code objects."""

from __future__ import annotations

import dataclasses
import functools
from types import CodeType

from dyntransform.compiled.check import difference
from dyntransform.compiled.classes import ClassBuild, find_builds, gained
from dyntransform.compiled.imports import Imports, find_imports
from dyntransform.compiled.instructions import Instruction, assemble, disassemble
from dyntransform.compiled.questions import Question, asked
from dyntransform.compiled.reads import Read, find_reads
from dyntransform.compiled.scopes import Scope
from dyntransform.cpython.opcodes import FROM_LOCALS, STRONG
from dyntransform.runtime.dynamic_class import BASE
from dyntransform.transform.decide import Options, Source
from dyntransform.transform.links import LinkSpec
from dyntransform.transform.lowering import REPLACED

__all__ = ["Rewritten", "ask_behind", "rewrite"]

_UNKNOWN = (AssertionError, IndexError, KeyError, RecursionError, ValueError)
"""What taking code apart may end in if another tool than Python's compiler wrote it."""
_LOOKUP_HEIGHT = 3
"""How much higher the stack is in a lookup than in the read that it stands for; behind an import it is less."""


@dataclasses.dataclass(frozen=True)
class Rewritten:
    """A compiled module that binds and reads imported names late, and whose classes have `DynamicClass`.

    Attributes:
        code: the new code; code objects in which nothing had to be changed are those of the original.
        links: live bindings, in the order of the source.
        lookups: what functions look up late: pairs of module, with leading dots if relative, and attribute.
        reason: why something was left as it is; empty otherwise.
    """

    code: CodeType
    links: tuple[LinkSpec, ...]
    lookups: tuple[Source, ...]
    reason: str = ""


def rewrite(code: CodeType, options: Options) -> Rewritten:
    """Rewrite a module so that names imported with ``from`` are late bound, and classes gain a base.

    Args:
        code: the code of a module.
        options: what to rewrite.

    Returns:
        The new code; it is compared with the original, which stands in for what could not be rewritten faithfully.
    """
    try:
        return _rewrite(code, options)
    except _UNKNOWN as problem:
        return Rewritten(code, (), (), f"left as it is: Python's own compiler writes no such code: {problem!r}")


def ask_behind(code: CodeType, options: Options) -> CodeType:
    """Put questions behind the imports of a module and its classes again; functions have kept theirs.

    Args:
        code: the code of statements that were lifted from a rewritten module.
        options: what to rewrite.
    """
    module = Scope(code)
    imports = find_imports(module, options)
    imports.sources.clear()
    imports.questions = {scope: each for scope, each in imports.questions.items() if not scope.is_function}
    return _Rewriting(imports, Options(lambda _: False)).scope(module)


def _rewrite(code: CodeType, options: Options) -> Rewritten:
    module = Scope(code)
    imports = find_imports(module, options)
    rewriting = _Rewriting(imports, options)
    new = rewriting.scope(module)
    return Rewritten(new, imports.links, tuple(rewriting.lookups), "; ".join(rewriting.reasons))


class _Rewriting:
    def __init__(self, imports: Imports, options: Options) -> None:
        self._options = options
        self._sources = imports.sources
        self._questions = imports.questions
        self._names = {name for _, name in imports.sources}
        self._functions_change = bool(self._names) or any(scope.is_function for scope in imports.questions)
        self.lookups: dict[Source, None] = {}
        self.reasons: list[str] = []

    def scope(self, scope: Scope) -> CodeType:
        """Return the new code of a scope; the old one if nothing in it changes."""
        code = scope.code
        if scope.is_function and not self._functions_change and not scope.is_of_type_parameters:
            return code
        builds = list(find_builds(scope))
        if builds and not self._options.dynamic_class:
            builds = []
        if self._names.isdisjoint([*code.co_varnames, *code.co_cellvars, *code.co_freevars]):
            reads: list[Read] = []
            inside = scope.children
        else:
            reads = find_reads(scope, self._sources)
            inside = {index: one for index, one in scope.children.items() if not scope.is_evaluated_late(one)}
        constants = list(code.co_consts)
        for index, child in inside.items():
            constants[index] = self.scope(child)
        if all(new is old for new, old in zip(constants, code.co_consts, strict=True)):
            kept = code
        else:
            kept = code.replace(co_consts=tuple(constants))
        questions = self._questions.get(scope, [])
        if not reads and not builds and not questions:
            return kept
        new = _changed(scope, reads, builds, questions, constants)
        found = difference(scope.listing, new, reads, builds, questions)
        if found:
            self.reasons.append(f"imported names and classes stay as they are in {code.co_qualname}: {found}")
            return kept
        self.lookups.update((source, None) for read in reads for source in read.sources)
        return new


def _changed(
    scope: Scope, reads: list[Read], builds: list[ClassBuild], questions: list[Question], constants: list[object]
) -> CodeType:
    code, listing = scope.code, scope.listing
    needed = [*([REPLACED] if reads or questions else ()), *([BASE] if builds else ())]
    names = [*code.co_names, *(name for name in needed if name not in code.co_names)]
    wanted = [*(read.sources for read in reads), *(key for question in questions for key in question.keys)]
    keys = {key: len(constants) + number for number, key in enumerate(dict.fromkeys(wanted))}
    replacements: dict[Instruction, list[Instruction]] = {}
    for read in reads:
        lookup = _lookup(read, names.index(REPLACED), keys[read.sources])
        *before, load = read.instructions
        if before:
            replacements[before[0]], replacements[load] = lookup[:-1], lookup[-1:]
        else:
            replacements[load] = lookup
    for build in builds:
        replacements.update(gained(build, scope, names))
    for question in questions:
        replacements[question.end] = asked(question, names.index(REPLACED), keys)
    height = code.co_stacksize + (_LOOKUP_HEIGHT if reads or questions else 1)
    return assemble(listing, replacements, names, [*constants, *keys], height)


def _lookup(read: Read, name: int, key: int) -> list[Instruction]:
    """Return the instructions of ``(R(key, y) if R is not None else y)`` for a read of y."""
    copies: dict[Instruction, list[Instruction]] = {}
    location = read.instructions[-1].location
    for one in _template():
        if one.name in FROM_LOCALS:
            # The compiler lends nothing either to what stands behind a branch (see Python/flowgraph.c).
            loads = ((STRONG.get(load.name, load.name), load.argument) for load in read.instructions)
            copies[one] = [Instruction(name, argument, location) for name, argument in loads]
            continue
        argument = one.argument
        if one.name == "LOAD_GLOBAL":
            assert argument is not None
            argument = name << 1 | argument & 1
        elif one.name == "LOAD_CONST":
            argument = key
        copies[one] = [Instruction(one.name, argument, location)]
    for one, (copy, *_) in copies.items():
        if one.target is not None:
            copy.target = copies[one.target][0] if one.target in copies else read.after
    return [copy for every in copies.values() for copy in every]


@functools.cache
def _template() -> list[Instruction]:
    """Return what the compiler itself makes of a lookup."""
    # The arguments behind it keep the compiler from copying the end of the function into its branches.
    text = f"lambda y: y({REPLACED}((), y) if {REPLACED} is not None else y, y, y, y, y, y)"
    function = next(one for one in compile(text, "<lookup>", "eval").co_consts if isinstance(one, CodeType))
    instructions = disassemble(function).instructions
    begin = next(index for index, one in enumerate(instructions) if one.name == "LOAD_GLOBAL")
    end = next(one.target for one in instructions if one.name == "JUMP_FORWARD" and one.target)
    return instructions[begin : instructions.index(end)]

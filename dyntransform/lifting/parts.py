"""Nodes of a syntax tree for code of which the source is not there.

What the engine looks into is given as ordinary nodes: names, calls, imports, the headers of definitions. The rest stays
code: an expression that is not straight, a compound statement, the body of a function. Such a node compiles to a load
of a name that no program can have, in place of which `assembling` puts the code.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
import hashlib
import inspect
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any, ClassVar

from bytecode import Instr, Label
from bytecode.instr import TryBegin, TryEnd

from dyntransform.cpython.opcodes import MARKED
from dyntransform.lifting.decoding import name_of, plain

__all__ = [
    "NO_FACTS",
    "Block",
    "Body",
    "Facts",
    "Part",
    "argument_structure",
    "code_facts",
    "code_structure",
    "codes_in",
    "digest",
    "facts_of",
    "is_mark",
    "lazy_value",
    "structure",
]

_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
_numbers = itertools.count()


@dataclasses.dataclass(frozen=True)
class Facts:
    """What executing a piece of code does with the names of the scope it stands in; see `reloading.usage.Usage`.

    Attributes:
        reads: names it loads and has not certainly bound before.
        attributes: chains of a loaded name and the attributes taken from it.
        binds: names it stores or deletes.
        always: names that it has bound whatever happens.
        mutates: names it loads in order to change what an earlier statement bound.
        calls: it calls something.
        makes_code: it makes functions, classes or generators.
    """

    reads: frozenset[str] = frozenset()
    attributes: frozenset[tuple[str, ...]] = frozenset()
    binds: frozenset[str] = frozenset()
    always: frozenset[str] = frozenset()
    mutates: frozenset[str] = frozenset()
    calls: bool = False
    makes_code: bool = False


NO_FACTS = Facts()


class Part(ast.Name):
    """Code in place of an expression, or of a statement.

    Args:
        listing: instructions, labels and protected ranges; what they leave on the stack is the value.
        facts: what it does with names.
        code: instead of a listing, the code that a lambda runs, or that a type parameter is made from.
        key: equal for equal code.
        is_statement: it leaves nothing on the stack.
    """

    _fields = ("structure",)
    _field_types: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        listing: Sequence[Any],
        facts: Facts,
        key: str,
        code: CodeType | None = None,
        *,
        is_statement: bool = False,
    ) -> None:
        self.id = f"<part {next(_numbers)}>"
        self.ctx = ast.Load()
        self.structure = key
        self.listing = tuple(listing)
        self.facts = facts
        self.code = code
        self.is_statement = is_statement

    def __deepcopy__(self, memo: dict[int, Any]) -> Part:
        return self

    def copied(self) -> list[Any]:
        """Return the listing with labels and protected ranges of its own, so that it can stand in several places."""
        labels: dict[Label, Label] = {}
        tries: dict[TryBegin, TryBegin] = {}

        def label(old: Any) -> Label:
            return labels.setdefault(old, Label())

        copied: list[Any] = []
        for item in self.listing:
            if isinstance(item, Label):
                copied.append(label(item))
            elif isinstance(item, TryBegin):
                copied.append(tries.setdefault(item, TryBegin(label(item.target), item.push_lasti)))
            elif isinstance(item, TryEnd):
                copied.append(TryEnd(tries[item.entry]))
            elif isinstance(item.arg, Label):
                copied.append(Instr(item.name, label(item.arg), location=item.location))
            else:
                copied.append(item.copy())
        return copied

    def renumbered(self, numbers: Mapping[int, int]) -> Part:
        """Return the same code in which annotated variables are marked with other numbers (PEP 649).

        Args:
            numbers: the new number for each old one.
        """
        if not numbers:
            return self
        listing = list(self.listing)
        for index, (load, number, add) in enumerate(zip(listing, listing[1:], listing[2:], strict=False)):
            if is_mark(load, number, add) and number.arg in numbers:
                listing[index + 1] = Instr(number.name, numbers[number.arg], location=number.location)
        return Part(listing, self.facts, self.structure, self.code, is_statement=self.is_statement)

    @classmethod
    def of_code(cls, code: CodeType) -> Part:
        """Return what stands for the value that a code object computes."""
        return cls((), code_facts(code), code_structure(code), code)


def lazy_value(code: CodeType) -> ast.expr:
    """Return an expression that code of its own computes, with the same free variables."""
    part = Part.of_code(code)
    free = [ast.Name(name, ast.Load()) for name in code.co_freevars if name != "__classdict__"]
    return ast.BoolOp(ast.Or(), [part, *free]) if free else part


class Body(ast.Return):
    """The body of a function: its code."""

    _fields = ("structure",)
    _field_types: ClassVar[dict[str, Any]] = {}

    def __init__(self, code: CodeType) -> None:
        self.value = Part.of_code(code)
        self.structure = self.value.structure
        self.code = code

    def __deepcopy__(self, memo: dict[int, Any]) -> Body:
        return self


class Block(ast.stmt):
    """A compound statement, or one of which nothing is known but its code.

    Args:
        part: its code, which leaves nothing on the stack.
        test: the condition it begins with, if it is one.
        body: the imports, definitions and annotated variables in it, in order.
        key: equal for equal code, whatever the code of the definitions in `body`.
        marks: the numbers by which `part` marks the annotated variables in `body`, in their order (PEP 649).
    """

    _fields = ("structure", "test", "body")
    _field_types: ClassVar[dict[str, Any]] = {}

    def __init__(
        self, part: Part, test: ast.expr | None, body: list[ast.stmt], key: str, marks: Sequence[int] = ()
    ) -> None:
        self.part = part
        self.test = test
        self.body = body
        self.structure = key
        self.marks = tuple(marks)
        self.facts = part.facts

    def __deepcopy__(self, memo: dict[int, Any]) -> Block:
        body = copy.deepcopy(self.body, memo)
        return ast.copy_location(Block(self.part, self.test, body, self.structure, self.marks), self)


def is_mark(load: Any, number: Any, add: Any) -> bool:
    """Whether three items of a listing mark an annotated variable that was come to (PEP 649)."""
    if not (isinstance(load, Instr) and isinstance(number, Instr) and isinstance(add, Instr)):
        return False
    return add.name == "SET_ADD" and name_of(load.arg) == MARKED and type(number.arg) is int


# ---------------------------------------------------------------------- what is equal


def structure(listing: Iterable[Any]) -> str:
    """Return a text that is equal for listings that differ in lines only.

    Args:
        listing: instructions, labels and protected ranges.
    """
    numbers: dict[int, int] = {}

    def number(thing: object) -> int:
        return numbers.setdefault(id(thing), len(numbers))

    found: list[object] = []
    for item in listing:
        if isinstance(item, Instr):
            if isinstance(item.arg, Label):
                found.append((item.name, number(item.arg)))
            elif item.name != "NOP":
                found.append((item.name, argument_structure(item.arg)))
        elif isinstance(item, Label):
            found.append(number(item))
        elif isinstance(item, TryBegin):
            found.append(("try", number(item), number(item.target), item.push_lasti))
        elif isinstance(item, TryEnd):
            found.append(("end", number(item.entry)))
    return digest(found)


def argument_structure(argument: Any, hollow: Iterable[CodeType] = ()) -> str:
    """Return a text that is equal for equal arguments of instructions.

    Args:
        argument: no label.
        hollow: code objects of which only the name counts.
    """
    if not isinstance(argument, CodeType):
        return _constant(argument)
    return argument.co_name if any(argument is code for code in hollow) else code_structure(argument)


def code_structure(code: CodeType) -> str:
    """Return a text that is equal for code objects that differ in lines and file only."""
    if not code.co_flags & inspect.CO_OPTIMIZED:
        shape = structure(_placeless(code))
        return digest([code.co_qualname, code.co_flags, code.co_cellvars, code.co_freevars, shape])
    return digest(
        [
            code.co_qualname,
            code.co_flags,
            code.co_argcount,
            code.co_posonlyargcount,
            code.co_kwonlyargcount,
            code.co_names,
            code.co_varnames,
            code.co_cellvars,
            code.co_freevars,
            code.co_code,
            code.co_exceptiontable,
            [argument_structure(each) for each in code.co_consts],
        ]
    )


def _placeless(code: CodeType) -> Iterator[Any]:
    """Yield the listing of a class body without its line, which it knows since Python 3.13."""
    items = plain(code)
    for item, following in zip(items, [*items[1:], None], strict=True):
        stores = isinstance(following, Instr) and following.name == "STORE_NAME"
        if not stores or following.arg != "__firstlineno__":
            yield item


def _constant(value: Any) -> str:
    if isinstance(value, frozenset):
        return f"frozenset({sorted(map(_constant, value))})"
    if isinstance(value, tuple):
        return f"({', '.join(map(_constant, value))})"
    return repr(value)


def digest(value: object) -> str:
    """Return a short text for something with a longer one."""
    return hashlib.blake2b(repr(value).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


# ---------------------------------------------------------------------- what it does with names


def code_facts(code: CodeType) -> Facts:
    """Return what running a code object reads from the scope that it was made in, and from its globals."""
    return facts_of(item for item in plain(code) if isinstance(item, Instr))


def facts_of(instructions: Iterable[Instr]) -> Facts:
    """Return what straight code does with names; a name counts as read although it may be bound before."""
    reads: set[str] = set()
    attributes: set[tuple[str, ...]] = set()
    binds: set[str] = set()
    calls = makes_code = False
    chain: tuple[str, ...] = ()
    for instruction in instructions:
        name = instruction.name
        if name in _LOADS and instruction.arg != MARKED:
            chain = (name_of(instruction.arg),)
            reads.update(chain)
        elif name in ("LOAD_ATTR", "LOAD_METHOD") and chain:
            chain = (*chain, name_of(instruction.arg))
            attributes.add(chain)
        elif name != "PUSH_NULL":
            chain = ()
        if name in ("STORE_NAME", "STORE_GLOBAL", "DELETE_NAME"):
            binds.add(str(instruction.arg))
        calls |= name.startswith(("CALL", "IMPORT", "BEFORE_WITH"))
        inner = instruction.arg
        if isinstance(inner, CodeType):
            makes_code |= inner.co_name not in _COMPREHENSIONS[:3]
            if inner.co_name in _COMPREHENSIONS:
                facts = code_facts(inner)
                reads |= facts.reads
                attributes |= facts.attributes
                calls |= facts.calls
    return Facts(frozenset(reads), frozenset(attributes), frozenset(binds), calls=calls, makes_code=makes_code)


_LOADS = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}


def codes_in(listing: Iterable[Any]) -> Iterator[CodeType]:
    """Yield the code objects that a listing loads, in order."""
    for item in listing:
        if isinstance(item, Instr) and isinstance(item.arg, CodeType):
            yield item.arg

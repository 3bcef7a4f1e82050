"""Compile statements that were lifted from code; what they keep as code is put in as it was."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Iterable, Iterator, Sequence
from types import CodeType
from typing import Any

from bytecode import Instr
from bytecode.instr import CellVar

from dyntransform.cpython.features import CLASSES_KNOW_THEIR_PLACE
from dyntransform.lifting.decoding import decode, name_of, separate
from dyntransform.lifting.parts import Block, Body, Part, codes_in
from dyntransform.runtime.dynamic_class import BASE

__all__ = ["assemble"]


def assemble(nodes: list[ast.stmt], filename: str, flags: int = 0) -> CodeType:
    """Compile statements.

    Args:
        nodes: statements from `statements.lift`, or made from their nodes.
        filename: name of the source file, as it is in the code.
        flags: for the compiler: future features.

    Raises:
        ValueError: code that was put in does not fit into the scopes around it.
    """
    parts: dict[str, Part] = {}
    module = ast.Module([one for each in _Scope("", parts).statements(nodes) for one in each], [])
    code: CodeType = compile(module, filename, "exec", flags, dont_inherit=True, optimize=0)
    return _filled(code, parts) if parts else code


class _Scope:
    """Statements of a module or class, as the compiler takes them.

    Args:
        name: of the class; empty for a module.
        parts: takes the code that stands for statements and expressions.
    """

    def __init__(self, name: str, parts: dict[str, Part]) -> None:
        self._name = name
        self._parts = parts
        self._numbers = itertools.count()

    def statements(self, nodes: Iterable[ast.stmt]) -> Iterator[list[ast.stmt]]:
        """Yield what the compiler takes for each of some statements, in their order."""
        for node in nodes:
            if isinstance(node, Block):
                yield self._block(node)
            else:
                for _ in range(self._marks(node)):
                    next(self._numbers)
                yield [self._plain(node)]

    def _marks(self, node: ast.stmt) -> int:
        """Return how many annotated variables in a statement the compiler gives a number (PEP 649)."""
        pending: list[ast.AST] = [node]
        found = 0
        while pending:
            one = pending.pop()
            if isinstance(one, ast.AnnAssign):
                found += one.simple and not (self._name and one is node)
            elif not isinstance(one, (ast.expr, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                pending += ast.iter_child_nodes(one)
        return found

    def _plain(self, node: ast.stmt) -> ast.stmt:
        for part in ast.walk(_header(node)):
            if isinstance(part, Part):
                self._parts[part.id] = part
        if isinstance(node, ast.ClassDef):
            statements = [one for each in _Scope(node.name, self._parts).statements(node.body) for one in each]
            gaining = next((index for index, one in enumerate(statements) if _gains_base(one)), None)
            if gaining is not None:
                statements.insert(gaining, ast.copy_location(ast.Global([BASE]), node))
            fields = {**dict(ast.iter_fields(node)), "body": statements}
            return ast.copy_location(ast.ClassDef(**fields), node)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = next((each for each in node.body if isinstance(each, Body)), None)
            if body is not None:
                fields = {**dict(ast.iter_fields(node)), "body": list(_stand_in(body, node, self._name, self._parts))}
                return ast.copy_location(type(node)(**fields), node)
        return node

    def _block(self, node: Block) -> list[ast.stmt]:
        """Return what stands for a block, behind what tells the compiler what is in it, and is never executed."""
        variables = [each for each in node.body if isinstance(each, ast.AnnAssign)]
        numbers = {old: next(self._numbers) for old in node.marks}
        part = node.part.renumbered(numbers)
        self._parts[part.id] = part
        told: list[ast.stmt] = [
            ast.copy_location(ast.AnnAssign(each.target, each.annotation, None, 1), each) for each in variables
        ]
        for variable in variables:
            self._parts.update((one.id, one) for one in ast.walk(variable.annotation) if isinstance(one, Part))
        if self._name and CLASSES_KNOW_THEIR_PLACE:
            functions = (code for code in codes_in(node.part.listing) if code.co_flags & inspect.CO_OPTIMIZED)
            stores = [store for code in functions for store in _stores(code, self._name)]
            if stores:
                told.append(ast.FunctionDef("_", ast.arguments([], [], None, [], [], None, []), stores, []))
        statements: list[ast.stmt] = [ast.copy_location(ast.Expr(ast.copy_location(part, node)), node)]
        if told:
            never = ast.If(ast.Constant(False), told, [])  # noqa: FBT003 - what an `if` tests
            statements.insert(0, ast.fix_missing_locations(ast.copy_location(never, node)))
        return statements


def _header(node: ast.stmt) -> ast.AST:
    """Return what is evaluated when a statement is executed, without the bodies of functions and classes in it."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node
    fields = {**dict(ast.iter_fields(node)), "body": []}
    return type(node)(**fields)


def _stand_in(body: Body, node: ast.stmt, around: str, parts: dict[str, Part]) -> Iterator[ast.stmt]:
    """Yield a body with the same free variables, and the same attributes of self, which the class lists (3.13)."""
    part = body.value
    assert isinstance(part, Part)
    parts[part.id] = part
    made: list[ast.stmt] = [ast.Return(part)]
    made += [ast.Expr(ast.Name(name, ast.Load())) for name in body.code.co_freevars]
    made += _stores(body.code, around)
    for each in made:
        yield ast.fix_missing_locations(ast.copy_location(each, node))


def _stores(code: CodeType, around: str) -> Iterator[ast.stmt]:
    """Yield assignments to the attributes of self that a function of a class assigns to."""
    private = f"_{around.lstrip('_')}__"
    for attribute in sorted(set(_attributes_of_self(code))):
        name = attribute.removeprefix(private[:-2]) if attribute.startswith(private) else attribute
        target = ast.Attribute(ast.Name("self", ast.Load()), name, ast.Store())
        yield ast.Assign([target], ast.Constant(None))


def _attributes_of_self(code: CodeType) -> Iterator[str]:
    if "self" in (*code.co_varnames, *code.co_freevars, *code.co_names):
        before: Instr | None = None
        for item in decode(code):
            if isinstance(item, Instr):
                if item.name == "STORE_ATTR" and before is not None and _loads_self(before.arg):
                    yield str(item.arg)
                before = item
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and constant.co_flags & inspect.CO_OPTIMIZED:  # not a class
            yield from _attributes_of_self(constant)


def _loads_self(argument: Any) -> bool:
    """Whether the last thing that an instruction loads is ``self``."""
    return name_of(argument) == "self"


# ---------------------------------------------------------------------- putting code in


def _filled(code: CodeType, parts: dict[str, Part]) -> CodeType:
    """Return code in which the loads of stand-in names are the code that they stand for."""
    constants = tuple(_constant(each, parts) if isinstance(each, CodeType) else each for each in code.co_consts)
    if constants != code.co_consts or any(
        one is not other for one, other in zip(constants, code.co_consts, strict=True)
    ):
        code = code.replace(co_consts=constants)
    if not any(name in parts for name in code.co_names):
        return code
    bytecode = decode(code)
    # Not all variables can be in a pair, and `bytecode` numbers them anew.
    items = [each for item in _spliced(list(bytecode), parts) for each in separate(item)]
    bytecode.clear()
    bytecode.extend(items)
    cells = (item.arg.name for item in items if isinstance(item, Instr) and isinstance(item.arg, CellVar))
    bytecode.cellvars = list(dict.fromkeys([*bytecode.cellvars, *cells]))
    return bytecode.to_code()


def _constant(code: CodeType, parts: dict[str, Part]) -> CodeType:
    whole = next((parts[name].code for name in code.co_names if name in parts and parts[name].code is not None), None)
    if whole is None:
        return _filled(code, parts)
    if whole.co_freevars != code.co_freevars:
        message = f"{whole.co_filename}:{whole.co_firstlineno}: the scopes around {whole.co_qualname} are not known"
        raise ValueError(message)
    return whole


def _spliced(items: Sequence[Any], parts: dict[str, Part]) -> Iterator[Any]:
    drop = False
    for item, following in zip(items, [*items[1:], None], strict=True):
        if drop and isinstance(item, Instr):
            drop = False
            assert item.name == "POP_TOP"
            continue
        if _looks_in_class(item) and isinstance(following, Instr) and _loaded(following) in parts:
            continue  # the part has its own
        part = parts.get(_loaded(item)) if isinstance(item, Instr) else None
        if part is None:
            yield item
            continue
        yield from part.copied()
        drop = part.is_statement


def _gains_base(node: ast.stmt) -> bool:
    """Whether it is a class with the base `DynamicClass`, which the body of a class reads as a global."""
    return isinstance(node, ast.ClassDef) and any(isinstance(one, ast.Name) and one.id == BASE for one in node.bases)


def _looks_in_class(item: Any) -> bool:
    """Whether it puts the namespace of a class on the stack, in which the next instruction looks first (PEP 695)."""
    return isinstance(item, Instr) and item.name == "LOAD_DEREF" and name_of(item.arg) == "__classdict__"


def _loaded(instruction: Instr) -> str:
    if instruction.name not in ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"):
        return ""
    return name_of(instruction.arg)

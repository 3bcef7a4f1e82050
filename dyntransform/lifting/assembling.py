"""Compile statements that were lifted from code; what they keep as code is put in as it was."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any

from bytecode import Bytecode, Instr
from bytecode.instr import CellVar

from dyntransform.lifting.parts import Block, Body, Part, codes_in

__all__ = ["assemble"]


def assemble(nodes: list[ast.stmt], filename: str) -> CodeType:
    """Compile statements.

    Args:
        nodes: statements from `statements.lift`, or made from their nodes.
        filename: name of the source file, as it is in the code.

    Raises:
        ValueError: code that was put in does not fit into the scopes around it.
    """
    parts: dict[str, Part] = {}
    module = ast.Module([_plain(node, "", parts) for node in nodes], [])
    code: CodeType = compile(module, filename, "exec", dont_inherit=True, optimize=0)
    return _filled(code, parts) if parts else code


def _plain(node: ast.stmt, around: str, parts: dict[str, Part]) -> ast.stmt:
    """Return a statement that the compiler takes, and collect the code that it stands for.

    Args:
        node: a statement.
        around: name of the class that it stands in; empty if it stands in none.
        parts: takes the code.
    """
    if isinstance(node, Block):
        parts[node.part.id] = node.part
        return ast.copy_location(ast.Expr(ast.copy_location(node.part, node)), node)
    for part in ast.walk(_header(node)):
        if isinstance(part, Part):
            parts[part.id] = part
    if isinstance(node, ast.ClassDef):
        statements = [one for each in node.body for one in _in_class(each, node.name, parts)]
        fields = {**dict(ast.iter_fields(node)), "body": statements}
        return ast.copy_location(ast.ClassDef(**fields), node)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        body = next((each for each in node.body if isinstance(each, Body)), None)
        if body is not None:
            fields = {**dict(ast.iter_fields(node)), "body": list(_stand_in(body, node, around, parts))}
            return ast.copy_location(type(node)(**fields), node)
    return node


def _in_class(node: ast.stmt, around: str, parts: dict[str, Part]) -> Iterator[ast.stmt]:
    """Yield what the compiler takes for a statement of a class, and what tells it of methods in a block (3.13)."""
    yield _plain(node, around, parts)
    if isinstance(node, Block) and sys.version_info >= (3, 13):
        functions = (code for code in codes_in(node.part.listing) if code.co_flags & inspect.CO_OPTIMIZED)
        stores = [store for code in functions for store in _stores(code, around)]
        if stores:
            method = ast.FunctionDef("_", ast.arguments([], [], None, [], [], None, []), stores, [])
            never = ast.If(ast.Constant(False), [method], [])  # noqa: FBT003 - what an `if` tests
            yield ast.fix_missing_locations(ast.copy_location(never, node))


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
        for item in Bytecode.from_code(code):
            if isinstance(item, Instr):
                if item.name == "STORE_ATTR" and before is not None and _loads_self(before.arg):
                    yield str(item.arg)
                before = item
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and constant.co_flags & inspect.CO_OPTIMIZED:  # not a class
            yield from _attributes_of_self(constant)


def _loads_self(argument: Any) -> bool:
    """Whether the last thing that an instruction loads is ``self``."""
    last = argument[-1] if isinstance(argument, tuple) and argument else argument
    return bool(getattr(last, "name", last) == "self")


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
    bytecode = Bytecode.from_code(code)
    items = list(_spliced(list(bytecode), parts))
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


def _spliced(items: Iterable[Any], parts: dict[str, Part]) -> Iterator[Any]:
    drop = False
    for item in items:
        if drop and isinstance(item, Instr):
            drop = False
            assert item.name == "POP_TOP"
            continue
        part = parts.get(_loaded(item)) if isinstance(item, Instr) else None
        if part is None:
            yield item
            continue
        yield from part.copied()
        drop = part.is_statement


def _loaded(instruction: Instr) -> str:
    if instruction.name not in ("LOAD_NAME", "LOAD_GLOBAL"):
        return ""
    argument: Any = instruction.arg
    return str(argument[1] if isinstance(argument, tuple) else argument)

"""Run straight code on a stack of syntax nodes, which gives the expressions and statements that it was compiled from.

What is not straight (``a or b``, ``x if c else y``, comprehensions) becomes a `Part`, so that everything around it is
still seen. What the machine does not know makes the statement a `Block`: it is never guessed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import CodeType
from typing import Any

from dyntransform.cpython.opcodes import NULL_ABOVE
from dyntransform.lifting.calls import Calls
from dyntransform.lifting.expressions import as_slice, constant
from dyntransform.lifting.flow import Flow
from dyntransform.lifting.stack import MakeGeneric, MakeLambda
from dyntransform.lifting.values import (
    STAR,
    Annotation,
    Function,
    Imported,
    ImportedName,
    Item,
    Lifted,
    Null,
    UnknownCodeError,
    located,
)

__all__ = ["OPERATIONS", "Machine"]


class Machine(Calls):
    """All operations; see `Stack` for the arguments."""

    def __init__(self, flow: Flow, make_lambda: MakeLambda, make_generic: MakeGeneric | None = None) -> None:
        super().__init__(flow, make_lambda, make_generic)
        self._operations = OPERATIONS

    def _load_const(self, value: Any) -> None:
        self._push(value if isinstance(value, CodeType) else constant(value))

    def _load_name(self, name: Any) -> None:
        if isinstance(name, tuple):
            null, name = name
            if null:
                self._push(Null)
        self._push(ast.Name(str(name), ast.Load()))

    def _load_cell(self, name: Any) -> None:
        self._push(ast.Name(str(getattr(name, "name", name)), ast.Load()))

    def _load_own_or_cell(self, name: Any) -> None:
        self._push(ast.Name(str(getattr(name, "name", name)), ast.Load()), self._index - 1)

    def _load_attribute(self, name: Any) -> None:
        is_method = isinstance(name, tuple) and name[0]
        self._attribute(str(name[1] if isinstance(name, tuple) else name), is_method=is_method)

    def _load_method(self, name: Any) -> None:
        self._attribute(str(name), is_method=True)

    def _attribute(self, name: str, *, is_method: bool) -> None:
        value, start = self._expression()
        node = located(ast.Attribute(value, name, ast.Load()), self._instruction)
        entries: list[Any] = [node, Null] if NULL_ABOVE else [Null, node]
        for entry in entries if is_method else [node]:
            self._push(entry, start)

    def _store_name(self, name: Any) -> None:
        entry = self._pop()
        value = entry.value
        if isinstance(value, Function) and not value.is_definition:
            value = self._make_lambda(value)
        if isinstance(value, Function):
            self._only(not self._stack)
            self._done.definition = str(name), value
        elif isinstance(value, ImportedName):
            self._alias(value, str(name))
        elif isinstance(value, Imported):
            self._only(value.names is None)
            top = value.module.partition(".")[0]
            self._done.source = value
            self._done.aliases.append(self._as_alias(value.module, None if top == name else str(name)))
        else:
            self._store(ast.Name(str(name), ast.Store()), value)

    def _alias(self, value: ImportedName, name: str) -> None:
        source = value.source
        attribute = value.name
        if isinstance(source, Imported) and source.names is not None:
            self._done.source = source
            self._done.aliases.append(self._as_alias(attribute, None if attribute == name else name))
            return
        while isinstance(source, ImportedName):
            source = source.source
        self._only(isinstance(source, Imported))
        assert isinstance(source, Imported)
        self._done.source = source
        self._done.aliases.append(self._as_alias(source.module, name))

    def _as_alias(self, name: str, as_name: str | None) -> ast.alias:
        return located(ast.alias(name, as_name), self._instruction)  # type: ignore[no-any-return]

    def _store(self, target: ast.expr, value: Any) -> None:
        located(target, self._instruction)
        if isinstance(value, Item):
            value.take(target)
            return
        if isinstance(value, Function):
            value = self._make_lambda(value)
        self._only(isinstance(value, ast.expr))
        self._done.stores.append((target, value))
        if any(entry.value is value for entry in self._stack):
            self._stored.setdefault(id(value), []).append(target)
        else:
            self._stored.pop(id(value), None)

    def _store_attribute(self, name: Any) -> None:
        holder, _ = self._expression()
        self._store(ast.Attribute(holder, str(name), ast.Store()), self._pop().value)

    def _store_subscript(self, _: Any) -> None:
        key, _start = self._expression()
        holder, _start = self._expression()
        value = self._pop().value
        if isinstance(holder, ast.Name) and holder.id == "__annotations__" and isinstance(key, ast.Constant):
            self._only(not self._stack and isinstance(value, ast.expr) and isinstance(key.value, str))
            self._done.annotation = Annotation(str(key.value), value)
            return
        self._store(ast.Subscript(holder, key, ast.Store()), value)

    def _store_slice(self, _: Any) -> None:
        (holder, low, high), _start = self._expressions(3)
        self._store(ast.Subscript(holder, as_slice(low, high), ast.Store()), self._pop().value)

    def _delete(self, target: ast.expr) -> None:
        self._done.deleted.append(located(target, self._instruction))

    def _delete_name(self, name: Any) -> None:
        self._delete(ast.Name(str(name), ast.Del()))

    def _delete_attribute(self, name: Any) -> None:
        holder, _ = self._expression()
        self._delete(ast.Attribute(holder, str(name), ast.Del()))

    def _delete_subscript(self, _: Any) -> None:
        (holder, key), _start = self._expressions(2)
        self._delete(ast.Subscript(holder, key, ast.Del()))

    def _unpack(self, count: Any) -> None:
        entry = self._pop()
        targets: list[ast.expr] = []
        before, after = (count & 0xFF, count >> 8) if self._instruction.name == "UNPACK_EX" else (count, None)
        items = [Item(targets) for _ in range(before)]
        if after is not None:
            items += [Item(targets, starred=True), *(Item(targets) for _ in range(after))]
        for item in reversed(items):
            self._push(item, entry.start)
        holder = located(ast.Tuple(targets, ast.Store()), self._instruction)
        if isinstance(entry.value, Item):
            entry.value.take(holder)
        else:
            self._done.stores.append((holder, self._as_expression(entry)))

    # ------------------------------------------------------------------ moving things

    def _pop_top(self, _: Any) -> None:
        entry = self._pop()
        if isinstance(entry.value, (Imported, ImportedName)):
            return
        if entry.value is STAR:
            return
        self._only(not self._stack and self._done == Lifted())
        self._done.value = self._as_expression(entry)

    def _copy(self, depth: Any) -> None:
        self._only(0 < depth <= len(self._stack))
        entry = self._stack[-depth]
        self._push(entry.value, entry.start)

    def _swap(self, depth: Any) -> None:
        self._only(1 < depth <= len(self._stack))
        stack = self._stack
        stack[-1], stack[-depth] = stack[-depth], stack[-1]

    def _push_null(self, _: Any) -> None:
        self._push(Null)

    def _nothing(self, _: Any) -> None:
        pass

    # the import statement

    def _import(self, module: Any) -> None:
        (level, names), start = self._expressions(2)
        self._only(isinstance(level, ast.Constant))
        listed = None
        if isinstance(names, ast.Tuple):
            listed = tuple(each.value for each in names.elts)  # type: ignore[attr-defined]
        lazy, name = (module[0], module[-1]) if isinstance(module, tuple) else (False, module)
        self._push(Imported(level.value, listed, str(name), lazy), start)  # type: ignore[attr-defined]

    def _import_from(self, name: Any) -> None:
        self._only(bool(self._stack) and isinstance(self._stack[-1].value, (Imported, ImportedName)))
        self._push(ImportedName(self._stack[-1].value, str(name)), self._stack[-1].start)

    def _import_star(self, _: Any = None) -> None:
        source = self._pop().value
        self._only(isinstance(source, Imported))
        self._done.source = source
        self._done.aliases.append(self._as_alias("*", None))

    def _intrinsic(self, which: Any) -> None:
        name = getattr(which, "name", "")
        if name == "INTRINSIC_IMPORT_STAR":
            self._import_star()
            self._push(STAR)
        elif name == "INTRINSIC_LIST_TO_TUPLE":
            self._list_to_tuple()
        elif name == "INTRINSIC_UNARY_POSITIVE":
            self._unary(ast.UAdd)
        elif name == "INTRINSIC_TYPEALIAS":
            self._push(self._pop().value)
        else:
            raise UnknownCodeError(name)


OPERATIONS: dict[str, Callable[[Machine, Any], None]] = {
    "NOP": Machine._nothing,
    "PRECALL": Machine._nothing,
    "SETUP_ANNOTATIONS": Machine._nothing,
    "LOAD_CONST": Machine._load_const,
    "LOAD_NAME": Machine._load_name,
    "LOAD_ATTR": Machine._load_attribute,
    "LOAD_METHOD": Machine._load_method,
    "LOAD_CLOSURE": Machine._load_cell,
    "LOAD_FAST": Machine._load_cell,
    "LOAD_LOCALS": Machine._nothing,
    "LOAD_FROM_DICT_OR_DEREF": Machine._load_own_or_cell,
    "LOAD_GLOBAL": Machine._load_name,
    "STORE_GLOBAL": Machine._store_name,
    "DELETE_GLOBAL": Machine._delete_name,
    "STORE_NAME": Machine._store_name,
    "STORE_ATTR": Machine._store_attribute,
    "STORE_SUBSCR": Machine._store_subscript,
    "STORE_SLICE": Machine._store_slice,
    "DELETE_NAME": Machine._delete_name,
    "DELETE_ATTR": Machine._delete_attribute,
    "DELETE_SUBSCR": Machine._delete_subscript,
    "UNPACK_SEQUENCE": Machine._unpack,
    "UNPACK_EX": Machine._unpack,
    "POP_TOP": Machine._pop_top,
    "COPY": Machine._copy,
    "SWAP": Machine._swap,
    "PUSH_NULL": Machine._push_null,
    "BINARY_OP": Machine._binary,
    "BINARY_SUBSCR": Machine._subscript,
    "BUILD_INTERPOLATION": Machine._interpolation,
    "BUILD_TEMPLATE": Machine._template,
    "BINARY_SLICE": Machine._binary_slice,
    "BUILD_SLICE": Machine._build_slice,
    "UNARY_POSITIVE": lambda machine, _: machine._unary(ast.UAdd),
    "UNARY_NEGATIVE": lambda machine, _: machine._unary(ast.USub),
    "UNARY_INVERT": lambda machine, _: machine._unary(ast.Invert),
    "UNARY_NOT": lambda machine, _: machine._unary(ast.Not),
    "TO_BOOL": Machine._to_bool,
    "COMPARE_OP": Machine._compare,
    "IS_OP": Machine._is,
    "CONTAINS_OP": Machine._contains,
    "BUILD_TUPLE": lambda machine, count: machine._build_sequence(ast.Tuple, count),
    "BUILD_LIST": lambda machine, count: machine._build_sequence(ast.List, count),
    "BUILD_SET": lambda machine, count: machine._build_sequence(ast.Set, count),
    "BUILD_MAP": Machine._build_map,
    "BUILD_CONST_KEY_MAP": Machine._build_keyed_map,
    "BUILD_STRING": Machine._build_string,
    "LIST_EXTEND": Machine._extend,
    "SET_UPDATE": Machine._extend,
    "LIST_APPEND": Machine._append,
    "SET_ADD": Machine._append,
    "LIST_TO_TUPLE": lambda machine, _: machine._list_to_tuple(),
    "MAP_ADD": Machine._map_add,
    "DICT_UPDATE": Machine._map_update,
    "DICT_MERGE": Machine._map_update,
    "FORMAT_VALUE": Machine._format_value,
    "CONVERT_VALUE": Machine._convert_value,
    "FORMAT_SIMPLE": lambda machine, _: machine._format(has_spec=False),
    "FORMAT_WITH_SPEC": lambda machine, _: machine._format(has_spec=True),
    "KW_NAMES": Machine._keyword_names,
    "CALL": Machine._call,
    "CALL_KW": Machine._call_keywords,
    "CALL_FUNCTION_EX": Machine._call_unpacked,
    "CALL_INTRINSIC_1": Machine._intrinsic,
    "GET_ITER": Machine._nothing,
    "MAKE_FUNCTION": Machine._make_function,
    "SET_FUNCTION_ATTRIBUTE": Machine._set_function_attribute,
    "LOAD_BUILD_CLASS": Machine._load_build_class,
    "IMPORT_NAME": Machine._import,
    "IMPORT_FROM": Machine._import_from,
    "IMPORT_STAR": Machine._import_star,
}

"""What the interpreter and the standard library derive from a class and keep: brought up to date after an edit."""

from __future__ import annotations

import _abc
import abc
import dis
import functools
import inspect
import typing
import weakref
from collections.abc import Iterator, Mapping, Sequence
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any

from dyntransform.cpython.opcodes import constant
from dyntransform.cpython.references import references
from dyntransform.reloading.live import heap
from dyntransform.reloading.live.transaction import Transaction
from dyntransform.reloading.model.code_tree import CodeNode

__all__ = ["code_attributes", "move", "refresh", "with_subclasses"]


def with_subclasses(cls: type) -> Iterator[type]:
    """Yield a class and all below it, each once, bases first."""
    found, seen = [cls], {id(cls)}
    for current in found:  # it grows meanwhile
        below: type
        for below in type.__subclasses__(current):
            if id(below) not in seen:
                seen.add(id(below))
                found.append(below)
        yield current


def refresh(cls: type, transaction: Transaction, *, bases: bool, names: frozenset[str]) -> None:
    """Bring up to date what was derived from the members of a class.

    Args:
        cls: the class.
        transaction: takes the changes.
        bases: its bases may have changed.
        names: members that it gained or lost.
    """
    classes = list(with_subclasses(cls))
    abstract = [(each, each.__abstractmethods__) for each in classes if isinstance(each, abc.ABCMeta)]
    if abstract:
        transaction.derive(
            functools.partial(_update_abstract, [each for each, _ in abstract]),
            functools.partial(_restore_abstract, abstract),
        )
    for each in classes:
        if getattr(each, "_is_protocol", False):
            _refresh_protocol(each, transaction)
    forget = functools.partial(_forget_instance_checks, cls, everywhere=bool(names or bases))
    if names or bases or abstract:
        transaction.derive(forget, forget)
    if names or bases:
        transaction.derive(_forget_dispatch, _forget_dispatch)


def _update_abstract(classes: list[Any]) -> None:
    for cls in classes:
        abc.update_abstractmethods(cls)


def _restore_abstract(before: list[tuple[Any, frozenset[str]]]) -> None:
    for cls, names in before:
        cls.__abstractmethods__ = names


def _refresh_protocol(cls: Any, transaction: Transaction) -> None:
    """A protocol keeps the members that it asks for (Python 3.12)."""
    if "__protocol_attrs__" not in vars(cls):
        return

    def update() -> None:
        cls.__protocol_attrs__ = typing._get_protocol_attrs(cls)  # type: ignore[attr-defined]

    before = cls.__protocol_attrs__
    transaction.derive(update, functools.partial(setattr, cls, "__protocol_attrs__", before))


def _forget_instance_checks(cls: type, *, everywhere: bool) -> None:
    """Have abstract classes ask again whose answers may be others now. Classes that were registered stay so.

    Args:
        cls: a class of which something changed.
        everywhere: its members or bases changed, at which the hook of any abstract class may look.
    """
    _reset_caches(cls)
    if everywhere:
        _forget_refusals()
        if any(map(_may_be_cached, with_subclasses(cls))):
            _reset_caches(object)


def _reset_caches(top: type) -> None:
    for cls in with_subclasses(top):
        if isinstance(cls, abc.ABCMeta) and _has_hook(cls):
            _abc._reset_caches(cls)


def _forget_refusals() -> None:
    """Have all abstract classes forget which classes are none of theirs, as each registration of a class does."""
    _abc._reset_registry(_Registry)
    _abc._reset_caches(_Registry)
    _Registry.register(_Registered)


class _Registry(abc.ABC):  # noqa: B024 - it only registers
    pass


class _Registered:
    pass


def _may_be_cached(cls: type) -> bool:
    """Whether an abstract class may know a class as one of its own: by a weak reference that has a callback."""
    own = (one for one in weakref.getweakrefs(cls) if issubclass(type(one), weakref.ref))  # and not a proxy
    return any(one.__callback__ is not None for one in own)


def _has_hook(cls: type) -> bool:
    """Whether it has another hook than that of `object`, the one that is built in; metaclasses are not asked."""
    return type(type.__getattribute__(cls, "__subclasshook__")) is not BuiltinFunctionType


def _forget_dispatch() -> None:
    """`functools.singledispatch` keeps what it found by class; all functions that it makes run one code object."""
    if references([_DISPATCH]) == [_DISPATCH_REFERENCES]:
        return  # it has made none
    for candidate in heap.referrers(_DISPATCH):
        if type(candidate) is FunctionType:
            candidate._clear_cache()  # type: ignore[attr-defined]


_DISPATCH: CodeType = functools.singledispatch(lambda _: None).__code__  # type: ignore[attr-defined]
_DISPATCH_REFERENCES = 2
"""References where nothing runs it: by the code of `functools.singledispatch`, and the name above."""


def move(namespace: Mapping[str, Any], nodes: Sequence[CodeNode], transaction: Transaction) -> None:
    """Tell `inspect` on which lines classes are now, of which nothing else changed (Python 3.13)."""
    for node in nodes:
        code = node.code
        cls = namespace.get(code.co_name)
        if isinstance(cls, type) and not code.co_flags & inspect.CO_OPTIMIZED and "__firstlineno__" in vars(cls):
            if vars(cls)["__firstlineno__"] != code.co_firstlineno:
                transaction.set_attribute(cls, "__firstlineno__", code.co_firstlineno)
            move(vars(cls), node.children, transaction)


def code_attributes(code: CodeType) -> dict[str, Any]:
    """Return what the compiler writes into the namespace of a class about its place (Python 3.13)."""
    found: dict[str, Any] = {}
    loaded: Any = None
    for instruction in dis.get_instructions(code):
        if instruction.opname == "STORE_NAME" and instruction.argval in _ABOUT_PLACE:
            found[instruction.argval] = loaded
        loaded = constant(instruction.opname, instruction.arg, code.co_consts)
    return found


_ABOUT_PLACE = ("__firstlineno__", "__static_attributes__")

"""Changes to the running program that are made in one step, and taken back in one step.

Until `commit` changes are only collected. They are then made by a single call into C, which no other thread can
interrupt as long as none of them runs Python code: a thread that saw anything new of an edit sees nothing old of it
afterwards. After it changes are made at once. `rollback` undoes everything, in reverse.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import functools
import gc
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from dyntransform.cpython.annotations import ANNOTATE
from dyntransform.reloading.live import constructors
from dyntransform.reloading.live.imports import Imports

__all__ = ["MISSING", "Transaction"]


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""Stands for a value that is not there."""

_Operation = Callable[[], Any]


class Transaction:
    """An edit in progress.

    Attributes:
        live: `commit` was done; changes take effect when they are made.
        imports: the modules that are imported meanwhile.
    """

    def __init__(self) -> None:
        self.live = False
        self._staged: list[_Operation] = []
        self._derived: list[_Operation] = []
        self._undo: list[_Operation] = []
        self._views: dict[int, dict[str, Any]] = {}
        self._saved: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
        """Namespaces, by id, and what they held."""
        self._saved_ids: set[int] = set()
        self._states: list[tuple[Any, dict[str, Any]]] = []
        self._contents: list[tuple[Any, Any, Any]] = []
        self.imports = Imports()
        self._on_rollback: list[_Operation] = []
        self._finally: list[_Operation] = []
        self._afterwards: list[_Operation] = []

    def save(self, namespace: dict[str, Any]) -> None:
        """Remember a module's namespace before statements run in it."""
        if id(namespace) not in self._saved:
            self._saved[id(namespace)] = namespace, dict(namespace)

    def save_state(self, value: Any) -> None:
        """Remember the attributes of a function, class or module that statements may set."""
        if isinstance(value, ModuleType):
            self.save(vars(value))
        elif isinstance(value, FunctionType) and id(value) not in self._saved_ids:
            self._saved_ids.add(id(value))
            self.save(value.__dict__)
            self._states.append((value, _function_state(value)))
        elif isinstance(value, type) and value.__flags__ & _HEAP_TYPE and id(value) not in self._saved_ids:
            self._saved_ids.add(id(value))
            self._states.append((value, {k: v for k, v in vars(value).items() if k not in _NOT_SETTABLE}))

    @contextlib.contextmanager
    def contents(self, containers: Iterable[Any]) -> Iterator[None]:
        """Have what the block puts into or takes out of plain containers taken back, unless others change them too."""
        before = [(container, copy.copy(container)) for container in containers]
        try:
            yield
        finally:
            self._contents.extend((container, old, copy.copy(container)) for container, old in before)

    def former(self, namespace: dict[str, Any]) -> dict[str, Any]:
        """Return a namespace as it was when the edit began."""
        return self._saved.get(id(namespace), (namespace, namespace))[1]

    def view(self, namespace: dict[str, Any]) -> dict[str, Any]:
        """Return the namespace as it will be: itself once live, else a copy that has the staged values."""
        if self.live:
            return namespace
        view = self._views.get(id(namespace))
        if view is None:
            view = self._views[id(namespace)] = dict(namespace)
        return view

    def seen(self, namespace: dict[str, Any]) -> dict[str, Any]:
        """Return what `view` does, only to be read: one that the edit did not change need not be copied for that."""
        return namespace if self.live else self._views.get(id(namespace), namespace)

    def set_item(self, namespace: dict[str, Any], name: str, value: Any) -> None:
        """Bind a name of a module."""
        self.save(namespace)
        if not self.live:
            self.view(namespace)[name] = value
        self._do(functools.partial(operator.setitem, namespace, name, value))

    def delete_item(self, namespace: dict[str, Any], name: str) -> None:
        """Unbind a name of a module, if it is bound."""
        self.save(namespace)
        if not self.live:
            self.view(namespace).pop(name, None)
        self._do(functools.partial(namespace.pop, name, None))

    def set_attribute(self, target: Any, name: str, value: Any) -> None:
        """Set an attribute of a function, class or other object; classes without asking their metaclass."""
        old = _own_attribute(target, name)
        undo = _deletion(target, name) if old is MISSING else functools.partial(_setter(target), target, name, old)
        self._do(functools.partial(_setter(target), target, name, value), undo)

    def delete_attribute(self, target: Any, name: str) -> None:
        """Delete an attribute that the object has itself."""
        undo = functools.partial(_setter(target), target, name, _own_attribute(target, name))
        self._do(_deletion(target, name), undo)

    def do(self, operation: _Operation, undo: _Operation) -> None:
        """Make any other change that has an inverse; it must not run Python code unless the transaction is live."""
        self._do(operation, undo)

    def derive(self, operation: _Operation, undo: _Operation) -> None:
        """Bring up to date what depends on other changes, once all of them are made; this may run Python code."""
        self._undo.append(undo)
        if self.live:
            operation()
        else:
            self._derived.append(operation)

    def undo_by(self, undo: _Operation) -> None:
        """Have a step back made of what is changed otherwise."""
        self._undo.append(undo)

    def on_rollback(self, operation: _Operation) -> None:
        """Have something done last when the edit is undone, whether its changes were made or not."""
        self._on_rollback.append(operation)

    def finally_do(self, operation: _Operation) -> None:
        """Have something done once the edit has succeeded, that cannot be undone."""
        self._finally.append(operation)

    def _do(self, operation: _Operation, undo: _Operation | None = None) -> None:
        if undo is not None:
            self._undo.append(undo)
        if self.live:
            operation()
        else:
            self._staged.append(operation)

    def commit(self) -> None:
        """Make the staged changes, in one step."""
        if self.live:
            return
        staged, self._staged, self._derived = [*self._staged, *self._derived], [], []
        self.live = True
        self._views.clear()
        with warnings.catch_warnings():
            # Python 3.13 warns when a function becomes a generator function, or the other way round.
            warnings.simplefilter("ignore", DeprecationWarning)
            with _no_collection():
                _run_all(staged)

    def afterwards_do(self, operation: _Operation) -> None:
        """Have something done when the edit no longer keeps what it replaced; it must not raise."""
        self._afterwards.append(operation)

    def finish(self) -> None:
        """Do what cannot be undone, and let go of what was replaced."""
        for operation in self._finally:
            operation()
        self._finally.clear()
        self._undo.clear()
        self._on_rollback.clear()
        self._saved.clear()
        for operation in self._afterwards:
            operation()
        self._afterwards.clear()

    def rollback(self) -> list[Exception]:
        """Put everything back as it was, in one step.

        Returns:
            What was raised by steps back; all others are made nevertheless.
        """
        problems: list[Exception] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            steps = iter(self._steps_back())
            while True:
                try:
                    _run_all(steps)
                    break
                except Exception as problem:  # noqa: BLE001 - told by the caller
                    problems.append(problem)
        for kept in (
            self._undo,
            self._on_rollback,
            self._staged,
            self._derived,
            self._finally,
            self._saved,
            self._views,
        ):
            kept.clear()
        if self._afterwards:  # classes were made, which refer to themselves
            gc.collect()
        return problems

    def _steps_back(self) -> list[_Operation]:
        undo = list(reversed(self._undo)) if self.live else []
        for namespace, former in self._saved.values():
            for name, value in list(namespace.items()):
                if name not in former:
                    undo.append(functools.partial(namespace.pop, name, None))
                elif former[name] is not value:
                    undo.append(functools.partial(operator.setitem, namespace, name, former[name]))
            undo.extend(
                functools.partial(operator.setitem, namespace, name, value)
                for name, value in former.items()
                if name not in namespace
            )
        for target, state in self._states:
            undo += _differences(target, state)
        for container, before, after in reversed(self._contents):
            undo.append(functools.partial(_restore_contents, container, before, after))
        return [*undo, *self.imports.steps_back(), *self._on_rollback]

    def own(self) -> set[int]:
        """Return the ids of what keeps old values in order to undo the edit."""
        operations = (*self._undo, *self._staged, *self._derived)
        kept = [operation for operation in operations if isinstance(operation, functools.partial)]
        return {
            *map(id, kept),
            *(id(operation.args) for operation in kept),
            *(id(copy) for _, copy in self._saved.values()),
            *map(id, self._views.values()),
        }


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Python 3.11 collects garbage within calls into C, and runs finalizers then, which may be Python code."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _run_all(operations: Iterable[_Operation]) -> None:
    collections.deque(map(operator.call, operations), 0)


_HEAP_TYPE = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: a class made by a class statement."""
_FUNCTION_STATE = (
    "__code__",
    "__defaults__",
    "__kwdefaults__",
    "__doc__",
    "__name__",
    "__qualname__",
)
_NOT_SETTABLE = {"__dict__", "__weakref__"}


def _function_state(function: FunctionType) -> dict[str, Any]:
    """Return the attributes of a function; its annotations as values only where they are, else what evaluates them."""
    annotations = ANNOTATE if getattr(function, ANNOTATE, None) is not None else "__annotations__"
    return {name: getattr(function, name) for name in (*_FUNCTION_STATE, annotations)}


def _differences(target: Any, state: dict[str, Any]) -> Iterator[_Operation]:
    """Yield what gives a function or class the attributes back that it had."""
    is_class = isinstance(target, type)
    current = dict(vars(target)) if is_class else _function_state(target)
    for name, value in state.items():
        if current.get(name, MISSING) is not value:
            yield functools.partial(_setter(target), target, name, value)
    for name in current if is_class else ():
        if name not in state and name not in _NOT_SETTABLE:
            yield _deletion(target, name)


def _restore_contents(container: Any, before: Any, after: Any) -> None:
    """Give a container its old content, if it still has what the edit left in it."""
    same = len(container) == len(after) and all(
        one is other for one, other in zip(_flat(container), _flat(after), strict=True)
    )
    if not same:
        return
    if isinstance(container, list):
        container[:] = before
    else:
        container.clear()
        container.update(before)


def _flat(container: Any) -> Iterator[Any]:
    """Yield what a container holds, keys before values."""
    yield from container
    if isinstance(container, dict):
        yield from container.values()


def _own_attribute(target: Any, name: str) -> Any:
    if isinstance(target, type):
        return type.__dict__["__dict__"].__get__(target).get(name, MISSING)
    return getattr(target, name, MISSING)


def _setter(target: Any) -> Callable[..., Any]:
    return type.__setattr__ if isinstance(target, type) else setattr


def _deletion(target: Any, name: str) -> _Operation:
    if isinstance(target, type):
        return constructors.deletion(target, name)
    return functools.partial(delattr, target, name)

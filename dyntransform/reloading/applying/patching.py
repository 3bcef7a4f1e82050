"""New code for the live functions of an edit."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any

from dyntransform.cpython.annotations import ANNOTATE, evaluator
from dyntransform.reloading.functions import annotations as evaluators
from dyntransform.reloading.functions import code as functions
from dyntransform.reloading.functions.closures import Scopes, missing_variables
from dyntransform.reloading.functions.result_caches import result_caches
from dyntransform.reloading.live import heap
from dyntransform.reloading.live.members import class_at
from dyntransform.reloading.live.transaction import MISSING
from dyntransform.reloading.live.wrappers import functions_in
from dyntransform.reloading.model.code_tree import Patch
from dyntransform.reloading.model.report import Action
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.definitions import Function, FunctionEdit, default_names
from dyntransform.reloading.planning.module_diff import ModuleEdit, definition_node
from dyntransform.reloading.planning.order import Ordering
from dyntransform.reloading.session import Session
from dyntransform.transform.scopes import mangled

__all__ = ["Patching"]

_CAN_BE_SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_SUSPENDED = "suspended now, with the old code: new code when it is called again"


def _trees(modules: Iterable[ModuleEdit]) -> Iterator[CodeType]:
    """Yield the code that holds old code; no list of them, which would be one holder more."""
    return (code for module in modules for code in module.old_trees())


def _defaults(function: Function | ast.Lambda) -> dict[str, str]:
    return {name: ast.dump(default) for name, default in default_names(function).items()}


class Patching:
    """Finds the functions that run changed code, and gives them the new one.

    Args:
        session: the edit that is being applied.
        ordering: which modules import from which.
    """

    def __init__(self, session: Session, ordering: Ordering) -> None:
        self._session = session
        self._ordering = ordering
        self._transaction = session.transaction
        self._live: dict[int, list[FunctionType]] = {}
        self._caches: dict[int, list[Any]] = {}
        self._successors: dict[int, FunctionType] = {}
        """Functions that run the new code for others, which cannot take it, by id of those."""
        self._evaluating: set[int] = set()
        """What evaluates annotations and got new code, by id."""
        self._lacking: dict[int, tuple[ModuleEdit, Patch, FunctionType]] = {}
        """Functions that lack a variable or a default for their new code, by id."""

    def patch(self, modules: Iterable[ModuleEdit]) -> None:
        """Stage the new code of all live functions of these modules."""
        modules = [module for module in modules if module.patches]
        if not modules:
            return
        namespaces = [module.namespace for module in modules]
        wanted = [patch.old for module in modules for patch in module.patches if not patch.evaluates]
        self._live |= heap.live_functions(wanted, namespaces, _trees(modules))
        wanted = [patch.old for module in modules for patch in module.patches if patch.evaluates]
        if wanted:
            found = (evaluator(function) for functions in self._live.values() for function in functions)
            held = {str(id(one)): one for one in found if one is not None}
            self._live |= heap.live_functions(wanted, [*namespaces, held], _trees(modules))
        changed = [
            function
            for module in modules
            for patch in module.patches
            if not patch.moved
            for function in self._live[id(patch.old)]
        ]
        if changed:
            self._caches |= self._result_caches(changed, modules)
        running = {id(frame.f_code) for frame in heap.active_frames()}
        suspended = self._suspended(modules)
        for module in modules:
            for patch in module.patches:
                self._patch(module, patch, self._live.get(id(patch.old), []))
                if id(patch.old) in running and not patch.moved:
                    self._session.note(
                        module, patch.node.code.co_qualname, Action.WAITS, patch.node.line, "running now"
                    )
                elif id(patch.old) in suspended:
                    self._session.note(module, patch.node.code.co_qualname, Action.WAITS, patch.node.line, _SUSPENDED)

    def _suspended(self, modules: Iterable[ModuleEdit]) -> set[int]:
        """Return the code, by id, that generators and coroutines are in the middle of."""
        codes = [
            patch.old
            for module in modules
            for patch in module.patches
            if not patch.moved and patch.old.co_flags & _CAN_BE_SUSPENDED
        ]
        return {id(code) for code in heap.suspended(codes)}

    def _result_caches(self, changed: Sequence[FunctionType], modules: Sequence[ModuleEdit]) -> dict[int, list[Any]]:
        """Return the caches around functions of some modules, by id of the function."""
        return result_caches(
            changed,
            [module.namespace for module in modules],
            lambda: self._imported(changed, modules),
            lambda: self._importing(modules),
        )

    def _imported(self, changed: Sequence[FunctionType], modules: Sequence[ModuleEdit]) -> list[Any]:
        """Return what other modules have under names that they import, once for each name, if these may be functions.

        Args:
            changed: the functions.
            modules: where they are from; others may pass on what they import from there.
        """
        ids, own = set(map(id, changed)), {module.name for module in modules}
        pending = [(one.name, name) for one in modules for name, value in one.namespace.items() if id(value) in ids]
        found: dict[tuple[str, str], Any] = {}
        for source in pending:  # it grows meanwhile
            for state in self._ordering.takers(*source):
                for name in state.taken[source] if state.name not in own else ():
                    if (state.name, name) not in found:
                        found[state.name, name] = state.namespace.get(name)
                        pending.append((state.name, name))
        return list(found.values())

    def _importing(self, modules: Sequence[ModuleEdit]) -> list[dict[str, Any]]:
        """Return the namespaces of other modules that import from these."""
        names = {module.name for module in modules}
        return [state.namespace for state in self._ordering.importers(names) if state.name not in names]

    def _evaluators(self, patch: Patch, live: list[FunctionType]) -> None:
        """Give what evaluates annotations its new code; where it needs other variables, its owner gets a new one."""
        code = patch.node.code
        fitting = [one for one in live if one.__code__.co_freevars == code.co_freevars]
        for function in fitting:
            self._transaction.set_attribute(function, "__code__", code)
        if patch.moved:
            return
        self._evaluating.update(map(id, fitting))
        if patch.node.annotated or "<locals>" in code.co_qualname:  # else the edit of the class sees to it
            evaluators.ask_again(fitting, self._transaction)

    def _patch(self, module: ModuleEdit, patch: Patch, live: list[FunctionType]) -> None:
        if patch.evaluates:
            self._evaluators(patch, live)
            return
        code = patch.node.code
        cls = class_at(module.namespace, code.co_qualname)
        lacking = [
            function
            for function in live
            if not self._set_defaults(module, function, patch) or not self._retarget(module, function, patch, cls)
        ]
        if lacking:
            self._lacking.update((id(function), (module, patch, function)) for function in lacking)
        elif live and not patch.moved:
            self._session.note(module, code.co_qualname, Action.UPDATED, patch.node.line)
            for function in live:
                self._clear(self._caches.get(id(function), ()))
            if functions.docstring(patch.old) != functions.docstring(code):
                self._refresh_wrappers(live, "__doc__", functions.docstring(patch.old), functions.docstring(code))

    def lacks(self, function: object) -> bool:
        """Whether a function cannot take its new code."""
        return id(function) in self._lacking

    def report_lacking(self) -> None:
        """Say which functions go on with their old code: they lack something, and nothing took their place."""
        for module, patch, function in self._lacking.values():
            if function.__code__ is not patch.old:
                continue
            if not any(patch.old is known for known in patch.node.older):
                patch.node.older.append(patch.old)
            if not patch.again and not patch.moved:  # else it was said when the edit was made that it lacks it for
                code = patch.node.code
                names = sorted(missing_variables(function, code)) or ["a default of its new parameters"]
                note = f"made earlier without {', '.join(names)}: make it again by calling what made it"
                self._session.note(module, code.co_qualname, Action.REFUSED, patch.node.line, note)

    def _set_defaults(self, module: ModuleEdit, function: FunctionType, patch: Patch) -> bool:
        """Give a function made in another one edited defaults; False if one of them cannot be known."""
        pair = module.origins.get(id(patch.node))
        if pair is None or pair.old is None or "<locals>" not in patch.node.code.co_qualname:
            return True
        before = module.old_source.definition(pair.old, module.old_codes[pair.old], patch.old)
        after = module.source.definition(pair.new, module.codes_of(pair.new), patch.node.code)
        if before is None or after is None or _defaults(before) == _defaults(after):
            return True
        values = functions.inner_defaults(function, before, after)
        if values is None:
            return False
        self._transaction.set_attribute(function, "__defaults__", values[0])
        self._transaction.set_attribute(function, "__kwdefaults__", values[1])
        return True

    def _retarget(self, module: ModuleEdit, function: FunctionType, patch: Patch, cls: type | None) -> bool:
        def scopes() -> tuple[Scopes, Scopes]:
            old = [node for nodes in module.old_codes.values() for node in nodes]
            return Scopes(old), Scopes([node for nodes in module.codes for node in nodes])

        new = functions.retarget(function, patch, cls, scopes, self._transaction)
        if new is not None and new is not function:
            self._successors[id(function)] = new
            self._set_defaults(module, new, patch)
            if cls is not None:
                self._put_in_place(cls, mangled(patch.node.code.co_name, cls.__name__), function, new)
        return new is not None

    def _put_in_place(self, cls: type, name: str, old: FunctionType, new: FunctionType) -> None:
        """Have a class call the new function itself; the old one is for those who hold it."""
        member = vars(cls).get(name)
        if member is old:
            self._transaction.set_attribute(cls, name, new)
        elif isinstance(member, (staticmethod, classmethod)) and member.__func__ is old:
            self._transaction.set_attribute(cls, name, type(member)(new))

    def let_go(self) -> None:
        """Forget the functions that were found."""
        self._live.clear()
        self._caches.clear()
        self._successors.clear()
        self._evaluating.clear()
        self._lacking.clear()

    def live(self, module: ModuleEdit, code: CodeType) -> list[FunctionType]:
        """Return the functions that ran `code` when the edit began."""
        if id(code) not in self._live:
            self._live |= heap.live_functions([code], [module.namespace], module.old_trees())
        return self._live[id(code)]

    def made_by(self, module: ModuleEdit, statement: Statement) -> list[FunctionType]:
        """Return the functions that a top-level definition of the old version made."""
        node = definition_node(module.old_codes[statement], statement.name)
        return self.live(module, node.code) if node is not None else []

    def refresh_header(
        self, module: ModuleEdit, change: FunctionEdit, old: CodeType, made: FunctionType, stale: frozenset[str]
    ) -> None:
        """Give the functions of a definition their new defaults and annotations.

        Args:
            module: the module of the definition.
            change: how its statement changed.
            old: the code that its functions ran before.
            made: what the new statement makes, without decorators.
            stale: the names that it reads and whose value changed.
        """
        live = self.live(module, old)
        given = self._given_defaults(module, change, made, live)
        for function in live:
            target = self._successors.get(id(function), function)
            done = functions.refresh_header(target, made, change, stale, self._transaction, given)
            if self._refresh_annotations(function, target, made, change):
                done.append("annotations")
            if done:
                name = made.__code__.co_qualname
                self._session.note(module, name, Action.UPDATED, change.new.first_line, ", ".join(done), again=True)
            if done and done != ["annotations"]:
                self._clear(self._result_caches([function], [module]).get(id(function), ()))

    def _refresh_annotations(
        self, function: FunctionType, target: FunctionType, made: FunctionType, change: FunctionEdit
    ) -> bool:
        """Give a live function the annotations of a newly made one, and those who copied them; return whether it did.

        Args:
            function: the live function.
            target: what runs its new code.
            made: what the new statement makes, without decorators.
            change: how its statement changed.
        """
        held, new = evaluator(function), evaluator(made)
        if held is None and new is None:
            before = function.__annotations__
            if made.__annotations__ == before:
                return False
            self._transaction.set_attribute(target, "__annotations__", made.__annotations__)
            self._refresh_wrappers([function], "__annotations__", before, made.__annotations__)
            return True
        if not change.annotated:
            return False
        if held is None or id(held) not in self._evaluating:
            new = evaluators.for_function(made, function)
            copies = [one for one in heap.wrappers(function) if getattr(one, ANNOTATE, MISSING) is held]
            values = made.__annotations__ if new is None else {}
            for each in [target, *copies]:
                evaluators.give(each, new, values, self._transaction)
        return True

    def _given_defaults(
        self, module: ModuleEdit, change: FunctionEdit, made: FunctionType, live: list[FunctionType]
    ) -> dict[str, Any]:
        """Return the defaults of the function that the definition's own name leads to; none if that is the only one."""
        if len(live) < 2:  # noqa: PLR2004 - no copies
            return {}
        cls = class_at(module.namespace, made.__qualname__)
        names = module.namespace if cls is None else vars(cls)
        held = names.get(made.__name__ if cls is None else mangled(made.__name__, cls.__name__))
        ids = {id(function) for function in functions_in(held)}
        own = [function for function in live if id(function) in ids]
        return functions.held_defaults(own[0], change) if own else {}

    def _clear(self, caches: Iterable[Any]) -> None:
        """Clear caches when the edit is live, when it is undone, and of what other threads put in meanwhile."""
        for cache in caches:
            self._transaction.derive(cache.cache_clear, cache.cache_clear)
            self._transaction.finally_do(cache.cache_clear)

    def _refresh_wrappers(self, live: list[FunctionType], name: str, before: Any, value: Any) -> None:
        """Bring up to date what `functools.wraps` copied, if the copy was not changed since."""
        for function in live:
            for wrapper in heap.wrappers(function):
                if getattr(wrapper, name, MISSING) == before:
                    self._transaction.set_attribute(wrapper, name, value)

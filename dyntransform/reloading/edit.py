"""Apply an edit: run what must be run, in dependency order, and change functions, classes and names in one step."""

from __future__ import annotations

import ast
import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from dyntransform.importing.compiling import LinkSpec
from dyntransform.reloading import functions, heap
from dyntransform.reloading.classes import ClassWork
from dyntransform.reloading.codes import Patch
from dyntransform.reloading.definitions import ClassEdit, DefinitionEdit, FunctionEdit
from dyntransform.reloading.diff import Kind, Pair, is_definition
from dyntransform.reloading.imports import ImportCheck
from dyntransform.reloading.module_edit import ModuleEdit, definition_node
from dyntransform.reloading.ordering import Ordering
from dyntransform.reloading.report import Action, Change, Place
from dyntransform.reloading.source import Source, Statement
from dyntransform.reloading.transaction import MISSING, Transaction
from dyntransform.reloading.updates import update_groups
from dyntransform.reloading.values import is_inert, same_value
from dyntransform.runtime.hooks import kept_names
from dyntransform.runtime.names import absolute_name

__all__ = ["Edit", "Rebinding"]


@dataclasses.dataclass(frozen=True)
class Rebinding:
    """A name of a module whose value an edit changed.

    Attributes:
        old: the value before the edit; MISSING for a new name.
        literal: what the replaced statement bound, if it was written as a literal; MISSING otherwise.
        order: counts rebindings.
        index: position of the statement that changed it.
    """

    old: Any
    literal: Any
    order: int
    index: int


class Edit:
    """An edit being applied.

    Args:
        edits: the modules whose files changed.
        others: gives a module that did not change, by name; None if there is no such module.
        ordering: which modules depend on which.
    """

    def __init__(
        self, edits: dict[str, ModuleEdit], others: Callable[[str], ModuleEdit | None], ordering: Ordering
    ) -> None:
        self.transaction = Transaction()
        self.changes: list[Change] = []
        self.rebound: dict[tuple[str, str], Rebinding] = {}
        self.executed: list[str] = []
        self.edits = edits
        self._others = others
        self._ordering = ordering
        self._order = 0
        self._functions: dict[int, list[FunctionType]] = {}
        self._imports = ImportCheck(set(edits))
        self._ran: dict[Statement, int] = {}
        self._noted: set[tuple[str, str, Action]] = set()

    # ------------------------------------------------------------------ the whole edit

    def apply(self) -> None:
        """Make the edit live. Whatever is raised, call `Transaction.rollback`."""
        self._check_imports()
        self._patch_functions()
        for edit in self.edits.values():
            self._remove_names(edit)
        for _ in range(_ROUNDS):
            before = self._order
            for name in self._ordering.affected(self.edits, self.rebound):
                reached = self._edit_of(name)
                if reached is not None:
                    self._module(reached)
            if self._order == before:
                break
        self.transaction.commit()

    def _edit_of(self, name: str) -> ModuleEdit | None:
        edit = self.edits.get(name)
        if edit is None:
            edit = self._others(name)
            if edit is not None:
                self.edits[name] = edit
                self._patches_of([edit])
        return edit

    def _check_imports(self) -> None:
        """Refuse an edit whose own modules still import a name that it removes."""
        gone = {
            (edit.name, name)
            for edit in self.edits.values()
            for name in edit.pairing.removed_names
            if not _provides(edit, name)
        }
        for edit in self.edits.values():
            for pair in edit.pairing.pairs:
                node = pair.new.node
                if isinstance(node, ast.ImportFrom) and edit.edited:
                    module = absolute_name("." * node.level + (node.module or ""), edit.namespace)
                    for alias in node.names:
                        if (module, alias.name) in gone and f"{module}.{alias.name}" not in sys.modules:
                            raise _import_error(alias.name, module, edit.state.path, node.lineno)

    # ------------------------------------------------------------------ functions

    def _patch_functions(self) -> None:
        self._patches_of(self.edits.values())

    def _patches_of(self, edits: Iterable[ModuleEdit]) -> None:
        """Stage the new code of all live functions of these modules."""
        edits = [edit for edit in edits if edit.patches]
        if not edits:
            return
        wanted = [(patch.old, True) for edit in edits for patch in edit.patches]
        self._functions |= heap.live_functions(wanted, [edit.namespace for edit in edits])
        running = {id(frame.f_code) for frame in heap.active_frames()}
        for edit in edits:
            for patch in edit.patches:
                live = self._functions.get(id(patch.old), [])
                self._patch(edit, patch, live)
                if id(patch.old) in running and not patch.moved:
                    self._note(edit, patch.node.code.co_qualname, Action.WAITS, patch.node.line, "running now")

    def _patch(self, edit: ModuleEdit, patch: Patch, live: list[FunctionType]) -> None:
        kept = False
        for function in live:
            cls = class_at(edit.namespace, patch.node.code.co_qualname)
            if functions.retarget(function, patch, cls, self.transaction) is None:
                kept = True
        if kept:
            patch.node.older.append(patch.old)
            free = set(patch.node.code.co_freevars) - set(patch.old.co_freevars)
            note = f"made earlier without {', '.join(sorted(free))}: make it again by calling what made it"
            self._note(edit, patch.node.code.co_qualname, Action.REFUSED, patch.node.line, note)
        elif live and not patch.moved:
            self._note(edit, patch.node.code.co_qualname, Action.UPDATED, patch.node.line)
            for cache in heap.result_caches(live):
                self.transaction.finally_do(cache.cache_clear)

    def live_functions(self, edit: ModuleEdit, code: CodeType) -> list[FunctionType]:
        """Return the functions that ran `code` when the edit began."""
        if id(code) not in self._functions:
            self._functions |= heap.live_functions([(code, True)], [edit.namespace])
        return self._functions[id(code)]

    def refresh_header(self, edit: ModuleEdit, change: FunctionEdit, old: CodeType, made: FunctionType) -> None:
        """Give the functions of a definition their new defaults and annotations."""
        stale = self.stale_names(edit, change.new)
        for function in self.live_functions(edit, old):
            done = functions.refresh_header(function, made, change, stale, self.transaction)
            if done:
                name = made.__code__.co_qualname
                self._note(edit, name, Action.UPDATED, change.new.first_line, ", ".join(done), again=True)

    # ------------------------------------------------------------------ names

    def _remove_names(self, edit: ModuleEdit) -> None:
        for name in sorted(edit.pairing.removed_names):
            if name not in edit.namespace or _provides(edit, name):
                continue
            if name in kept_names(edit.namespace):
                self._note(edit, name, Action.WAITS, None, _KEPT)
                continue
            old = edit.namespace[name]
            self.transaction.delete_item(edit.namespace, name)
            self._rebind(edit, name, old, MISSING, len(edit.pairing.pairs))
            self._note(edit, name, Action.REMOVED, None)

    def _rebind(self, edit: ModuleEdit, name: str, old: Any, literal: Any, index: int) -> None:
        self._order += 1
        known = self.rebound.get((edit.name, name))
        if known is not None:
            old, literal = known.old, known.literal
        self.rebound[(edit.name, name)] = Rebinding(old, literal, self._order, index)

    def bind(self, edit: ModuleEdit, name: str, value: Any, index: int, literal: Any = MISSING) -> None:
        """Bind a name of a module, if the value is another."""
        view = self.transaction.view(edit.namespace)
        old = view.get(name, MISSING)
        if same_value(old, value):
            return
        self.transaction.set_item(edit.namespace, name, value)
        self._rebind(edit, name, old, literal, index)

    def _refresh_links(self, edit: ModuleEdit) -> None:
        for scope, source, names in _links(edit):
            module = absolute_name(source, edit.namespace)
            if ("*", "*") in names:
                self._refresh_star(edit, module)
                continue
            for attribute, bound in names:
                changed = self.rebound.get((module, attribute))
                provider = sys.modules.get(module)
                if changed is None or provider is None:
                    continue
                value = self.transaction.view(vars(provider)).get(attribute, MISSING)
                if value is MISSING:
                    continue
                if scope:
                    self._refresh_in_class(edit, scope, bound, changed, value)
                    continue
                view = self.transaction.view(edit.namespace)
                held = view.get(bound, MISSING)
                if held is not value and holds(held, changed) and bound not in kept_names(view):
                    self.transaction.set_item(edit.namespace, bound, value)
                    self._rebind(edit, bound, held, MISSING, -1)
                    self._note(edit, bound, Action.REBOUND, None, f"from {module}")

    def _refresh_in_class(self, edit: ModuleEdit, scope: str, bound: str, changed: Rebinding, value: Any) -> None:
        cls = class_at(edit.namespace, f"{scope}.x")
        if cls is not None and holds(vars(cls).get(bound, MISSING), changed):
            self.transaction.set_attribute(cls, bound, value)
            self._note(edit, f"{scope}.{bound}", Action.REBOUND, None)

    def _refresh_star(self, edit: ModuleEdit, module: str) -> None:
        provider = sys.modules.get(module)
        if provider is None:
            return
        view = self.transaction.view(vars(provider))
        public = view.get("__all__", [name for name in view if not name.startswith("_")])
        listed = (module, "__all__") in self.rebound
        mine = self.transaction.view(edit.namespace)
        own = {name for pair in edit.pairing.pairs for name in pair.new.usage.binds}
        for name in [name for name in public if name in view and name not in own]:
            changed = self.rebound.get((module, name))
            held = mine.get(name, MISSING)
            if held is view[name] or (changed is None and not (listed and held is MISSING)):
                continue
            if held is MISSING or changed is None or holds(held, changed):
                self.transaction.set_item(edit.namespace, name, view[name])
                self._rebind(edit, name, held, MISSING, -1)
                self._note(edit, name, Action.REBOUND, None, f"from {module}")
        for (source, name), changed in list(self.rebound.items()):
            gone = source == module and name not in view and name not in own
            if gone and mine.get(name, MISSING) is changed.old and changed.old is not MISSING:
                self.transaction.delete_item(edit.namespace, name)
                self._rebind(edit, name, changed.old, MISSING, -1)

    # ------------------------------------------------------------------ statements

    def _module(self, edit: ModuleEdit) -> None:
        self._refresh_links(edit)
        groups = update_groups(edit, self.is_touched)
        for pair, why in groups.impossible:
            self._note(edit, pair.new.name, Action.REFUSED, pair.new.first_line, why)
            self._ran[pair.new] = self._order
        for index, pair in enumerate(edit.pairing.pairs):
            if pair.new in groups.skipped:
                continue
            first = pair.new not in self._ran
            self._statement(edit, index, pair, forced=pair.new in groups.forced and first, first=first)
            self._ran[pair.new] = self._order

    def _statement(self, edit: ModuleEdit, index: int, pair: Pair, *, forced: bool, first: bool) -> None:
        touched = self.is_touched(edit, index, pair)
        if is_definition(pair.new.node) and pair.old is not None and not forced:
            if first or touched:
                for change in edit.edits[pair.new]:
                    self._definition(edit, index, pair, change, touched=touched)
            return
        if first and pair.kind == Kind.BLOCK:
            for change in edit.edits.get(pair.new, []):
                self._definition(edit, index, pair, change, touched=False)
        wanted = first and pair.kind in (Kind.NEW, Kind.EDITED)
        if wanted or touched or forced:
            why_not = edit.may_run(pair)
            if not why_not:
                action = Action.RAN if wanted else Action.RERAN
                self.run(edit, index, pair, action)
            elif wanted:
                self._note(edit, pair.new.name, Action.WAITS, pair.new.first_line, why_not)

    def is_touched(self, edit: ModuleEdit, index: int, pair: Pair) -> bool:
        """Whether a statement reads, when it is executed, a name whose value this edit changed since it last ran."""
        if not self.rebound or isinstance(pair.new.node, (ast.Import, ast.ImportFrom)):
            return False
        return bool(self.stale_names(edit, pair.new, index))

    def stale_names(self, edit: ModuleEdit, statement: Statement, index: int | None = None) -> frozenset[str]:
        """Return the names that a statement reads and whose value changed."""
        since = self._ran.get(statement, 0)
        usage = statement.usage
        names = set()
        for name in usage.reads:
            changed = self.rebound.get((edit.name, name))
            if changed is not None and changed.order > since and (index is None or changed.index < index):
                names.add(name)
        if usage.attributes:
            view = self.transaction.view(edit.namespace)
            for name, attribute in usage.attributes:
                value = view.get(name)
                if isinstance(value, ModuleType):
                    changed = self.rebound.get((value.__name__, attribute))
                    if changed is not None and changed.order > since:
                        names.add(name)
        return frozenset(names)

    def run(self, edit: ModuleEdit, index: int, pair: Pair, action: Action) -> None:
        """Execute a top-level statement."""
        statement = pair.new
        view = self.transaction.view(edit.namespace)
        kept = kept_names(view) & view.keys() & statement.usage.binds
        if kept and kept == statement.usage.binds:
            self._note(edit, statement.name, Action.WAITS, statement.first_line, _KEPT)
            return
        code = edit.code(statement)
        if self.must_be_live(edit, [statement]):
            self.transaction.commit()
        literal = _literal(pair.old)
        namespace = edit.namespace
        self.transaction.save(namespace)
        before = dict(self.transaction.view(namespace))
        if self.transaction.live:
            self.executed.append(f"{edit.state.path}:{statement.first_line}: {statement.name}")
            exec(code, namespace)
            after = dict(namespace)
        elif statement.usage.makes_code:
            made: dict[str, Any] = {}
            exec(code, namespace, made)
            after = {**before, **made}
        else:
            view = self.transaction.view(namespace)
            exec(code, view)
            after = dict(view)
        for name in after.keys() | before.keys():
            if name in kept:
                after[name] = before[name]
                self.transaction.set_item(namespace, name, before[name])
                continue
            old, new = before.get(name, MISSING), after.get(name, MISSING)
            if new is MISSING:
                self.transaction.delete_item(namespace, name)
                self._rebind(edit, name, old, literal, index)
            elif new is not old:
                keep = same_value(old, new)
                self.transaction.set_item(namespace, name, old if keep else new)
                if not keep:
                    self._rebind(edit, name, old, literal, index)
        if action is Action.RAN and statement.usage.binds and not statement.usage.binds & before.keys():
            action = Action.ADDED
        self._note(edit, statement.name, action, statement.first_line)

    def must_be_live(self, edit: ModuleEdit, statements: list[Statement]) -> bool:
        """Whether executing the statements may run code, or give it values, that the edit changes."""
        if self.transaction.live:
            return False
        view = self.transaction.view(edit.namespace)
        for statement in statements:
            usage = statement.usage
            if usage.makes_code and any((edit.name, name) in self.rebound for name in usage.reads):
                return True
            if not all(is_inert(view[name], self._ordering.is_project) for name in usage.reads if name in view):
                return True
            if self._imports.reaches_edit(statement.node, edit.namespace):
                return True
        return False

    # ------------------------------------------------------------------ definitions

    def _definition(self, edit: ModuleEdit, index: int, pair: Pair, change: DefinitionEdit, *, touched: bool) -> None:
        if isinstance(change, FunctionEdit):
            if change.new is pair.new:
                self._function(edit, index, pair, change, touched=touched)
            return
        self._class(edit, index, pair, change, touched=touched)

    def _function(self, edit: ModuleEdit, index: int, pair: Pair, change: FunctionEdit, *, touched: bool) -> None:
        node = change.new.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        stale = self.stale_names(edit, change.new, index) if touched else frozenset()
        rerun = change.decorated or any(_reads_any(decorator, stale) for decorator in node.decorator_list)
        if rerun or (node.name not in edit.namespace and pair.kind != Kind.SAME):
            if not edit.may_run(pair):
                self.run(edit, index, pair, Action.RAN if change.decorated else Action.RERAN)
            return
        old = definition_node(edit.old_codes[change.old], node.name)
        if (change.header or stale) and old is not None:
            made = self.make(edit, change.new)
            self.refresh_header(edit, change, old.code, made)

    def make(self, edit: ModuleEdit, statement: Statement) -> FunctionType:
        """Execute a function definition without its decorators, and without binding it."""
        node = statement.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if self.must_be_live(edit, [statement]):
            self.transaction.commit()
        code = edit.source.compile([_undecorated(node)])
        made: dict[str, Any] = {}
        exec(code, self.transaction.view(edit.namespace), made)
        function = made[node.name]
        assert isinstance(function, FunctionType)
        return function

    def _class(self, edit: ModuleEdit, index: int, pair: Pair, change: ClassEdit, *, touched: bool) -> None:
        name = change.new.name
        cls = self.transaction.view(edit.namespace).get(name)
        if not isinstance(cls, type) or cls.__qualname__ != name:
            if pair.new is change.new and pair.kind != Kind.SAME and not edit.may_run(pair):
                self.run(edit, index, pair, Action.RAN)
            return
        work = ClassWork(self, edit, index, change, cls, (name,))
        work.apply(touched=touched)

    # ------------------------------------------------------------------ the report

    def _note(
        self, edit: ModuleEdit, name: str, action: Action, line: int | None, note: str = "", *, again: bool = False
    ) -> None:
        if any(part in name for part in ("<lambda>", "<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>")):
            name = name.partition(".<locals>.<")[0]
        key = (edit.name, name, action)
        if key in self._noted and not again:
            return
        self._noted.add(key)
        place = Place(edit.state.path, line) if line is not None else None
        self.changes.append(Change(edit.name, name.replace(".<locals>", ""), action, place, note))

    note = _note


_KEPT = "the module keeps it: __dyn_keep__"
_ROUNDS = 20
"""Modules that import each other in a circle are gone over until nothing changes, at most so often."""


def holds(held: Any, changed: Rebinding) -> bool:
    """Whether a name still holds what was imported into it, and not a value of its own."""
    if held is MISSING:
        return False
    return held is changed.old or (changed.literal is not MISSING and same_value(held, changed.literal))


def class_at(namespace: dict[str, Any], qualname: str) -> type | None:
    """Return the class whose member has this qualified name."""
    *path, _ = qualname.split(".")
    if not path or "<locals>" in path:
        return None
    found: Any = namespace.get(path[0])
    for name in path[1:]:
        found = vars(found).get(name) if isinstance(found, type) else None
    return found if isinstance(found, type) else None


def _links(edit: ModuleEdit) -> Iterator[LinkSpec]:
    if not edit.edited:
        yield from edit.state.links
        return
    for link in edit.source.decisions.links:
        yield link.scope, link.module, link.names


def _provides(edit: ModuleEdit, name: str) -> bool:
    """Whether a submodule has the name of something removed from its package."""
    return f"{edit.name}.{name}" in sys.modules and edit.namespace.get(name) is sys.modules[f"{edit.name}.{name}"]


def _literal(statement: Statement | None) -> Any:
    node = statement.node if statement is not None else None
    value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    if value is None:
        return MISSING
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return MISSING


def _reads_any(node: ast.expr, names: frozenset[str]) -> bool:
    return any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node))


def _undecorated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
    fields = {field: value for field, value in ast.iter_fields(node) if field != "decorator_list"}
    return ast.copy_location(type(node)(**fields, decorator_list=[]), node)


def _import_error(name: str, module: str, path: str, line: int) -> ImportError:
    file = getattr(sys.modules.get(module), "__file__", None)
    error = ImportError(f"cannot import name {name!r} from {module!r} ({file})", name=module, path=file)
    error.add_note(f'File "{path}", line {line}, still imports it')
    return error


__all__ += ["Source", "class_at", "holds"]

"""Execute statements of an edited module, in a copy of its namespace as long as nothing of the edit is live."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator, Mapping, MutableMapping, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

from dyntransform.cpython.annotations import ANNOTATE, MARKED, Place, numbers
from dyntransform.cpython.features import DEFERRED_ANNOTATIONS
from dyntransform.cpython.lazy import is_unresolved
from dyntransform.reloading.applying.bindings import KEPT_NOTE, Bindings
from dyntransform.reloading.functions.forwarding import made_from, succeed
from dyntransform.reloading.live import heap
from dyntransform.reloading.live.transaction import MISSING
from dyntransform.reloading.live.values import is_inert, same_value
from dyntransform.reloading.model.code_tree import child_codes, merge, module_code, statement_nodes
from dyntransform.reloading.model.report import Action
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.import_reach import ImportCheck
from dyntransform.reloading.planning.module_diff import ModuleEdit
from dyntransform.reloading.planning.order import Ordering
from dyntransform.reloading.planning.pairing import Kind, Pair
from dyntransform.reloading.session import Session
from dyntransform.runtime.hooks import kept_names
from dyntransform.runtime.names import absolute_name

__all__ = ["Execution"]


class Execution:
    """Runs statements for an edit.

    Args:
        session: the edit that is being applied.
        bindings: takes the names whose value changes.
        ordering: tells what is project code.

    Attributes:
        executed: place and name of each statement that ran and may have had effects that cannot be taken back.
    """

    def __init__(self, session: Session, bindings: Bindings, ordering: Ordering) -> None:
        self._session = session
        self._transaction = session.transaction
        self._bindings = bindings
        self._ordering = ordering
        self._imports = ImportCheck(set(session.edits))
        self.executed: list[str] = []
        self._come_to: dict[ModuleEdit, dict[Statement, set[Place]]] = {}

    def run(self, module: ModuleEdit, index: int, pair: Pair, action: Action, *, quiet: bool = False) -> None:
        """Execute a top-level statement, and take over the names that it changes.

        Args:
            module: its module.
            index: its position.
            pair: the statement.
            action: what the report calls it.
            quiet: it is only run for what another statement needs: its names do not count as changed.
        """
        statement = pair.new
        before = dict(self._transaction.view(module.namespace))
        kept = kept_names(before) & before.keys() & statement.usage.binds
        if kept and kept == statement.usage.binds:
            self._session.note(module, statement.name, Action.WAITS, statement.first_line, KEPT_NOTE)
            return
        order = self._bindings.order
        after, written = self._execute(module, pair)
        self._ordering.loaded(order)
        for name in _no_longer_bound(module, pair, written) - kept:
            after.pop(name, None)
        after.update({name: before[name] for name in kept})
        literal = _literal(pair.old)
        for name in after.keys() | before.keys():
            old, new = before.get(name, MISSING), after.get(name, MISSING)
            if name in kept or (is_unresolved(new) and _is_imported(old, statement, name, module.namespace)):
                self._transaction.set_item(module.namespace, name, old)
                continue
            if isinstance(old, type) and isinstance(new, type) and old is not new:
                with self._transaction.imports.of_the_engine():
                    from dyntransform.reloading.classes.reconcile import succeed_class
                new = succeed_class(self._session, module, index, pair, name, old, new)
            changed = new is not old and not same_value(old, new)
            if new is MISSING:
                self._transaction.delete_item(module.namespace, name)
            elif new is not old:
                self._transaction.set_item(module.namespace, name, new if changed else old)
            if changed and not quiet:
                self._bindings.rebind(module, name, old, literal, index)
                self._succeed(module, pair, name, old, new)
        if action is Action.RAN and statement.usage.binds and not statement.usage.binds & before.keys():
            action = Action.ADDED
        if not quiet:
            self._session.note(module, statement.name, action, statement.first_line)

    def annotate(self, module: ModuleEdit, index: int, pair: Pair) -> None:
        """Evaluate the new annotation of a variable, unless that is left to who asks for it; its value stays."""
        node = pair.new.node
        if isinstance(node, ast.AnnAssign) and (not DEFERRED_ANNOTATIONS or pair.new.future_annotations):
            bare = pair.new.inner(
                ast.copy_location(ast.AnnAssign(node.target, node.annotation, None, node.simple), node)
            )
            module.compiled[bare] = module.source.compile([bare.node])
            self.run(module, index, Pair(bare, None, Kind.NEW), Action.UPDATED, quiet=True)
        self._session.note(module, pair.new.name, Action.UPDATED, pair.new.first_line, "annotation")

    def _execute(self, module: ModuleEdit, pair: Pair) -> tuple[dict[str, Any], set[str] | None]:
        """Execute a statement.

        Returns:
            The namespace as it is then, and the names that were written; None for all that the statement may bind.
        """
        statement, namespace = pair.new, module.namespace
        code = module.code(statement)
        if self.must_be_live(module, [statement]):
            self._transaction.commit()
        self._transaction.save(namespace)
        view = self._transaction.view(namespace)
        self._save_state(statement, view)
        if statement.usage.calls:
            self.executed.append(f"{module.path}:{statement.first_line}: {statement.name}")
        containers = [view[name] for name in statement.usage.mutates if type(view.get(name)) in (list, dict, set)]
        with self._transaction.contents(containers):
            if self._transaction.live:
                return namespace, self._record(module, pair, code, namespace)
            if statement.usage.makes_code:
                made = {name: view[name] for name in ("__annotations__",) if name in view}
                exec(code, namespace, made)  # what it makes keeps the real namespace
                self._take_aside(module, statement, made)
                return {**view, **made}, None
            view = dict(view)
            return view, self._record(module, pair, code, view)

    def _record(self, module: ModuleEdit, pair: Pair, code: CodeType, namespace: dict[str, Any]) -> set[str] | None:
        """Execute; a block is watched, since it may bind a name or not, and so is what binds the module's evaluator."""
        aside = (ANNOTATE, MARKED) if DEFERRED_ANNOTATIONS and pair.new.annotated else ()
        if not pair.new.is_block and not aside:
            exec(code, namespace)
            return None
        recorder = _Recorder(namespace, aside)
        exec(code, namespace, recorder)
        self._take_aside(module, pair.new, recorder.aside)
        return recorder.written if pair.new.is_block else None

    def _take_aside(self, module: ModuleEdit, statement: Statement, made: dict[str, Any]) -> None:
        """Take from what a statement bound the evaluator of its annotations: a module has one for all statements."""
        if MARKED in made:
            marked, known = made.pop(MARKED), numbers(made.pop(ANNOTATE).__code__)
            places = self._come_to.setdefault(module, {})
            places[statement] = {known[number] for number in marked if number in known}

    def came_to(self, module: ModuleEdit) -> Mapping[Statement, Collection[Place]]:
        """Return the places of the annotated variables that each statement came to which was executed (Python 3.14)."""
        return self._come_to.get(module, {})

    def _save_state(self, statement: Statement, view: dict[str, Any]) -> None:
        """Have the state of what the statement names restored if the edit fails."""
        annotations = view.get("__annotations__")
        if type(annotations) is dict:
            self._transaction.save(annotations)
        for name in statement.usage.reads:
            self._transaction.save_state(view.get(name))
        for name, *attributes in statement.usage.attributes:
            value = view.get(name)
            for attribute in attributes:
                if not isinstance(value, (type, ModuleType)):
                    break
                value = vars(value).get(attribute)
                self._transaction.save_state(value)

    def _succeed(self, module: ModuleEdit, pair: Pair, name: str, old: Any, new: Any) -> None:
        """Serve those who hold the function that a definition of this name made before."""
        if not callable(old) or not callable(new) or isinstance(old, type) or isinstance(new, type):
            return
        if not isinstance(old, FunctionType):
            for former in heap.forwarders(old):
                succeed(former, new, self._transaction)
            return
        definition = next((one for one in reversed(module.old_statements) if name in one.usage.binds), None)
        if definition is None:
            return
        if definition is not pair.old and (pair.old is not None or definition not in module.pairing.removed):
            return
        codes = {id(node.code) for node in module.old_codes[definition]}
        codes |= {id(node.code) for node in module.codes_of(pair.new)}
        if made_from(old, codes):
            succeed(old, new, self._transaction)

    def must_be_live(
        self, module: ModuleEdit, statements: Sequence[Statement], *, keeps_code: bool | None = None
    ) -> bool:
        """Whether executing the statements may run code, or give it values, that the edit changes.

        Args:
            module: their module.
            statements: the statements.
            keeps_code: whether functions that they create are kept; if None, all are.
        """
        if self._transaction.live:
            return False
        view = self._transaction.view(module.namespace)
        makes_code = any(one.usage.makes_code for one in statements) if keeps_code is None else keeps_code
        for statement in statements:
            usage = statement.usage
            names = usage.names if usage.calls else usage.reads
            if makes_code and statement.is_block:
                return True  # what it makes may be called in it, and then needs the names it has bound
            if makes_code and any((module.name, name) in self._bindings.changed for name in names):
                return True
            if not all(is_inert(view[name], self._ordering.is_project) for name in names if name in view):
                return True
            if self._imports.reaches_edit(statement.node, module.namespace):
                return True
        return False

    def needed(self, module: ModuleEdit, statement: Statement) -> set[str]:
        """Return the edited modules that have to be up to date when a statement runs, for what it imports."""
        return self._imports.needed(statement.node, module.namespace) - {module.name}

    def make(self, module: ModuleEdit, statement: Statement) -> FunctionType:
        """Execute a function definition without its decorators, and without binding it."""
        node = statement.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if self.must_be_live(module, [statement], keeps_code=_makes_code_in_header(node)):
            self._transaction.commit()
        code = module.source.compile([_undecorated(node)])
        nodes = statement_nodes(child_codes(code))
        code = module_code(code, nodes, merge(module.codes_of(statement), nodes, [], {}))
        made: dict[str, Any] = {}
        exec(code, self._transaction.view(module.namespace), made)
        function = made[node.name]
        assert isinstance(function, FunctionType)
        return function


class _Recorder(MutableMapping[str, Any]):
    """The namespace of a module that remembers which names a statement writes or deletes."""

    def __init__(self, namespace: dict[str, Any], aside: Collection[str]) -> None:
        self._namespace = namespace
        self._aside = aside
        self.written: set[str] = set()
        self.aside: dict[str, Any] = {}
        """What is bound to these names, which is not for the module."""

    def __getitem__(self, name: str) -> Any:
        return self.aside[name] if name in self.aside else self._namespace[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self._aside:
            self.aside[name] = value
            return
        self.written.add(name)
        self._namespace[name] = value

    def __delitem__(self, name: str) -> None:
        self.written.add(name)
        del self._namespace[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._namespace)

    def __len__(self) -> int:
        return len(self._namespace)


def _no_longer_bound(module: ModuleEdit, pair: Pair, written: set[str] | None) -> frozenset[str]:
    """Return the names that a block, or what it has in its branches now, bound before and that it does not bind now.

    A name that the block reads (``try: CACHE``), or may find by asking for the namespace, is its own affair.
    """
    if written is None or _REFLECTION & pair.new.usage.reads:
        return frozenset()
    taken_in = {name for statement in module.pairing.removed for name in statement.usage.binds & pair.new.usage.binds}
    bound = taken_in | (pair.old.usage.binds if pair.old is not None else frozenset())
    others = {name for other in module.pairing.pairs if other is not pair for name in other.new.usage.binds}
    return frozenset(bound - written - pair.new.usage.reads - others)


def _is_imported(value: Any, statement: Statement, name: str, namespace: dict[str, Any]) -> bool:
    """Whether a value is what an import that became lazy will give; nothing is loaded to find out."""
    if value is MISSING or is_unresolved(value):
        return False
    for source, attribute, bound in statement.imports:
        module = sys.modules.get(absolute_name(source, namespace))
        if bound == name and isinstance(module, ModuleType):
            found = vars(module).get(attribute, MISSING) if attribute else sys.modules.get(_bound_module(source, bound))
            return found is value
    return False


def _bound_module(source: str, bound: str) -> str:
    """Return the module that ``import source`` binds: the outermost one, unless it is ``import source as bound``."""
    outermost = source.partition(".")[0]
    return outermost if bound == outermost else source


_REFLECTION = {"globals", "vars", "locals", "dir"}


def _literal(statement: Statement | None) -> Any:
    node = statement.node if statement is not None else None
    value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    if value is None:
        return MISSING
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return MISSING


def _makes_code_in_header(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a default is, or holds, a function of its own: it must be made in the real namespace."""
    defaults = [default for default in (*node.args.defaults, *node.args.kw_defaults) if default is not None]
    return any(isinstance(part, (ast.Lambda, ast.GeneratorExp)) for default in defaults for part in ast.walk(default))


def _undecorated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
    fields = {field: value for field, value in ast.iter_fields(node) if field != "decorator_list"}
    return ast.copy_location(type(node)(**fields, decorator_list=[]), node)

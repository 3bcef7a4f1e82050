"""Apply an edit: run what must be run, in dependency order, and change functions, classes and names in one step."""

from __future__ import annotations

import ast
import functools
import weakref
from collections.abc import Callable

from dyntransform.reloading.applying.bindings import Bindings
from dyntransform.reloading.applying.execution import Execution
from dyntransform.reloading.applying.instance_hooks import Arrivals
from dyntransform.reloading.applying.patching import Patching
from dyntransform.reloading.applying.removal import Removal
from dyntransform.reloading.applying.star_imports import import_again, refresh_stars, star_names
from dyntransform.reloading.classes.find import live_class
from dyntransform.reloading.functions.annotations import Annotations
from dyntransform.reloading.functions.forwarding import made_from
from dyntransform.reloading.functions.registrations import looks_at_signature
from dyntransform.reloading.functions.shadowed import covered_function
from dyntransform.reloading.live import derived
from dyntransform.reloading.live.transaction import MISSING, Transaction
from dyntransform.reloading.model.code_tree import CodeNode
from dyntransform.reloading.model.report import Action, Change, Place
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning import plan
from dyntransform.reloading.planning.definitions import (
    ClassEdit,
)
from dyntransform.reloading.planning.module_diff import ModuleEdit, definition_node
from dyntransform.reloading.planning.order import Ordering
from dyntransform.reloading.planning.pairing import Kind, Pair
from dyntransform.reloading.planning.removed_names import check_imports
from dyntransform.reloading.planning.reruns import Facts, Scope, UpdateGroups, update_groups

__all__ = ["Edit"]


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
        self.edits = edits
        self._others = others
        self._ordering = ordering
        # No circle: what an edit holds must be gone with it, or the next finds unknown holders of its code objects.
        this: Edit = weakref.proxy(self)
        self._bindings = Bindings(this)
        self._removal = Removal(this)
        self._patching = Patching(this, ordering)
        self._execution = Execution(this, self._bindings, ordering)
        self._annotations = Annotations(this)
        self._arrivals = Arrivals(this)
        self.is_project = ordering.is_project
        self.importers = ordering.importers
        self.rebound = self._bindings.changed
        self.bind = self._bindings.bind
        self.executed = self._execution.executed
        self.must_be_live = self._execution.must_be_live
        self.live = self._patching.live
        self.lacks = self._patching.lacks
        self.refresh_header = self._patching.refresh_header
        self.class_changed = self._arrivals.mark
        self.outdated: dict[int, type] = {}
        self._begun: set[str] = set()
        self._ran: dict[Statement, int] = {}
        self._noted: set[tuple[str, str, Action]] = set()

    def late_importers(self, module: str, name: str) -> list[str]:
        """Return the modules whose functions import a name of a module when they are called, edited ones as edited."""
        edited = {one: edit for one, edit in self.edits.items() if edit.edited}
        found = [one for one in self._ordering.late_importers(module, name) if one not in edited]
        return [*found, *(one for one, edit in edited.items() if (module, name) in edit.late)]

    # ------------------------------------------------------------------ the whole edit

    def apply(self) -> None:
        """Make the edit live. Whatever is raised, call `Transaction.rollback`."""
        check_imports(self.edits)
        self._patching.patch(self.edits.values())
        for edit in self.edits.values():
            self._bindings.relocate(edit)
        for edit in self.edits.values():
            self._removal.take_back(edit)
            self._bindings.remove_names(edit)
            self._bindings.refresh_documentation(edit)
        for _ in range(_ROUNDS):
            before = self._bindings.order
            for name in self._ordering.affected(self.edits, self._bindings.modules):
                reached = self._edit_of(name)
                if reached is not None:
                    self._module(reached)
            if self._bindings.order == before or not self._ordering.left:
                break
        for edit in self.edits.values():
            self._annotations.of_module(edit, self._execution.came_to(edit))
        self._annotations.follow()
        self._bindings.report_removed()
        self.transaction.commit()
        self._patching.report_lacking()
        self.transaction.finally_do(self._arrivals.deliver)

    def let_go(self) -> None:
        """Forget what the edit replaced, once it is over: who holds it still is not the engine then."""
        self._bindings.let_go()
        self._patching.let_go()

    def _edit_of(self, name: str) -> ModuleEdit | None:
        edit = self.edits.get(name)
        if edit is None:
            edit = self._others(name)
            if edit is not None:
                self.edits[name] = edit
                self._patching.patch([edit])
        return edit

    # ------------------------------------------------------------------ statements

    def _module(self, edit: ModuleEdit) -> None:
        seen = len(self._bindings.modules.log)
        self._begun.add(edit.name)
        self._bindings.refresh(edit)
        refresh_stars(self._bindings, edit)
        passed = self._bindings.passed.pop(edit.name, ())
        if edit.edited or passed or self._bindings.reaches(edit):
            touched = functools.partial(self.is_touched, edit)
            facts = Facts(edit.namespace, touched, edit.may_run, edit.edits_of, passed)
            for _ in range(_ROUNDS):
                scope = Scope(edit.pairing, edit.old_statements, star_names(self._bindings, edit), self._ran)
                if self._pass(edit, update_groups(scope, facts)):
                    break
        self._pass_on(seen)

    def _pass_on(self, seen: int) -> None:
        """Have the names of other modules follow that are imported from what changed, and those imported from these.

        A package may pass on what its own modules import from it. In the order of modules it comes after these, but
        their statements must not see the old value of one name beside the new one of another.

        Args:
            seen: how many changes others have followed.
        """
        log = self._bindings.modules.log
        while seen < len(log):
            changed, seen = dict.fromkeys(log[seen:]), len(log)
            for state in self._ordering.followers(changed):
                follower = self._edit_of(state.name)
                if follower is not None:
                    self._bindings.refresh_names(follower, begun=state.name in self._begun)

    def _pass(self, edit: ModuleEdit, groups: UpdateGroups) -> bool:
        """Go over the statements of a module; False where one turns out to change what an earlier one has to bind."""
        for pair, why in groups.impossible:
            self._note(edit, pair.new.name, Action.REFUSED, pair.new.first_line, why)
            self._ran[pair.new] = self._bindings.order
        for index, pair in enumerate(edit.pairing.pairs):
            if pair.new in groups.skipped:
                continue
            forced = pair.new in groups.forced or not self._import_again(edit, index, pair, groups)
            if not forced and self._counts_twice(edit, index, pair):
                return False
            quiet = forced and pair.new in groups.quiet
            self._statement(edit, index, pair, self._situation(edit, index, pair, together=forced, quiet=quiet))
            self._ran[pair.new] = self._bindings.order
        return True

    def _import_again(self, edit: ModuleEdit, index: int, pair: Pair, groups: UpdateGroups) -> bool:
        """Have an import give again what statements below count on from; False if it has to be executed for that."""
        names = sorted(groups.imported.get(index, ())) if not edit.may_run(pair) else []
        quiet = pair.new in groups.quiet
        return all(import_again(self._bindings, edit, index, name, quiet=quiet) for name in names)

    def _counts_twice(self, edit: ModuleEdit, index: int, pair: Pair) -> bool:
        """Whether an update that ran before would run again by itself, for a value that changed only now."""
        ran = pair.kind == Kind.SAME or pair.new in self._ran
        return bool(ran and pair.new.usage.mutates and self.is_touched(edit, index, pair)) and not edit.may_run(pair)

    def _situation(self, edit: ModuleEdit, index: int, pair: Pair, *, together: bool, quiet: bool) -> plan.Situation:
        touched = self.is_touched(edit, index, pair)
        return plan.Situation(
            first=pair.new not in self._ran,
            stale=self.stale_names(edit, pair.new, index) if touched else frozenset(),
            together=together,
            quiet=quiet,
            hindrance=edit.may_run(pair),
            outdated=bool(self.outdated),
        )

    def _statement(self, edit: ModuleEdit, index: int, pair: Pair, situation: plan.Situation) -> None:
        steps = list(plan.plan_statement(pair, edit.edits_of, situation))
        while steps:
            step = steps.pop(0)
            if isinstance(step, plan.BindAgain) and not self._bind_again(edit, index, pair):
                steps = list(step.otherwise)
            else:
                self._carry_out(edit, index, pair, step)

    def _carry_out(self, edit: ModuleEdit, index: int, pair: Pair, step: plan.Step) -> None:
        match step:
            case plan.RunStatement(Action.RAN):
                if pair.old is not None:
                    self._removal.withdraw(edit, pair.old, pair.new)
                self._run(edit, index, pair, Action.RAN)
            case plan.RunStatement(action, quiet=quiet):
                self._execution.run(edit, index, pair, action, quiet=quiet)
            case plan.PatchCode(change):
                if change.new is pair.new:  # all have their new code already
                    self._function(edit, index, pair, step)
            case plan.EditClass(change, stale):
                self._class(edit, index, pair, change, touched=bool(stale))
            case plan.Annotate():
                self._execution.annotate(edit, index, pair)
            case plan.Move():
                derived.move(edit.namespace, edit.codes[index], self.transaction)
            case plan.Wait(reason):
                self._note(edit, pair.new.name, Action.WAITS, pair.new.first_line, reason)
            case plan.Refuse(reason):
                self._note(edit, pair.new.name, Action.REFUSED, pair.new.first_line, reason)

    def _bind_again(self, edit: ModuleEdit, index: int, pair: Pair) -> bool:
        """Have a definition bind what it made before; False if that is not there any more."""
        assert pair.old is not None
        name = pair.new.name
        last = [statement for statement in edit.old_statements if name in statement.usage.binds][-1]
        value = self.transaction.former(edit.namespace).get(name, MISSING)
        if last is not pair.old:
            value = covered_function(pair.old, last, value, functools.partial(self._patching.made_by, edit))
        if value is MISSING:
            return False
        self._bindings.bind(edit, name, value, index)
        return True

    def _run_if_possible(self, edit: ModuleEdit, index: int, pair: Pair, action: Action) -> None:
        """Execute a statement, or report why that has to wait."""
        why_not = edit.may_run(pair)
        if why_not:
            self._note(edit, pair.new.name, Action.WAITS, pair.new.first_line, why_not)
        else:
            self._run(edit, index, pair, action)

    def _run(self, edit: ModuleEdit, index: int, pair: Pair, action: Action) -> None:
        # As an import does: modules in a circle have no other order.
        for name in sorted(self._execution.needed(edit, pair.new) - self._begun):
            self._module(self.edits[name])
        self._execution.run(edit, index, pair, action)

    def is_touched(self, edit: ModuleEdit, index: int, pair: Pair) -> bool:
        """Whether a statement reads, when it is executed, a name whose value this edit changed since it last ran."""
        if not self.rebound or pair.new.is_import:
            return False
        return bool(self.stale_names(edit, pair.new, index))

    def stale_names(self, edit: ModuleEdit, statement: Statement, index: int | None = None) -> frozenset[str]:
        """Return the names that a statement reads and whose value changed."""
        return self._bindings.stale(edit, statement, self._ran.get(statement, 0), index)

    # ------------------------------------------------------------------ definitions

    def _function(self, edit: ModuleEdit, index: int, pair: Pair, step: plan.PatchCode) -> None:
        change, node = step.edit, step.edit.new.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        rerun = step.run is not None
        rerun = rerun or (change.signature and looks_at_signature(node, self.transaction.view(edit.namespace).get))
        if rerun or (node.name not in edit.namespace and pair.kind != Kind.SAME):
            self._removal.withdraw(edit, change.old, pair.new)
            self._run_if_possible(edit, index, pair, step.run or Action.RERAN)
            return
        old = definition_node(edit.old_codes[change.old], node.name)
        if old is not None and pair.kind == Kind.DEFINITION and not node.decorator_list:
            self._take_back(edit, index, pair, old)
        if (change.header or step.stale) and old is not None:
            made = self._execution.make(edit, change.new)
            self._patching.refresh_header(edit, change, old.code, made, self.stale_names(edit, change.new))

    def _take_back(self, edit: ModuleEdit, index: int, pair: Pair, old: CodeNode) -> None:
        """Where the program put something else in a function's place, the source wins once its definition changes."""
        name = pair.new.name
        value = self.transaction.view(edit.namespace).get(name)
        live = self._patching.live(edit, old.code)
        last = [one for one in edit.pairing.pairs if name in one.new.usage.binds][-1]
        if last is not pair or any(value is function for function in live) or made_from(value, {id(old.code)}):
            return
        own = [function for function in live if function.__globals__ is edit.namespace]
        if len(own) == 1:
            self._bindings.bind(edit, name, own[0], index)
        else:
            self._run_if_possible(edit, index, pair, Action.RAN)

    def _class(self, edit: ModuleEdit, index: int, pair: Pair, change: ClassEdit, *, touched: bool) -> None:
        name = change.new.name
        held = self.transaction.view(edit.namespace).get(name)
        cls = live_class(held, str(edit.namespace["__name__"]), change.new)
        if cls is None:
            if pair.new is change.new and pair.kind != Kind.SAME:
                self._run_if_possible(edit, index, pair, Action.RAN)
            return
        if change.decorated and change.new is pair.new:
            self._removal.withdraw(edit, change.old, pair.new)
        with self.transaction.imports.of_the_engine():  # a third of the engine
            from dyntransform.reloading.classes.edit import ClassWork
            from dyntransform.reloading.classes.site import ClassSite
        work = ClassWork(ClassSite(self, edit, index, change, (name,)), cls)
        work.apply(touched=touched)

    def make_again(self, cls: type) -> None:
        """Have a class made again that has to be although its statement did not change."""
        self.outdated[id(cls)] = cls
        module = self._edit_of(cls.__module__)
        for index, pair in enumerate(module.pairing.pairs) if module is not None else ():
            for change in module.edits_of(pair):  # type: ignore[union-attr]
                if isinstance(change, ClassEdit) and change.new.name == cls.__qualname__.partition(".")[0]:
                    if not module.edited or pair.new in self._ran:  # type: ignore[union-attr]
                        self._class(module, index, pair, change, touched=False)  # type: ignore[arg-type]
                    return

    # ------------------------------------------------------------------ the report

    def _note(
        self, edit: ModuleEdit, name: str, action: Action, line: int | None, note: str = "", *, again: bool = False
    ) -> None:
        if "<" in name and any(part in name for part in _NAMELESS):
            name = name.partition(".<locals>.<")[0]
        key = (edit.name, name, action)
        if key in self._noted and not again:
            return
        self._noted.add(key)
        place = Place(edit.path, line) if line is not None else None
        self.changes.append(Change(edit.name, name.replace(".<locals>", ""), action, place, note))

    note = _note


_NAMELESS = ("<lambda>", "<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>")

_ROUNDS = 20
"""Modules that import each other in a circle are gone over until nothing changes, at most so often."""

"""The names of modules during an edit: which values changed, and the live bindings that follow them."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import sys
from collections.abc import Collection, Iterable
from types import ModuleType
from typing import Any

from dyntransform.cpython.lazy import is_unresolved
from dyntransform.reloading.live.members import class_at
from dyntransform.reloading.live.transaction import MISSING
from dyntransform.reloading.live.values import same_value
from dyntransform.reloading.model.code_tree import readers
from dyntransform.reloading.model.report import Action
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.module_diff import ModuleEdit
from dyntransform.reloading.planning.order import ChangedModules
from dyntransform.reloading.planning.removed_names import gives_on_demand, provides, standing_imports
from dyntransform.reloading.session import Session
from dyntransform.runtime.hooks import kept_names
from dyntransform.runtime.names import absolute_name
from dyntransform.transform.links import LinkSpec

__all__ = ["KEPT_NOTE", "Bindings", "Rebinding"]

KEPT_NOTE = "the module keeps it: __dyn_keep__"


@dataclasses.dataclass(frozen=True)
class Rebinding:
    """A name of a module whose value an edit changed.

    Attributes:
        old: the value before the edit; MISSING for a new name.
        between: values that the edit gave it and replaced again.
        literal: what the replaced statement bound, if it was written as a literal; MISSING otherwise.
        order: counts rebindings.
        index: position of the statement that changed it.
    """

    old: Any
    literal: Any
    order: int
    index: int
    between: tuple[Any, ...] = ()

    def held_by(self, value: Any) -> bool:
        """Whether a name with this value still holds what was imported into it, and not a value of its own."""
        if value is MISSING:
            return False
        if value is self.old or any(value is other for other in self.between):
            return True
        return bool(self.literal is not MISSING and same_value(value, self.literal))


class Bindings:
    """What an edit does to names.

    Args:
        session: the edit that is being applied.

    Attributes:
        changed: the names whose value the edit changed, by module and name.
        modules: the modules of these names.
        order: how many rebindings there were.
        passed: by module, names whose source changed, and which hold something else than what was imported.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._transaction = session.transaction
        self.changed: dict[tuple[str, str], Rebinding] = {}
        self.modules = ChangedModules()
        self._names: dict[str, set[str]] = {}
        """The names of `changed`, by module."""
        self._attributes: set[str] = set()
        """The names of `changed`, whatever their module."""
        self._olds: set[int] = set()
        """The values that were replaced, by id."""
        self._literals: list[Any] = []
        """What replaced statements bound, where it was written as a literal."""
        self.order = 0
        self.passed: dict[str, set[str]] = {}
        self._in_classes: dict[str, dict[str, dict[str, int]]] = {}
        """Names imported in class bodies that got another value, with the order at which, by module and outer class."""
        self._followed: dict[tuple[str, str], Any] = {}
        """Imported names that got the value of their source, with that value, by module and name."""
        self._removed: list[tuple[ModuleEdit, str]] = []

    def view(self, namespace: dict[str, Any]) -> dict[str, Any]:
        """Return a namespace as it will be after the edit, as far as it has come."""
        return self._transaction.view(namespace)

    def of_module(self, module: str) -> dict[str, Rebinding]:
        """Return the names of a module whose value the edit changed."""
        return {name: self.changed[module, name] for name in self._names.get(module, ())}

    def let_go(self) -> None:
        """Forget the values that the edit replaced."""
        self.changed.clear()
        self._followed.clear()
        self._names.clear()

    def rebind(self, module: ModuleEdit, name: str, old: Any, literal: Any, index: int) -> None:
        """Record that the value of a name changed."""
        self.order += 1
        known = self.changed.get((module.name, name))
        between: tuple[Any, ...] = ()
        if known is not None:
            between = (*known.between, old)
            old, literal = known.old, known.literal
        elif literal is not MISSING:
            self._literals.append(literal)
        self._olds.update(map(id, (old, *between)))
        self.changed[(module.name, name)] = Rebinding(old, literal, self.order, index, between)
        self.modules.add(module.name, name, self.order)
        self._names.setdefault(module.name, set()).add(name)
        self._attributes.add(name)

    def bind(self, module: ModuleEdit, name: str, value: Any, index: int, *, quiet: bool = False) -> None:
        """Bind a name of a module, if the value is another; it counts as changed unless this is done quietly."""
        old = self._transaction.view(module.namespace).get(name, MISSING)
        if same_value(old, value):
            return
        self._transaction.set_item(module.namespace, name, value)
        if not quiet:
            self.rebind(module, name, old, MISSING, index)

    def remove_names(self, module: ModuleEdit) -> None:
        """Unbind what the new version no longer binds."""
        for name in sorted(module.pairing.removed_names):
            if name not in module.namespace or provides(module, name):
                continue
            if name in kept_names(module.namespace):
                self._session.note(module, name, Action.WAITS, None, KEPT_NOTE)
                continue
            self.remove(module, name)

    def remove(self, module: ModuleEdit, name: str) -> None:
        """Unbind a name of a module."""
        old = self.view(module.namespace)[name]
        self._transaction.delete_item(module.namespace, name)
        # No statement binds it, so all that read it run again, and fail as they would in a new process.
        self.rebind(module, name, old, MISSING, -1)
        self._removed.append((module, name))

    def report_removed(self) -> None:
        """Write to the report which names are gone, and which functions still ask for them."""
        for module, name in self._removed:
            if name in self.view(module.namespace):
                continue  # it came to light under a star import, or was bound in another way
            functions = readers((node for nodes in module.codes for node in nodes), name)
            on_demand = gives_on_demand(module)
            importers = self._session.late_importers(module.name, name) if not on_demand else []
            notes = [f"still read in {', '.join(functions)}"] if functions and not hasattr(builtins, name) else []
            notes += [f"functions of {', '.join(importers)} still import it"] if importers else []
            self._session.note(module, name, Action.REMOVED, None, "; ".join(notes))
            for other in self._session.edits.values() if not on_demand else ():
                if not _imports_any(other, module.name, [name]):
                    continue
                for one in standing_imports(other.source.statements, other.namespace, module.name, [name]):
                    self._session.note(other, one.qualname, Action.WAITS, one.statement.first_line, one.note)

    def relocate(self, module: ModuleEdit) -> None:
        """Give a module that was found in another file the attributes that importing it there would (PEP 451)."""
        spec = module.spec
        if spec is None:
            return
        attributes: dict[str, Any] = {
            "__spec__": spec,
            "__file__": spec.origin,
            "__cached__": spec.cached,
            "__loader__": spec.loader,
            "__package__": spec.parent,
        }
        if spec.submodule_search_locations is not None:
            attributes["__path__"] = spec.submodule_search_locations
        elif "__path__" in module.namespace:
            self._transaction.delete_item(module.namespace, "__path__")
        if "__cached__" not in module.namespace:  # Python 3.15
            del attributes["__cached__"]
        for name, value in attributes.items():
            self._transaction.set_item(module.namespace, name, value)
        self._session.note(module, "__file__", Action.UPDATED, 1, f"found in {spec.origin}")

    def refresh_documentation(self, module: ModuleEdit) -> None:
        """Change the docstring of a module, and drop the annotations that its new version does not have."""
        old, new = module.old_source.docstring, module.source.docstring
        if old != new and module.namespace.get("__doc__") == old:
            self._transaction.set_item(module.namespace, "__doc__", new)
            self._session.note(module, "__doc__", Action.UPDATED, 1)
        annotations = module.namespace.get("__annotations__")
        if type(annotations) is dict:
            gone = module.old_source.annotated - module.source.annotated
            for name in gone & annotations.keys():
                self._transaction.delete_item(annotations, name)

    def reaches(self, module: ModuleEdit) -> bool:
        """Whether a statement of the module reads, when it is executed, a name whose value changed."""
        names = self._names.get(module.name, set())
        if module.name in self._in_classes:
            return True
        if not module.may_read(names, self._attributes):
            return False
        if not names.isdisjoint(module.source.reads):
            return True
        if module.source.attribute_names.isdisjoint(self._attributes):
            return False
        view = self._transaction.view(module.namespace)
        chains = module.source.attributes
        return any(self._chain_changed(view.get(name), attributes, 0) for name, *attributes in chains)

    def stale(self, module: ModuleEdit, statement: Statement, since: int, index: int | None) -> frozenset[str]:
        """Return the names, and chains such as ``"a.b"``, that a statement reads and whose value changed.

        Args:
            module: the module of the statement.
            statement: the statement.
            since: the order at which it ran last.
            index: its position: changes further down are not seen by it; None for all.
        """
        usage = statement.usage
        names: set[str] = set()
        if statement.kind is ast.ClassDef:
            imported = self._in_classes.get(module.name, {}).get(statement.name, {})
            names.update(name for name, order in imported.items() if order > since)
        for name in usage.names:
            changed = self.changed.get((module.name, name))
            if changed is not None and changed.order > since and (index is None or changed.index < index):
                names.add(name)
        if usage.chains:
            view = self._transaction.view(module.namespace)
            for name, *attributes in usage.chains:
                if self._chain_changed(view.get(name), attributes, since):
                    names.add(".".join((name, *attributes)))
        return frozenset(names)

    def _chain_changed(self, value: Any, attributes: list[str], since: int) -> bool:
        """Follow ``package.module.NAME`` from the value of its first name as long as that leads through modules."""
        for attribute in attributes:
            if not isinstance(value, ModuleType):
                return False
            changed = self.changed.get((value.__name__, attribute))
            if changed is not None and changed.order > since:
                return True
            value = vars(value).get(attribute)
        return False

    # ------------------------------------------------------------------ live bindings

    def refresh(self, module: ModuleEdit) -> None:
        """Give names imported with ``from`` the values that their sources have now."""
        self.refresh_names(module, begun=True)
        for scope, origin, names in _links(module):
            provider = sys.modules.get(origin)
            if not isinstance(provider, ModuleType):
                continue
            names_there = self._transaction.seen(vars(provider))
            if not scope and "__getattr__" in names_there:
                for attribute, bound in names:
                    if attribute not in names_there:
                        self._refresh_lazy(module, bound, provider, attribute)
            for attribute, bound in names if scope else ():
                changed = self.changed.get((origin, attribute))
                if changed is not None and attribute in names_there:
                    self._refresh_in_class(module, scope, bound, changed, names_there[attribute])

    def refresh_names(self, module: ModuleEdit, *, begun: bool) -> None:
        """Give names of a module, not of its classes, the values that their sources have now.

        Args:
            module: the importing module.
            begun: its statements may have run; else only what the version that runs imports too can be refreshed.
        """
        links = _links(module)
        if module.edited and not begun:
            links = [link for link in links if link in module.state.absolute_links]
        for scope, origin, names in links:
            if scope or origin not in self._names:
                continue
            provider = sys.modules.get(origin)
            if not isinstance(provider, ModuleType):
                continue
            there = self._transaction.seen(vars(provider))
            for attribute, bound in names:
                changed = self.changed.get((origin, attribute))
                if changed is not None and attribute in there:
                    self._refresh_name(module, bound, changed, there[attribute], origin)

    def _refresh_name(self, module: ModuleEdit, bound: str, changed: Rebinding, value: Any, origin: str) -> None:
        view = self._transaction.seen(module.namespace)
        held = view.get(bound, MISSING)
        if bound in kept_names(view) or is_unresolved(held):  # it gets the value of then when it is used
            return
        if held is value and self._followed.get((module.name, bound), MISSING) is value:
            return
        if not changed.held_by(held):  # what the module made of it may be equal to the new value by chance
            self.passed.setdefault(module.name, set()).add(bound)
        elif held is not value:
            self.follow(module, bound, held, value, origin)

    def _refresh_lazy(self, module: ModuleEdit, bound: str, provider: ModuleType, attribute: str) -> None:
        """Ask a module ``__getattr__`` (PEP 562) again, if what it gave before is a value that the edit replaced."""
        held = self.view(module.namespace).get(bound, MISSING)
        if held is MISSING or not (id(held) in self._olds or any(same_value(held, one) for one in self._literals)):
            return
        self._transaction.commit()  # it may run any code of the project
        value = getattr(provider, attribute, MISSING)
        if value is not MISSING and not same_value(value, held):
            self.follow(module, bound, held, value, provider.__name__)

    def _refresh_in_class(self, module: ModuleEdit, scope: str, bound: str, changed: Rebinding, value: Any) -> None:
        cls = class_at(module.namespace, f"{scope}.x")
        if cls is not None and changed.held_by(vars(cls).get(bound, MISSING)):
            self._transaction.set_attribute(cls, bound, value)
            self._session.note(module, f"{scope}.{bound}", Action.REBOUND, None)
            self._transaction.commit()  # what is executed in the body reads it from the class
            self.order += 1
            classes = self._in_classes.setdefault(module.name, {})
            classes.setdefault(scope.partition(".")[0], {})[bound] = self.order

    def follow(self, module: ModuleEdit, name: str, held: Any, value: Any, provider: str) -> None:
        """Give an imported name the value that its source has now."""
        self._transaction.set_item(module.namespace, name, value)
        self._followed[module.name, name] = value
        self.rebind(module, name, held, MISSING, -1)
        self._session.note(module, name, Action.REBOUND, None, f"from {provider}")


def _links(module: ModuleEdit) -> Iterable[LinkSpec]:
    """Return the live bindings of the new version, by absolute name of the module imported from."""
    if not module.edited:
        return module.state.absolute_links
    return [(scope, absolute_name(source, module.namespace), names) for scope, source, names in module.source.links]


def _imports_any(module: ModuleEdit, provider: str, names: Collection[str]) -> bool:
    """Whether a live binding of a module is to one of the names of another."""
    return any(origin == provider and any(name in names for name, _ in pairs) for _, origin, pairs in _links(module))

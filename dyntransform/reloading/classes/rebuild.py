"""Make a live class again: execute its statement, and let the live class take over the result, or be replaced by it."""

from __future__ import annotations

import ast
import enum
import functools
import gc
import types
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from dyntransform.reloading.classes import merge as twins
from dyntransform.reloading.classes.bases import possible_bases
from dyntransform.reloading.classes.body import Body
from dyntransform.reloading.classes.find import live_class
from dyntransform.reloading.classes.held_methods import serve_holders
from dyntransform.reloading.classes.kinds import enums, fields, slots
from dyntransform.reloading.classes.making import Creation, stored_attributes
from dyntransform.reloading.classes.migration import Migration
from dyntransform.reloading.classes.registries import Registries
from dyntransform.reloading.classes.site import ClassSite
from dyntransform.reloading.live import heap
from dyntransform.reloading.live.become import replace_references
from dyntransform.reloading.live.swaps import Swaps
from dyntransform.reloading.model.report import Action
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.class_plan import BodyPlan
from dyntransform.reloading.planning.pairing import Kind
from dyntransform.transform.scopes import mangled

__all__ = ["Remaking"]


class Remaking:
    """One class, made again.

    Args:
        site: the class statement.
        cls: the live class.
        plan: what the edit does to the body.
        kept: statements that are not executed, with the values of the names that they bound.
    """

    def __init__(self, site: ClassSite, cls: type, plan: BodyPlan, kept: Mapping[Statement, Mapping[str, Any]]) -> None:
        self._site = site
        self._session = site.session
        self._transaction = site.session.transaction
        self._change = site.change
        self._cls = cls
        self._path = site.path
        self._body = Body(site)
        self._plan = plan
        self._kept_values = kept

    def make_again(self) -> type:
        """Execute the class statement; return the class that its instances have then."""
        before, creation = self._creation(self._change.old), self._creation(self._change.new)
        registries = Registries(creation.functions, [type(self._cls), *self._cls.__mro__])
        self._transaction.undo_by(registries.restore)
        bound, annotations = self._bound(), dict(vars(self._cls).get("__annotations__", {}))
        made = self._body.make(self._kept_values)
        twin = live_class(made, self._site.module_name, self._change.new, but=self._cls)
        if twin is None:
            self._bind(made)
            self._site.note(Action.RAN)
            return self._cls
        registries.settle(twin, self._cls)
        result = self._succeed(twin, before)
        if bound is not self._cls or made is not twin:
            self._wrapped(bound, made, twin, result)
        below = fields.dataclasses_below(result)
        if creation.kind == "typed dict":
            below += fields.typed_dicts_below(result, annotations)
        for derived in below:
            self._session.make_again(derived)
        return result

    def adopt(self, twin: type) -> type:
        """Take over a class that another statement made; return the class that its instances have then."""
        return self._succeed(twin, self._creation(self._change.old))

    def _succeed(self, twin: type, before: Creation) -> type:
        for name, value in list(vars(twin).items()):
            serve_holders(self._site, self._plan, name, vars(self._cls).get(name), value)
        stored = {name for function in before.functions for name in stored_attributes(function)}
        provenance = twins.Provenance(
            self._plan.old_names | stored,
            self._plan.new_names,
            self._kept(twin),
            self._session.is_project,
            before.is_plain,
        )
        return self._take_over(twin, provenance) or self._replace(twin, provenance)

    def _creation(self, statement: Statement) -> Creation:
        assert isinstance(statement.node, ast.ClassDef)
        view = self._transaction.view(self._site.module.namespace)
        return Creation(self._cls, statement.node.decorator_list, view.get, self._session.is_project)

    def _kept(self, twin: type) -> frozenset[str]:
        """Return the members that the live class keeps: functions, patched in place, and values of equal statements."""
        live, made, kept = vars(self._cls), vars(twin), set()
        for pair in self._change.body.pairs:
            if pair in self._plan.runs:
                continue
            definition = pair.new in self._change.edits
            for name in pair.new.usage.binds:
                entry = mangled(name, self._path[-1])
                if entry in live and entry in made and (definition or pair.kind == Kind.SAME):
                    kept.add(entry)
        return frozenset(kept)

    # ------------------------------------------------------------------ the same class

    def _take_over(self, twin: type, provenance: twins.Provenance) -> type | None:
        """Give the live class everything of its twin; None if CPython cannot."""
        cls, transaction = self._cls, self._transaction
        if twin.__bases__ != cls.__bases__ or type(twin) is not type(cls):
            transaction.commit()
        bases = possible_bases(cls, twin.__bases__)
        if bases is None or not twins.can_have_metaclass(cls, type(twin)):
            return None
        if not twins.fits(cls, twin):
            if not slots.can_change(cls, twin):
                return None
            slots.change(cls, twin, transaction)
        if isinstance(cls, enum.EnumMeta):
            swaps = enums.merge(cls, twin, transaction)
            if swaps:
                transaction.finally_do(functools.partial(replace_references, swaps, transaction))
        self._type_parameters(twin)
        self._fields_of_instances(cls)
        twins.merge(cls, twin, bases, provenance, transaction)
        transaction.finally_do(functools.partial(twins.retire, twin, cls, transaction))
        transaction.afterwards_do(functools.partial(_collect, weakref.proxy(twin)))
        self._site.note(Action.UPDATED, "made again")
        return cls

    def _type_parameters(self, twin: Any) -> None:
        """Have what refers to the type parameters of before refer to those of now (PEP 695)."""
        fresh = {parameter.__name__: parameter for parameter in vars(twin).get("__type_params__", ())}
        former = vars(self._cls).get("__type_params__", ())
        swaps = Swaps((old, fresh[old.__name__]) for old in former if old.__name__ in fresh)
        if swaps:
            self._transaction.finally_do(functools.partial(replace_references, swaps, self._transaction))

    def _fields_of_instances(self, cls: Any) -> None:
        """Have live instances get the fields that they were made without."""
        if "__dataclass_fields__" in vars(cls):
            names = tuple(cls.__dataclass_fields__)
            self._transaction.finally_do(functools.partial(self._fill, cls, names))
        elif issubclass(cls, tuple) and hasattr(cls, "_fields"):
            self._transaction.finally_do(functools.partial(self._lengthen, cls, cls._fields))

    def _fill(self, cls: Any, before: tuple[str, ...]) -> None:
        if "__dataclass_fields__" not in vars(cls):
            return
        for name in fields.fill(cls, before, self._transaction):
            self._site.note(Action.WAITS, f"instances made before have no {name!r}, which has no default")

    def _lengthen(self, cls: Any, before: tuple[str, ...]) -> None:
        if hasattr(cls, "_fields"):
            left = fields.lengthen(cls, before, self._transaction)
            if left:
                self._site.note(Action.REFUSED, f"{left} tuples made before lack a field that has no default")

    # ------------------------------------------------------------------ another class

    def _replace(self, twin: type, provenance: twins.Provenance) -> type:
        """Put the twin in the place of the live class."""
        cls, transaction = self._cls, self._transaction
        transaction.commit()
        twins.keep(cls, twin, provenance)
        names = tuple(getattr(cls, "__dataclass_fields__", ()))
        migration = Migration(transaction)
        migration.replace(cls, twin)
        if names:
            transaction.finally_do(functools.partial(self._fill, twin, names))
        for name, count in migration.stayed:
            self._site.note(
                Action.REFUSED, f"{count} instances of {name} stay with its previous version: make them again"
            )
        transaction.afterwards_do(functools.partial(_report_holders, migration.replaced, self._site.note))
        self._site.note(Action.UPDATED, "another layout: a new class took its place")
        return twin

    # ------------------------------------------------------------------ what decorators return instead of the class

    def _wrapped(self, bound: Any, made: Any, twin: type, result: type) -> None:
        """Bind what the decorators made of the class, or of which it was made before."""
        self._transaction.commit()
        if twin is not result and isinstance(made, type):
            Migration(self._transaction).replace(twin, result)
        target = result if made is twin else made
        if isinstance(bound, type) and isinstance(target, type) and bound is not self._cls:
            Migration(self._transaction).replace(bound, target)
        else:
            self._bind(target)

    def _bound(self) -> Any:
        if len(self._path) == 1:
            return self._transaction.view(self._site.module.namespace).get(self._path[0])
        return vars(self._body.outer()).get(mangled(*reversed(self._path[-2:])))

    def _bind(self, value: Any) -> None:
        if len(self._path) == 1:
            self._session.bind(self._site.module, self._path[0], value, self._site.index)
        else:
            self._transaction.set_attribute(self._body.outer(), mangled(*reversed(self._path[-2:])), value)


def _collect(twin: weakref.CallableProxyType[type]) -> None:
    """Free a twin: it refers to itself, and ``__subclasses__()`` of its bases lists it until then.

    Args:
        twin: a proxy, since weak references to the twin become ones to the class.
    """
    for generation in (1, 2):
        try:
            twin.__name__  # noqa: B018 - whether it is there
        except ReferenceError:
            return
        gc.collect(generation)


def _report_holders(replaced: list[weakref.ref[type]], note: Callable[..., None]) -> None:
    """Say what still holds a class that was replaced."""
    gc.collect()
    for reference in replaced:
        old = reference()
        if old is not None:
            holders = ", ".join(sorted(_holders(old))) or "a running function"
            note(Action.WAITS, f"the previous version is still held by: {holders}")


def _holders(cls: type) -> set[str]:
    own = (type, types.GetSetDescriptorType, types.MemberDescriptorType, types.FrameType)
    found = set()
    for one in heap.referrers(cls):  # no comprehension: until Python 3.11 it would hold the class in a cell
        if not isinstance(one, own) and not (type(one) is tuple and one and one[0] is cls):
            found.add(type(one).__name__)
    return found

"""Annotations that are evaluated when they are asked for (PEP 649): whoever has asked must not keep what is not so now.

What evaluates them is a function, and gets new code like others. What it returned is kept by those that have it: the
function or class it is of, wrappers that `functools.wraps` made, the module. They are made to ask again if the code is
another, or if it reads a name whose value changed. The engine itself asks for nothing.
"""

from __future__ import annotations

import ast
import functools
import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import CellType, CodeType, FunctionType
from typing import Any

from dyntransform.cpython.annotations import (
    ANNOTATE,
    CLASS_ANNOTATIONS,
    CLASS_EVALUATOR,
    MARKED,
    MODULE_ANNOTATIONS,
    Place,
    evaluates_annotations,
    evaluator,
    evaluator_in,
    marks,
    names_read,
    numbers,
)
from dyntransform.cpython.features import DEFERRED_ANNOTATIONS
from dyntransform.reloading.live import heap
from dyntransform.reloading.live.transaction import Transaction
from dyntransform.reloading.live.wrappers import functions_in
from dyntransform.reloading.model.code_tree import child_codes
from dyntransform.reloading.model.statement import Statement, same_scope
from dyntransform.reloading.planning.module_diff import ModuleEdit
from dyntransform.reloading.planning.pairing import Kind
from dyntransform.reloading.session import Session

__all__ = [
    "Annotations",
    "ask_again",
    "come_to",
    "evaluators_of_class",
    "for_class",
    "for_function",
    "forget",
    "give",
    "namespace_of",
    "place",
    "renumbered",
    "variables",
]


class Annotations:
    """The annotations that an edit reaches through the names they read.

    Args:
        session: the edit that is being applied.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_module(self, module: ModuleEdit, ran: Mapping[Statement, Collection[Place]]) -> None:
        """Give an edited module one evaluator for the annotated variables of all its statements, as an import does.

        Args:
            module: the module, all of whose statements were executed that the edit executes.
            ran: the places of the annotated variables that each of these came to.
        """
        if not DEFERRED_ANNOTATIONS or not (module.edited or ran):
            return
        if not (module.source.annotated or module.old_source.annotated):
            return
        namespace, transaction = module.namespace, self._session.transaction
        held = evaluator_in(namespace, ANNOTATE)
        before, after = _variables_of_module(module, come_to(held), ran)
        start = _start(module)
        moved = held is not None and held.__code__.co_firstlineno != start.lineno
        same = _shapes(before) == _shapes(after)
        if same and not moved and list(map(place, before)) == list(map(place, after)):
            return
        made: dict[str, Any] = {}
        if after:
            exec(module.source.compile([start, *map(_bare, after)]), namespace, made)
        for name in (ANNOTATE, MARKED):
            if name in made:
                transaction.set_item(namespace, name, made[name])
            else:
                transaction.delete_item(namespace, name)
        if not same:
            forget(namespace, MODULE_ANNOTATIONS, transaction)

    def follow(self) -> None:
        """Have those asked for again that read a name of a module whose value changed."""
        if not DEFERRED_ANNOTATIONS or not self._session.rebound:
            return
        found = [(namespace, names) for namespace, names, codes in self._reached() if _any_reads(codes, names)]
        wanted = {id(namespace): names for namespace, names in found}
        functions = heap.referrers(*(namespace for namespace, _ in found)) if found else ()
        stale = [
            one
            for one in functions
            if type(one) is FunctionType
            and evaluates_annotations(one.__code__)
            and not names_read(one.__code__).isdisjoint(wanted.get(id(one.__globals__), ()))
        ]
        ask_again(stale, self._session.transaction)

    def _reached(self) -> Iterator[tuple[dict[str, Any], set[str], list[CodeType]]]:
        """Yield the namespaces of modules, the names and attributes that mean something else there, and their code."""
        changed: dict[str, set[str]] = {}
        for module, name in self._session.rebound:
            changed.setdefault(module, set()).add(name)
        names = {module: set(own) for module, own in changed.items()}
        states = {module: self._session.edits[module].state for module in changed}
        for module, own in changed.items():
            for importer in self._session.importers([module]):
                names.setdefault(importer.name, set()).update(own)
                states[importer.name] = importer
        for module, every in names.items():
            edit, state = self._session.edits.get(module), states[module]
            nodes = edit.codes if edit is not None and edit.edited else state.codes or ()
            codes = [state.loaded.compiled.code, *(node.code for some in nodes for node in some)]
            yield state.namespace, every, codes


def _variables_of_module(
    module: ModuleEdit, known: Collection[Place], ran: Mapping[Statement, Collection[Place]]
) -> tuple[list[ast.AnnAssign], list[ast.AnnAssign]]:
    """Return the annotated variables of the two versions that were come to.

    Args:
        module: the module.
        known: the places of those of the old version.
        ran: the places of those of each statement that the edit executed.
    """
    removed = [one for statement in module.pairing.removed for one in variables(statement)]
    before = [one for one in removed if place(one) in known]
    after: list[ast.AnnAssign] = []
    for pair in module.pairing.pairs:
        old = variables(pair.old) if pair.old is not None else []
        new = variables(pair.new)
        before += [one for one in old if place(one) in known]
        if pair.new in ran:
            after += [one for one in new if place(one) in ran[pair.new]]
        elif pair.kind == Kind.ANNOTATED:
            after += new if not module.may_run(pair) else []
        elif len(old) == len(new):
            after += [one for one, other in zip(new, old, strict=True) if place(other) in known]
    return before, after


def _start(module: ModuleEdit) -> ast.stmt:
    """Return a statement that does nothing, where the first one of a module stands: there its evaluator begins."""
    first = module.source.statements[0].node if module.source.statements else ast.Pass(lineno=1, col_offset=0)
    return ast.copy_location(ast.Pass(), first)


def _shapes(nodes: list[ast.AnnAssign]) -> list[str]:
    return sorted(f"{ast.dump(one.target)} {ast.dump(one.annotation)}" for one in nodes)


def _bare(node: ast.AnnAssign) -> ast.stmt:
    return ast.copy_location(ast.AnnAssign(node.target, node.annotation, None, node.simple), node)


def _any_reads(codes: Iterable[CodeType], names: Collection[str]) -> bool:
    pending = list(codes)
    while pending:
        code = pending.pop()
        if evaluates_annotations(code) and not names_read(code).isdisjoint(names):
            return True
        pending += child_codes(code)
    return False


# ---------------------------------------------------------------------- those who have an evaluator


def ask_again(evaluators: Iterable[FunctionType], transaction: Transaction) -> None:
    """Have those who keep what these evaluators returned ask them again.

    Args:
        evaluators: the functions.
        transaction: takes the changes.
    """
    known = {id(one): one for one in evaluators}
    for holder in heap.referrers(*known.values()) if known else ():
        if type(holder) is FunctionType and id(getattr(holder, ANNOTATE, None)) in known:
            _set(holder, getattr(holder, ANNOTATE), transaction)
        elif type(holder) is dict:
            for name, kept in ((CLASS_EVALUATOR, CLASS_ANNOTATIONS), (ANNOTATE, MODULE_ANNOTATIONS)):
                if id(holder.get(name)) in known:
                    forget(holder, kept, transaction)


def _set(function: FunctionType, value: Any, transaction: Transaction) -> None:
    held = getattr(function, ANNOTATE)
    if held is None:
        back: Callable[[], None] = functools.partial(setattr, function, "__annotations__", function.__annotations__)
    else:
        back = functools.partial(setattr, function, ANNOTATE, held)
    transaction.do(functools.partial(setattr, function, ANNOTATE, value), back)


def forget(namespace: dict[str, Any], name: str, transaction: Transaction) -> None:
    """Have the namespace of a class or module let go of annotations; no lookup of attributes asks for that entry."""
    if name in namespace:
        back: Callable[[], Any] = functools.partial(namespace.__setitem__, name, namespace[name])
    else:
        back = functools.partial(namespace.pop, name, None)
    transaction.do(functools.partial(namespace.pop, name, None), back)


def give(function: FunctionType, new: FunctionType | None, values: dict[str, Any], transaction: Transaction) -> None:
    """Give a function an evaluator.

    Args:
        function: a live function.
        new: its evaluator from now on; None for one whose annotations are values.
        values: its annotations, if they are.
        transaction: takes the changes.
    """
    if new is not None:
        _set(function, new, transaction)
        return
    back = functools.partial(setattr, function, ANNOTATE, getattr(function, ANNOTATE))
    transaction.do(functools.partial(setattr, function, "__annotations__", values), back)


def evaluators_of_class(cls: type, names: frozenset[str]) -> list[FunctionType]:
    """Return the evaluators, of a class and its methods, that read some of its members.

    Args:
        cls: the class.
        names: names of the members.
    """
    functions = [function for value in list(vars(cls).values()) for function in functions_in(value)]
    found = [evaluator_in(vars(cls), CLASS_EVALUATOR), *map(evaluator, functions)]
    return [one for one in found if one is not None and not names_read(one.__code__).isdisjoint(names)]


# ---------------------------------------------------------------------- evaluators that are made for live objects


def for_function(made: FunctionType, function: FunctionType) -> FunctionType | None:
    """Return the evaluator that a live function needs.

    Args:
        made: what its definition makes now.
        function: the function.
    """
    found = evaluator(made)
    if found is None:
        return None
    cells = dict(zip(found.__code__.co_freevars, found.__closure__ or (), strict=True))
    return _evaluator(found.__code__, function.__globals__, [function], cells)


def for_class(code: CodeType, cls: type, namespace: dict[str, Any], places: Collection[Place]) -> FunctionType:
    """Return the evaluator that a live class needs.

    Args:
        code: what evaluates the annotations in its body.
        cls: the class.
        namespace: the globals.
        places: the annotated variables that were come to, of those that may not have been.
    """
    cells = {"__classdict__": CellType(namespace_of(cls)), MARKED: CellType(renumbered(code, places))}
    return _evaluator(code, namespace, [cls], cells)


def _evaluator(
    code: CodeType, namespace: dict[str, Any], owners: Iterable[Any], cells: dict[str, CellType]
) -> FunctionType:
    parameters = [each for owner in owners for each in getattr(owner, "__type_params__", ())]  # PEP 695
    cells |= {each.__name__: CellType(each) for each in parameters}
    return FunctionType(code, namespace, closure=tuple(cells[name] for name in code.co_freevars))


def namespace_of(cls: type) -> dict[str, Any]:
    """Return the namespace behind the proxy that `vars` gives of a class; what is deferred in its body reads that."""
    (namespace,) = gc.get_referents(vars(cls))
    assert type(namespace) is dict
    return namespace


# ---------------------------------------------------------------------- annotated variables


def variables(statement: Statement) -> list[ast.AnnAssign]:
    """Return the variables that a statement annotates in its scope, in the order of the source; none if that is text.

    Args:
        statement: a statement of a module or class.
    """
    if not statement.annotated or statement.future_annotations:
        return []
    nodes = [one for one in same_scope(statement.node) if isinstance(one, ast.AnnAssign) and one.simple]
    return sorted(nodes, key=place)


def place(node: ast.AnnAssign) -> Place:
    """Return where an annotated variable stands: that tells which one a number in the code of an evaluator means."""
    return node.lineno, node.col_offset


def come_to(function: FunctionType | None, code: CodeType | None = None) -> set[Place]:
    """Return the places of the annotated variables that were come to, of those that may not have been.

    Args:
        function: the evaluator of their scope.
        code: its code before the edit.
    """
    if function is None:
        return set()
    known = numbers(code or function.__code__)
    return {known[number] for number in marks(function) if number in known}


def renumbered(code: CodeType, places: Collection[Place]) -> set[int]:
    """Return the numbers that variables have in the code of another evaluator."""
    return {number for number, place in numbers(code).items() if place in places}

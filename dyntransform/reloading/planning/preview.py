"""What saving a file would do to a program that runs its old version, told from the sources alone.

No code of the project is executed, so whether a value really changes is not known: statements that would run again are
those that may. The engine itself decides by the values.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dyntransform.importing.roots import Roots
from dyntransform.reloading.model.reading import INVALID, read_source
from dyntransform.reloading.model.report import Action, Change, Place
from dyntransform.reloading.model.statement import Statement, docstring, is_docstring
from dyntransform.reloading.planning.class_plan import plan_body
from dyntransform.reloading.planning.definitions import (
    ClassEdit,
    DefinitionEdit,
    FunctionEdit,
    definition_edit,
    inner_edits,
)
from dyntransform.reloading.planning.on_disk import Module, module_name, others, package_of
from dyntransform.reloading.planning.pairing import Kind, Pair, compare
from dyntransform.reloading.planning.plan import (
    Annotate,
    EditClass,
    PatchCode,
    Refuse,
    RunStatement,
    Situation,
    Step,
    Wait,
    plan_statement,
)
from dyntransform.reloading.planning.removed_names import standing_imports
from dyntransform.reloading.planning.reruns import Facts, Scope, update_groups
from dyntransform.runtime.names import absolute_name
from dyntransform.transform.decide import Options
from dyntransform.transform.optout import MARK, opts_out

__all__ = ["Plan", "plan"]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What an edit would do.

    Attributes:
        steps: in the order in which they would happen.
        error: why the edit could not be applied at all; None if it could.
    """

    steps: tuple[Change, ...] = ()
    error: Exception | None = None

    @property
    def refused(self) -> tuple[Change, ...]:
        """The steps that could not be made live."""
        return tuple(step for step in self.steps if step.action is Action.REFUSED)

    @property
    def applicable(self) -> bool:
        """Whether all of the edit could be made live."""
        return self.error is None and not self.refused


def plan(path: Path, old: bytes, new: bytes, roots: Roots) -> Plan:
    """Tell what replacing `old` by `new` in a file would do.

    Args:
        path: the file.
        old: the content that runs.
        new: the content to be saved.
        roots: the project; modules below it that import from the file are looked at too.

    Returns:
        The steps, or the error that would make the edit be undone.

    Raises:
        SyntaxError, ValueError: `old` is not valid Python, so it cannot be what runs.
        ImportError, EOFError, TypeError: the same, for a compiled file.
    """
    name = module_name(path)
    if opts_out(old) or opts_out(new):
        note = f"it opts out with # {MARK}: the edit takes effect when the program is started again"
        return Plan((Change(name, "", Action.REFUSED, Place(str(path), 1), note),))
    before = read_source(old, str(path), Options())
    try:
        after = read_source(new, str(path), Options())
        after.check()
    except INVALID as problem:
        return Plan(error=problem)
    changed = _Changed()
    edited = Module(name, package_of(path), str(path), compare(before.statements, after.statements), before.statements)
    importers = others(path, roots)
    removed = edited.pairing.removed_names
    changed.add(name, removed)
    steps = [step for importer in importers for step in _missing_imports(importer, name, removed)]
    steps += _removed(name, removed, importers)
    if before.docstring != after.docstring:
        steps.append(Change(name, "__doc__", Action.UPDATED, Place(str(path), 1)))
    while True:
        known = len(changed)
        for module in (edited, *importers):
            steps += _planned(module, changed)
        if len(changed) == known:
            return Plan(tuple(steps))


class _Changed:
    """Names whose value may change, by module, and what was planned because of them."""

    def __init__(self) -> None:
        self._names: set[tuple[str, str]] = set()
        self.seen: set[Statement] = set()
        """Statements that were come to."""
        self.told: set[Statement] = set()
        """Statements that run, or are edited, because values change."""

    def __len__(self) -> int:
        return len(self._names)

    def add(self, module: str, names: Iterable[str]) -> None:
        self._names.update((module, name) for name in names)

    def of(self, module: str) -> frozenset[str]:
        return frozenset(name for owner, name in self._names if owner == module)


def _planned(module: Module, changed: _Changed) -> Iterator[Change]:
    """Yield what the engine would do about the statements of a module, if all values change that may."""
    for statement in module.statements:
        if isinstance(statement.node, ast.ImportFrom):
            yield from _rebound(module, statement.node, Place(module.path, statement.first_line), changed)
    for pair in module.pairing.pairs:  # reruns know what new and edited statements bind, but not what decorators make
        made = (edit for edit in _edits(pair) if isinstance(edit, FunctionEdit) and edit.new is pair.new)
        changed.add(module.name, [edit.new.name for edit in made if edit.decorated])
    scope = Scope(module.pairing, module.old, ran=changed.seen)
    stale = functools.partial(_stale, module, _modules(module), changed)
    bound = dict.fromkeys(name for one in module.statements for name in one.usage.reads)  # what is not is not known
    facts = Facts(bound, lambda _place, pair: bool(stale(pair)), _hindrance, _edits)
    groups = update_groups(scope, facts)
    impossible = {pair.new: why for pair, why in groups.impossible}
    for pair in module.pairing.pairs:
        statement = pair.new
        first = statement not in changed.seen
        changed.seen.add(statement)
        names = stale(pair) if statement not in changed.told else frozenset()
        together = statement in groups.forced and statement not in changed.told
        if not first and not names and not together:
            continue
        if names or together:
            changed.told.add(statement)
        lost = _lost(statement, module.pairing.removed_names)
        situation = Situation(first, names, together, statement in groups.quiet, _hindrance(pair), lost=lost)
        if statement in impossible:
            steps: tuple[Step, ...] = (Refuse(impossible[statement]),)
        else:
            steps = plan_statement(pair, _edits, situation)
        for step in steps:
            yield from _told(module, pair, step)
            changed.add(module.name, _changes(pair, step))


def _stale(module: Module, modules: Mapping[str, str], changed: _Changed, pair: Pair) -> frozenset[str]:
    """Return the names that a statement reads and whose value may change; imports are live bindings."""
    if pair.new.is_import:
        return frozenset()
    return pair.new.usage.reads & changed.of(module.name) | _through_modules(pair.new, modules, changed)


def _hindrance(pair: Pair) -> str:
    return "it runs only when the program starts" if pair.new.is_start_guard else ""


def _changes(pair: Pair, step: Step) -> frozenset[str]:
    """Return the names whose value a step may change."""
    if isinstance(step, RunStatement) and not step.quiet:
        return pair.new.usage.binds
    return frozenset([step.edit.new.name]) if isinstance(step, PatchCode) and step.run is not None else frozenset()


def _told(module: Module, pair: Pair, step: Step) -> Iterator[Change]:
    """Yield the lines for a step."""
    name, place = pair.new.name, Place(module.path, pair.new.first_line)
    match step:
        case RunStatement(action, names, quiet=False):
            yield Change(module.name, name, action, place, _because(names))
        case PatchCode(run=Action.RAN):
            yield Change(module.name, name, Action.RAN, place, "decorators run")
        case PatchCode(edit, stale, run) if run is not None or stale or edit.old.key != edit.new.key:
            yield Change(
                module.name,
                edit.new.name,
                run or Action.UPDATED,
                Place(module.path, edit.new.first_line),
                _because(stale),
            )
        case EditClass(edit, stale):
            yield from _class(module, edit, (), stale)
        case Annotate():
            yield Change(module.name, name, Action.UPDATED, place, "annotation")
        case Wait(reason):
            yield Change(module.name, name, Action.WAITS, place, reason)
        case Refuse(reason):
            yield Change(module.name, name, Action.REFUSED, place, reason)


def _because(names: frozenset[str]) -> str:
    return f"if {', '.join(sorted(names))} changes" if names else ""


def _removed(name: str, removed: frozenset[str], importers: Iterable[Module]) -> Iterator[Change]:
    """Yield the removals, with those who import the names only when their functions are called."""
    for each in sorted(removed):
        late = [importer.name for importer in importers if each in _imported_later(importer, name)]
        note = f"functions of {', '.join(late)} still import it" if late else ""
        yield Change(name, each, Action.REMOVED, note=note)


def _imported_later(importer: Module, provider: str) -> set[str]:
    return {
        alias.name
        for statement in importer.statements
        for node in ast.walk(statement.node)
        if isinstance(node, ast.ImportFrom) and node is not statement.node and _provider(node, importer) == provider
        for alias in node.names
    }


def _lost(statement: Statement, removed: frozenset[str]) -> frozenset[str]:
    """Return the removed names without which a statement certainly fails."""
    if statement.is_block or statement.is_import:
        return frozenset()
    return frozenset(name for name in statement.usage.reads & removed if not hasattr(builtins, name))


def _edits(pair: Pair) -> list[DefinitionEdit]:
    if pair.old is None or pair.kind == Kind.SAME:
        return []
    if pair.new.is_definition:
        return [definition_edit(pair.old, pair.new)]
    return inner_edits(pair)


def _class(module: Module, edit: ClassEdit, outer: tuple[str, ...], stale: frozenset[str]) -> Iterator[Change]:
    """Yield the lines for a class and its members."""
    path = (*outer, edit.new.name)
    full = ".".join(path)
    if edit.decorated or edit.bases:
        note = "bases" if edit.bases else "made again"
        yield Change(module.name, full, Action.UPDATED, Place(module.path, edit.new.first_line), note)
    old, new = (docstring(statement.node.body) for statement in (edit.old, edit.new))  # type: ignore[attr-defined]
    if old != new:
        yield Change(module.name, full, Action.UPDATED, Place(module.path, edit.new.first_line), "docstring")
    for removed in sorted(edit.body.removed_names):
        yield Change(module.name, f"{full}.{removed}", Action.REMOVED)
    runs = plan_body(edit, stale, frozenset()).runs
    for pair in edit.body.pairs:
        inner = edit.edits.get(pair.new)
        member, place = f"{full}.{pair.new.name}", Place(module.path, pair.new.first_line)
        if isinstance(inner, ClassEdit):
            yield from _class(module, inner, path, stale)
        elif isinstance(inner, FunctionEdit) and inner.decorated:
            yield Change(module.name, member, Action.RAN, place, "decorators run")
        elif inner is not None and inner.old.key != inner.new.key:
            yield Change(module.name, member, Action.UPDATED, place)
        elif is_docstring(pair.new.node):
            continue
        elif pair in runs and pair.kind in (Kind.NEW, Kind.EDITED):
            yield Change(module.name, member, Action.ADDED if pair.kind == Kind.NEW else Action.UPDATED, place)
        elif pair in runs:
            yield Change(module.name, member, Action.RERAN, place, _because(pair.new.usage.reads & stale))


# ---------------------------------------------------------------------- other modules


def _modules(module: Module) -> dict[str, str]:
    """Return the modules that names of a module stand for, by name."""
    found: dict[str, str] = {}
    for statement in module.statements:
        for alias in statement.node.names if isinstance(statement.node, ast.Import) else ():
            top = alias.name.partition(".")[0]
            found[alias.asname or top] = alias.name if alias.asname else top
    return found


def _rebound(importer: Module, node: ast.ImportFrom, place: Place, changed: _Changed) -> Iterator[Change]:
    provider = _provider(node, importer)
    known = changed.of(importer.name)
    for alias in node.names:
        bound = alias.asname or alias.name
        names = changed.of(provider) if alias.name == "*" else changed.of(provider) & {alias.name}
        for name in sorted(names):
            target = name if alias.name == "*" else bound
            if target not in known:
                changed.add(importer.name, [target])
                yield Change(importer.name, target, Action.REBOUND, place, f"from {provider}")


def _through_modules(statement: Statement, modules: Mapping[str, str], changed: _Changed) -> frozenset[str]:
    found = set()
    for name, *attributes in statement.usage.attributes:
        module = modules.get(name, "")
        for attribute in attributes if module else ():
            if attribute in changed.of(module):
                found.add(f"{module}.{attribute}")
            module = f"{module}.{attribute}"
    return frozenset(found)


def _missing_imports(importer: Module, provider: str, removed: frozenset[str]) -> Iterator[Change]:
    namespace = {"__package__": importer.package}
    for one in standing_imports(importer.statements, namespace, provider, removed):
        place = Place(importer.path, one.statement.first_line)
        yield Change(importer.name, one.qualname, Action.WAITS, place, one.note)


def _provider(node: ast.ImportFrom, importer: Module) -> str:
    return absolute_name("." * node.level + (node.module or ""), {"__package__": importer.package})

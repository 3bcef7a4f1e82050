"""What saving a file would do to a program that runs its old version, told from the sources alone.

No code of the project is executed, so whether a value really changes is not known: statements that would run again are
those that may. The engine itself decides by the values.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dyntransform.importing.roots import Roots
from dyntransform.reloading.model.reading import INVALID, read_source
from dyntransform.reloading.model.report import Action, Change, Place
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.definitions import (
    ClassEdit,
    DefinitionEdit,
    FunctionEdit,
    definition_edit,
    inner_edits,
)
from dyntransform.reloading.planning.pairing import Kind, Pair, Pairing, compare
from dyntransform.reloading.planning.removed_names import standing_imports
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
    name = _module_name(path)
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
    pairing = compare(before.statements, after.statements)
    importers = _importers(path, roots)
    steps = [step for importer in importers for step in _missing_imports(importer, name, pairing.removed_names)]
    steps = [*steps, *_removed(name, pairing.removed_names, importers), *_edited(name, str(path), pairing, changed)]
    while True:
        known = len(changed)
        for importer in importers:
            steps += _dependents(importer, changed)
        if len(changed) == known:
            return Plan(tuple(steps))


class _Changed:
    """Names whose value may change, by module."""

    def __init__(self) -> None:
        self._names: set[tuple[str, str]] = set()
        self.seen: set[Statement] = set()

    def __len__(self) -> int:
        return len(self._names)

    def add(self, module: str, names: Iterable[str]) -> None:
        self._names.update((module, name) for name in names)

    def of(self, module: str) -> frozenset[str]:
        return frozenset(name for owner, name in self._names if owner == module)


@dataclasses.dataclass(frozen=True)
class _Importer:
    name: str
    package: str
    path: str
    statements: Sequence[Statement]


def _edited(name: str, path: str, pairing: Pairing, changed: _Changed) -> Iterator[Change]:
    changed.add(name, pairing.removed_names)
    for index, pair in enumerate(pairing.pairs):
        place = Place(path, pair.new.first_line)
        edits = _edits(pair)
        reads = pair.new.usage.reads & changed.of(name)
        missing = sorted(_lost(pair.new, pairing.removed_names))
        if missing:
            yield Change(name, pair.new.name, Action.REFUSED, place, f"it reads {', '.join(missing)}, which is removed")
        elif pair.kind in (Kind.NEW, Kind.EDITED):
            yield _run(name, pair.new, place, Action.RAN)
            changed.add(name, pair.new.usage.binds)
        elif pair.kind == Kind.ANNOTATED:
            yield Change(name, pair.new.name, Action.UPDATED, place, "annotation")
        elif reads and not _keeps_its_value(pair.new):
            yield _again(name, pair.new, place, reads, pairing.pairs[:index])
            changed.add(name, pair.new.usage.binds)
        else:
            for edit in edits:
                yield from _definition(name, path, edit, ())
                if _runs_decorators(edit):
                    changed.add(name, [edit.new.name])


def _removed(name: str, removed: frozenset[str], importers: Iterable[_Importer]) -> Iterator[Change]:
    """Yield the removals, with those who import the names only when their functions are called."""
    for each in sorted(removed):
        late = [importer.name for importer in importers if each in _imported_later(importer, name)]
        note = f"functions of {', '.join(late)} still import it" if late else ""
        yield Change(name, each, Action.REMOVED, note=note)


def _imported_later(importer: _Importer, provider: str) -> set[str]:
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


def _definition(name: str, path: str, edit: DefinitionEdit, outer: tuple[str, ...]) -> Iterator[Change]:
    full = ".".join((*outer, edit.new.name))
    place = Place(path, edit.new.first_line)
    if isinstance(edit, FunctionEdit):
        if edit.old.key != edit.new.key:
            note = "decorators run" if edit.decorated else ""
            yield Change(name, full, Action.RAN if edit.decorated else Action.UPDATED, place, note)
        return
    if edit.decorated or edit.bases:
        yield Change(name, full, Action.UPDATED, place, "bases" if edit.bases else "made again")
    for removed in sorted(edit.body.removed_names):
        yield Change(name, f"{full}.{removed}", Action.REMOVED)
    for pair in edit.body.pairs:
        inner = edit.edits.get(pair.new)
        if inner is not None:
            yield from _definition(name, path, inner, (*outer, edit.new.name))
        elif pair.kind in (Kind.NEW, Kind.EDITED):
            action = Action.ADDED if pair.kind == Kind.NEW else Action.UPDATED
            yield Change(
                name, f"{full}.{pair.new.name}", action, Place(path, edit.new.first_line + _offset(edit, pair))
            )


def _offset(edit: ClassEdit, pair: Pair) -> int:
    return pair.new.first_line - edit.new.first_line


def _runs_decorators(edit: DefinitionEdit) -> bool:
    return isinstance(edit, FunctionEdit) and edit.decorated


def _keeps_its_value(statement: Statement) -> bool:
    """Imports are live bindings, and a definition is updated in place."""
    return _is_import(statement) or statement.is_definition


def _is_import(statement: Statement) -> bool:
    return isinstance(statement.node, (ast.Import, ast.ImportFrom))


def _run(name: str, statement: Statement, place: Place, action: Action) -> Change:
    if statement.is_start_guard:
        return Change(name, statement.name, Action.WAITS, place, "it runs only when the program starts")
    return Change(name, statement.name, action, place)


def _again(name: str, statement: Statement, place: Place, reads: frozenset[str], earlier: Sequence[Pair]) -> Change:
    bound = {each for pair in earlier if not _is_import(pair.new) for each in pair.new.usage.binds}
    unbound = statement.usage.updates - bound
    if unbound:
        note = f"it updates {', '.join(sorted(unbound))}, which is not bound in this module"
        return Change(name, statement.name, Action.REFUSED, place, note)
    note = f"if {', '.join(sorted(reads))} changes"
    change = _run(name, statement, place, Action.RERAN)
    return change if change.action is Action.WAITS else dataclasses.replace(change, note=note)


# ---------------------------------------------------------------------- other modules


def _dependents(importer: _Importer, changed: _Changed) -> Iterator[Change]:
    modules: dict[str, str] = {}
    earlier: list[Pair] = []
    for statement in importer.statements:
        node = statement.node
        place = Place(importer.path, statement.first_line)
        if isinstance(node, ast.ImportFrom):
            yield from _rebound(importer, node, place, changed)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                modules[alias.asname or top] = alias.name if alias.asname else top
        else:
            reads = statement.usage.reads & changed.of(importer.name)
            reads |= _through_modules(statement, modules, changed)
            if reads and statement not in changed.seen and not _keeps_its_value(statement):
                changed.seen.add(statement)
                yield _again(importer.name, statement, place, reads, earlier)
                changed.add(importer.name, statement.usage.binds)
        earlier.append(Pair(statement, statement, Kind.SAME))


def _rebound(importer: _Importer, node: ast.ImportFrom, place: Place, changed: _Changed) -> Iterator[Change]:
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


def _through_modules(statement: Statement, modules: dict[str, str], changed: _Changed) -> frozenset[str]:
    found = set()
    for name, *attributes in statement.usage.attributes:
        module = modules.get(name, "")
        for attribute in attributes if module else ():
            if attribute in changed.of(module):
                found.add(f"{module}.{attribute}")
            module = f"{module}.{attribute}"
    return frozenset(found)


def _missing_imports(importer: _Importer, provider: str, removed: frozenset[str]) -> Iterator[Change]:
    namespace = {"__package__": importer.package}
    for one in standing_imports(importer.statements, namespace, provider, removed):
        place = Place(importer.path, one.statement.first_line)
        yield Change(importer.name, one.qualname, Action.WAITS, place, one.note)


def _provider(node: ast.ImportFrom, importer: _Importer) -> str:
    return absolute_name("." * node.level + (node.module or ""), {"__package__": importer.package})


def _importers(path: Path, roots: Roots) -> list[_Importer]:
    """Return the other modules that an edit may reach; those that cannot be parsed are not running either."""
    found = []
    for root in roots.paths:
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if roots.owns(os.path.join(folder, name, "x.py"))]
            for file in sorted(files):
                other = Path(folder, file)
                if _is_module(file, files) and roots.owns(str(other)) and not other.samefile(path):
                    importer = _importer(other)
                    if importer is not None:
                        found.append(importer)
    return found


def _is_module(file: str, files: Sequence[str]) -> bool:
    """Whether a file is loaded by an import: source, or compiled code without source beside it."""
    return file.endswith(".py") or (file.endswith(".pyc") and file[:-1] not in files)


def _importer(path: Path) -> _Importer | None:
    try:
        data = path.read_bytes()
        source = read_source(data, str(path), Options())
    except (*INVALID, OSError):
        return None
    if opts_out(data):
        return None
    name = _module_name(path)
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    return _Importer(name, package, str(path), source.statements)


def _module_name(path: Path) -> str:
    """Return the name under which packages around the file make it importable."""
    file = path.resolve()
    parts = [] if file.stem == "__init__" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").exists() or (folder / "__init__.pyc").exists():
        parts.append(folder.name)
        folder = folder.parent
    return ".".join(reversed(parts)) or file.parent.name

"""Hypothesis strategies for projects and sequences of edits."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import strategies as st
from reloading.expressions import Pen, Scope
from reloading.faults import Fault, draw_fault
from reloading.members import REQUIRED, draw_member
from reloading.projects import Module, Names, Project, Statement, imported, own
from reloading.statements import KINDS, draw_statement

__all__ = ["Sequence", "sequences", "sequences_with_faults"]

PREAMBLE = Statement(
    "preamble",
    0,
    "import dataclasses, enum, functools",
    tuple((name, "library") for name in ("dataclasses", "enum", "functools")),
)
MODULE_NAMES = ("alpha", "pack.beta", "pack", "gamma")


@dataclasses.dataclass(frozen=True)
class Sequence:
    """The versions of a project, one after the other."""

    versions: tuple[Project | Fault, ...]
    notes: tuple[str, ...]

    @property
    def projects(self) -> list[Project]:
        """The projects, those that cannot be loaded too."""
        return [version.project if isinstance(version, Fault) else version for version in self.versions]

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        registered = {name for project in self.projects for name in project.registered()}
        return {
            "registered": sorted(registered),
            "versions": [
                {
                    "files": project.files,
                    "modules": [module.name for module in project.modules],
                    "identities": project.identities(),
                    "fault": {"error": version.error, "path": version.path} if isinstance(version, Fault) else None,
                }
                for version, project in zip(self.versions, self.projects, strict=True)
            ],
        }

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - the protocol
        printer.text(str(self))

    def __str__(self) -> str:
        text = []
        before: dict[str, str] = {}
        for index, version in enumerate(self.projects):
            note = f": {self.notes[index - 1]}" if index else ""
            text.append(f"\n===== version {index}{note}")
            text += [f"-- {path} --\n{source}" for path, source in version.files.items() if before.get(path) != source]
            before = version.files
        return "\n".join(text)


def scope_at(project: Project, module: int, position: int) -> Scope:
    """Return what a statement at a place may use."""
    known = project.names
    assert known is not None
    names: Names = {}
    mine: set[str] = set()
    for statement in project.modules[module].statements[:position]:
        bound = (imported(statement, known) or {}) if statement.source else dict(own(statement))
        names |= bound
        mine = mine - bound.keys() if statement.source else mine | bound.keys()
    earlier = tuple(each.name for each in project.modules[:module])
    return Scope(names, frozenset(mine), known[project.modules[module].name], known, earlier)


def _draw_import(pen: Pen, project: Project, module: int) -> Statement | None:
    """Draw an import of an earlier module."""
    known = project.names
    assert known is not None
    if module == 0:
        return None
    provider = pen.one_of([each.name for each in project.modules[:module]])
    usable = [
        name
        for name, bound in known[provider].items()
        if bound.kind != "library" and not bound.kind.startswith("module ")
    ]
    form = pen.one_of(["name", "alias", "module", "star"])
    relative = project.modules[module].package and provider.startswith("pack.") and pen.maybe()
    written = provider.removeprefix("pack") if relative else provider
    number = pen.number()
    if form == "star":
        return Statement("star", number, f"from {written} import *", source=provider)
    if form == "module" or not usable:
        local = pen.name("mod")
        return Statement("module", number, f"import {provider} as {local}", ((local, ""),), source=provider)
    name = pen.one_of(usable)
    local = pen.name("z") if form == "alias" else name
    text = f"from {written} import {name}" + (f" as {local}" if local != name else "")
    return Statement("from", number, text, ((local, name),), source=provider)


def _insert(pen: Pen, project: Project, module: int, position: int, kind: str) -> Project | None:
    statement: Statement | None
    if kind == "import":
        statement = _draw_import(pen, project, module)
    else:
        statement = draw_statement(pen, scope_at(project, module, position), kind)
    if statement is None:
        return None
    statements = project.modules[module].statements
    return project.with_module(module, (*statements[:position], statement, *statements[position:]))


def _checked(before: Project, after: Project | None) -> Project:
    return before if after is None or after.names is None else after


def draw_project(pen: Pen, without: tuple[str, ...] = ()) -> Project:
    """Draw a project, without statements of some kinds."""
    kinds = [kind for kind in KINDS if kind not in without]
    count = pen.integer(2, len(MODULE_NAMES))
    chosen = MODULE_NAMES[:count] if count > 2 else ("alpha", "gamma")
    project = Project(tuple(Module(name, (PREAMBLE,), name == "pack") for name in chosen))
    for index in range(len(chosen)):
        for _ in range(pen.integer(2, 6)):
            position = len(project.modules[index].statements)
            kind = pen.one_of([*kinds, "import", "import", "import"] if index else kinds)
            project = _checked(project, _insert(pen, project, index, position, kind))
    return project


# ---------------------------------------------------------------- edits


def _place(pen: Pen, project: Project) -> tuple[int, int] | None:
    places = [
        (index, position)
        for index, module in enumerate(project.modules)
        for position in range(1, len(module.statements))
    ]
    return pen.one_of(places) if places else None


def _replaced(project: Project, place: tuple[int, int], *new: Statement) -> Project:
    module, position = place
    statements = project.modules[module].statements
    return project.with_module(module, (*statements[:position], *new, *statements[position + 1 :]))


def change(pen: Pen, project: Project) -> Project | None:
    """Draw a statement anew, or a part of a class."""
    place = _place(pen, project)
    if place is None:
        return None
    old = project.modules[place[0]].statements[place[1]]
    if old.source or old.kind == "register":  # functions are not registered anew when their decorator changed
        return None
    scope = scope_at(project, *place)
    if not old.body:
        return _replaced(project, place, draw_statement(pen, scope, old.kind, old))
    return _replaced(project, place, _changed_class(pen, scope, old))


def _changed_class(pen: Pen, scope: Scope, old: Statement) -> Statement:
    body = list(old.body)
    action = pen.integer(0, 4)
    index = pen.integer(0, len(body) - 1)
    if action <= 1:
        body[index] = draw_member(pen, scope, old, body[index])
    elif action == 2:
        body.append(draw_member(pen, scope, old))
    elif action == 3 and index >= REQUIRED:
        del body[index]
    elif action == 4:
        fresh = draw_statement(pen, scope, old.kind, old)
        return dataclasses.replace(old, text=fresh.text, needs=fresh.needs)
    return dataclasses.replace(old, body=tuple(body))


def add(pen: Pen, project: Project) -> Project | None:
    """Add a statement."""
    module = pen.integer(0, len(project.modules) - 1)
    position = pen.integer(1, len(project.modules[module].statements))
    return _insert(pen, project, module, position, pen.one_of([*KINDS, "import", "import"]))


def remove(pen: Pen, project: Project) -> Project | None:
    """Remove a statement."""
    place = _place(pen, project)
    return _replaced(project, place) if place is not None else None


def move(pen: Pen, project: Project) -> Project | None:
    """Move a statement inside its module, past others that have nothing to do with it."""
    place = _place(pen, project)
    if place is None:
        return None
    module, position = place
    statements = list(project.modules[module].statements)
    moved = statements.pop(position)
    target = pen.integer(1, len(statements))
    low, high = sorted((position, target))
    if any(_related(moved, other) for other in statements[low:high]):
        return None
    statements.insert(target, moved)
    return project.with_module(module, tuple(statements))


def _related(one: Statement, other: Statement) -> bool:
    if "star" in (one.kind, other.kind):
        return True
    changed_by_one = {name for name, _ in one.binds} | set(one.updates)
    changed_by_other = {name for name, _ in other.binds} | set(other.updates)
    read_by_one = {name.partition(".")[0] for name, _ in one.reads}
    read_by_other = {name.partition(".")[0] for name, _ in other.reads}
    return bool(changed_by_one & (changed_by_other | read_by_other) or changed_by_other & read_by_one)


def rename(pen: Pen, project: Project) -> Project | None:
    """Rename a definition or value in the whole project."""
    place = _place(pen, project)
    if place is None:
        return None
    old = project.modules[place[0]].statements[place[1]]
    if old.source or not old.name:
        return None
    return project.renamed(old.name, pen.name(old.name.rstrip("0123456789")))


def remark(pen: Pen, project: Project) -> Project | None:
    """Change comments and blank lines in front of a statement."""
    place = _place(pen, project)
    if place is None:
        return None
    old = project.modules[place[0]].statements[place[1]]
    text = pen.one_of(["", "# a comment\n", "\n\n# two\n# lines\n"])
    return _replaced(project, place, dataclasses.replace(old, remark=text))


EDITS = [change, change, change, add, remove, move, rename, remark]


def _with_new_lists(pen: Pen, before: Project, after: Project) -> Project:
    """Draw lists anew of which other updates are made now: an edited ``L.append(1)`` alone would be made on top."""
    updated = {module.name: _updates(module) for module in before.modules}
    for index, module in enumerate(after.modules):
        for position, statement in enumerate(module.statements):
            known = updated.get(module.name, {}).get(statement.name, [])
            if statement.kind == "list" and _updates(module).get(statement.name, []) != known:
                new = draw_statement(pen, scope_at(after, index, position), "list", statement)
                after = _replaced(after, (index, position), new)
    return after


def _updates(module: Module) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for statement in module.statements:
        for name in statement.updates:
            found.setdefault(name, []).append(statement.text)
    return found


def draw_edit(pen: Pen, before: Project, most: int) -> tuple[Project, str]:
    """Draw some changes of a project, and tell which."""
    project, done = before, []
    for _ in range(pen.integer(1, most)):
        edit = pen.one_of(EDITS)
        changed = _checked(project, edit(pen, project))
        changed = _with_new_lists(pen, project, changed)
        if changed is not project:
            done.append(edit.__name__)
        project = changed
    return project, ", ".join(done)


@st.composite
def sequences(draw: st.DrawFn, most_edits: int = 5) -> Sequence:
    """Draw a project and edits of it."""
    pen = Pen(draw)
    versions, notes = [draw_project(pen)], []
    for _ in range(pen.integer(1, most_edits)):
        version, note = draw_edit(pen, versions[-1], 3)
        versions.append(version)
        notes.append(note)
    return Sequence(tuple(versions), tuple(notes))


@st.composite
def sequences_with_faults(draw: st.DrawFn, most_faults: int = 3) -> Sequence:
    """Draw a project and edits of it, with at least one that must fail before each good one."""
    pen = Pen(draw)
    good = draw_project(pen, without=("register",))  # what is registered cannot be taken back
    versions: list[Project | Fault] = [good]
    notes = []
    for _ in range(pen.integer(1, most_faults)):
        draft, note = draw_edit(pen, good, 3)
        versions.append(draw_fault(pen, draft))
        notes.append(f"fault, {note}")
        if pen.maybe():
            good, note = draw_edit(pen, draft if pen.maybe() else good, 1)
            versions.append(good)
            notes.append(note)
    return Sequence(tuple(versions), tuple(notes))

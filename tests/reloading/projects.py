"""The model of a small project: its modules as statements, what they bind, and what each of them needs."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

__all__ = ["Bound", "Module", "Project", "Statement"]


@dataclasses.dataclass(frozen=True)
class Bound:
    """What a name holds.

    Attributes:
        kind: what can be done with it: "int", "function", "class", "module" ...
        number: of the statement that made it; functions call only what has a lower one, so no calls go in a circle.
    """

    kind: str
    number: int


@dataclasses.dataclass(frozen=True)
class Statement:
    """A statement of a module, or of a class body.

    Attributes:
        kind: which strategy drew it.
        number: stays the same while the statement is edited, moved and renamed.
        text: without the comments in front and the statements of its body.
        binds: names and their kinds; the first is the one that edits are about.
        needs: names it reads when it is executed, each with its kind; an attribute of a module as ``local.name``,
            what an import inside a class takes as ``module:name``.
        updates: names of objects it changes.
        body: of a class.
        remark: comment lines and blank lines in front.
        decorators: lines in front of a definition.
        source: the module that an import names.
    """

    kind: str
    number: int
    text: str
    binds: tuple[tuple[str, str], ...] = ()
    needs: frozenset[tuple[str, str]] = frozenset()
    updates: tuple[str, ...] = ()
    body: tuple[Statement, ...] = ()
    remark: str = ""
    decorators: tuple[str, ...] = ()
    source: str = ""

    @property
    def name(self) -> str:
        """The name that it is there for; empty if it binds none."""
        return self.binds[0][0] if self.binds else ""

    @property
    def code(self) -> str:
        """Its lines."""
        lines = [*self.remark.splitlines(), *self.decorators, *self.text.splitlines()]
        for part in self.body:
            lines += [f"    {line}".rstrip() for line in part.code.splitlines()]
        return "".join(f"{line}\n" for line in lines)

    @property
    def reads(self) -> set[tuple[str, str]]:
        """What it and its body need from the module."""
        found, own = set(self.needs), set[str]()
        for part in self.body:
            found |= {need for need in part.reads if need[0] not in own}
            own |= {name for name, _ in part.binds}
        return found

    @property
    def identity(self) -> str:
        """What makes the definition the one it is."""
        layout = "(" in self.text if self.kind == "class" else ""  # with a base it is laid out in another way
        if "slots" in "".join(self.decorators):
            layout = " ".join(part.name for part in self.body if part.kind in ("first", "field"))
        return f"{self.kind} {self.number} {layout} {' '.join(self.decorators)}"

    def renamed(self, old: str, new: str) -> Statement:
        """Return it with another name wherever the old one stands; names are unique in a project."""

        def change(text: str) -> str:
            return re.sub(rf"\b{old}\b", new, text)

        return dataclasses.replace(
            self,
            text=change(self.text),
            binds=tuple((change(name), kind) for name, kind in self.binds),
            needs=frozenset((change(name), kind) for name, kind in self.needs),
            updates=tuple(map(change, self.updates)),
            body=tuple(part.renamed(old, new) for part in self.body),
            decorators=tuple(map(change, self.decorators)),
        )


@dataclasses.dataclass(frozen=True)
class Module:
    """A module: its dotted name and its statements."""

    name: str
    statements: tuple[Statement, ...]
    package: bool = False

    @property
    def path(self) -> str:
        """Its file, below the root."""
        return self.name.replace(".", "/") + ("/__init__.py" if self.package else ".py")

    @property
    def text(self) -> str:
        """Its source."""
        return "".join(statement.code for statement in self.statements)


DEFINITIONS = {"function", "decorator", "factory", "class", "record", "enum"}
"""Kinds that are updated in place; others make new values when they run again."""

Names = dict[str, Bound]


@dataclasses.dataclass(frozen=True)
class Project:
    """Modules, in an order in which each imports only earlier ones while it is executed."""

    modules: tuple[Module, ...]

    @property
    def files(self) -> dict[str, str]:
        """Its files."""
        return {module.path: module.text for module in self.modules}

    @property
    def names(self) -> dict[str, Names] | None:
        """What each module binds in the end; None if a statement needs what is not there when it is executed."""
        known: dict[str, Names] = {}
        for module in self.modules:
            names: Names = {}
            for statement in module.statements:
                bound = imported(statement, known) if statement.source else dict(own(statement))
                if bound is None or not all(meets(names, known, need) for need in statement.reads):
                    return None
                names.update(bound)
            known[module.name] = names
        return known

    def with_module(self, index: int, statements: tuple[Statement, ...]) -> Project:
        """Return it with other statements in a module."""
        module = dataclasses.replace(self.modules[index], statements=statements)
        return Project((*self.modules[:index], module, *self.modules[index + 1 :]))

    def renamed(self, old: str, new: str) -> Project:
        """Return it with another name wherever the old one stands."""
        return Project(
            tuple(
                dataclasses.replace(
                    module, statements=tuple(statement.renamed(old, new) for statement in module.statements)
                )
                for module in self.modules
            )
        )

    def identities(self) -> dict[str, str]:
        """Return what makes each definition the one it is; references to it stay good as long as that stays."""
        found: dict[str, str] = {}
        for module in self.modules:
            for statement in module.statements:
                if statement.kind in DEFINITIONS:
                    path = f"{module.name}:{statement.name}"
                    found[path] = statement.identity
                    parts = (part for part in statement.body if part.kind != "branches")  # which one is not known
                    found |= {f"{path}.{part.name}": part.identity for part in parts}
        return found

    def registered(self) -> set[str]:
        """Return the names of functions in registries."""
        return {
            statement.name
            for module in self.modules
            for statement in module.statements
            if any(kind == "register" for _, kind in statement.needs)
        }


def own(statement: Statement) -> Iterator[tuple[str, Bound]]:
    """Yield what a statement that is no import binds."""
    for name, kind in own_kinds(statement):
        yield name, Bound(kind, statement.number)


def own_kinds(statement: Statement) -> tuple[tuple[str, str], ...]:
    """Return what a statement that is no import binds."""
    return () if statement.source else statement.binds


def imported(statement: Statement, known: dict[str, Names]) -> Names | None:
    """Return what an import binds; None if it would fail. ``binds`` holds pairs of local name and attribute."""
    provider = known.get(statement.source)
    if provider is None:
        return None
    if statement.kind == "star":
        return {name: bound for name, bound in provider.items() if not name.startswith("_")}
    if statement.kind == "module":
        return {statement.name: Bound(f"module {statement.source}", 0)}
    if not all(attribute in provider for _, attribute in statement.binds):
        return None
    return {local: provider[attribute] for local, attribute in statement.binds}


def meets(names: Names, known: dict[str, Names], need: tuple[str, str]) -> bool:
    """Whether a name, or an attribute of a module, is there and of the right kind."""
    name, kind = need
    provider, _, imported_name = name.rpartition(":")
    head, _, attribute = name.rpartition(".")
    if provider:
        bound = known.get(provider, {}).get(imported_name)
    elif head:
        module = names.get(head)
        if module is None or not module.kind.startswith("module "):
            return False
        bound = known[module.kind.removeprefix("module ")].get(attribute)
    else:
        bound = names.get(name)
    return bound is not None and bound.kind == kind

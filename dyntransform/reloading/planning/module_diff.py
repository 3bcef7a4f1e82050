"""One module of an edit: its two versions, compared and compiled."""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from importlib.machinery import ModuleSpec
from types import CodeType
from typing import Any, Protocol

from dyntransform.reloading.model.code_tree import (
    GENERIC,
    CodeNode,
    Patch,
    child_codes,
    merge,
    module_code,
    shift,
    statement_nodes,
)
from dyntransform.reloading.model.source import Source
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.definitions import ClassEdit, DefinitionEdit, definition_edit, inner_edits
from dyntransform.reloading.planning.import_reach import imports, sources
from dyntransform.reloading.planning.pairing import Kind, Pair, Pairing, compare
from dyntransform.reloading.project.module import ModuleState
from dyntransform.runtime.names import absolute_name

__all__ = ["ModuleEdit", "Running", "definition_node"]


class Running(Protocol):
    """What planning has to know of the running program, which it does not look at itself."""

    def line_of(self, namespace: dict[str, Any]) -> int | None:
        """Return the line that the top level of a module is at; None if it is not being executed."""

    def is_run(self, code: CodeType, namespace: dict[str, Any], trees: Iterator[CodeType]) -> bool:
        """Whether functions run some code.

        Args:
            code: the code.
            namespace: globals of its module.
            trees: what holds the code of the module's functions among its constants.
        """


@dataclasses.dataclass(eq=False)
class ModuleEdit:
    """What an edit does to one module.

    Attributes:
        state: the module as it runs.
        program: the running program.
        edited: its file changed.
        spec: where the new version was found, if that is another file.
        compiled: what executes a statement.
        origins: the statement of each patch that is not only moved, by id of its node.
        patches: new code for live functions.
    """

    state: ModuleState
    program: Running
    edited: bool
    _read: Callable[[], Source]
    _read_old: Callable[[], Source] | None = None
    spec: ModuleSpec | None = None
    compiled: dict[Statement, CodeType] = dataclasses.field(default_factory=dict)
    origins: dict[int, Pair] = dataclasses.field(default_factory=dict)
    patches: list[Patch] = dataclasses.field(default_factory=list)
    _edits: dict[Statement, list[DefinitionEdit]] = dataclasses.field(default_factory=dict)

    @classmethod
    def of_edit(
        cls, state: ModuleState, program: Running, old: Source, new: Source, spec: ModuleSpec | None = None
    ) -> ModuleEdit:
        """Compare and compile the two versions of a file.

        Args:
            state: the module as it runs.
            program: the running program.
            old: its source.
            new: the source to be run.
            spec: where that was found, if it is another file.

        Raises:
            SyntaxError, ValueError: the new version cannot be compiled.
        """
        edit = cls(state, program, True, lambda: new, lambda: old, spec)  # noqa: FBT003 - a field
        for pair in edit.pairing.pairs:
            if not pair.same_text:
                edit.edits_of(pair)  # before compiling changes the trees
        assert edit.codes is not None  # compiled here, so that what is wrong is said before anything is done
        return edit

    @classmethod
    def of_dependent(cls, state: ModuleState, program: Running, read: Callable[[], Source]) -> ModuleEdit:
        """Take in a module whose file did not change.

        Args:
            state: the module as it runs.
            program: the running program.
            read: gives its source; most dependent modules only get names bound again, and are not parsed for that.
        """
        return cls(state, program, False, read)  # noqa: FBT003 - a field

    @functools.cached_property
    def source(self) -> Source:
        """The new version; the running one for a module that only depends on edited ones."""
        return self._read()

    @functools.cached_property
    def old_source(self) -> Source:
        """The version that runs."""
        return self._read_old() if self._read_old is not None else self.source

    @property
    def is_read(self) -> bool:
        """Whether its source was asked for."""
        return self.edited or "source" in self.__dict__

    def may_read(self, names: set[str], attributes: set[str]) -> bool:
        """Whether its statements may read some names, or take some attributes, when they are executed.

        The source tells for certain; this is to find out whether to read it.
        """
        if self.is_read or self.state.loads is None:
            return True
        return not (self.state.loads.names.isdisjoint(names) and self.state.loads.attributes.isdisjoint(attributes))

    @property
    def name(self) -> str:
        """Dotted name of the module."""
        return self.state.name

    @property
    def path(self) -> str:
        """The file of its new version."""
        return self.source.path if self.edited else self.state.path

    @property
    def namespace(self) -> dict[str, Any]:
        """Globals of the module."""
        return self.state.namespace

    @functools.cached_property
    def pairing(self) -> Pairing:
        """The statements of both versions."""
        if self.edited:
            return compare(self.old_statements, self.source.statements)
        return Pairing(tuple(Pair(statement, statement, Kind.SAME) for statement in self.source.statements), ())

    @functools.cached_property
    def codes(self) -> list[list[CodeNode]]:
        """Code objects of each statement of the new version, in their order."""
        return [self._codes(pair) for pair in self.pairing.pairs]

    @functools.cached_property
    def old_codes(self) -> dict[Statement, list[CodeNode]]:
        """Code objects of each statement of the version that runs."""
        return dict(zip(self.old_statements, self.state.codes_of(self.old_source), strict=True))

    @functools.cached_property
    def running(self) -> int | None:
        """Index of the statement of the old version that the module is executing now; None if it is not."""
        line = self.program.line_of(self.namespace)
        if line is None:
            return None
        return next((index for index, one in enumerate(self.old_statements) if one.last_line >= line), None)

    @property
    def old_statements(self) -> list[Statement]:
        """The statements of the version that runs, in order."""
        return self.old_source.statements

    @property
    def is_as_it_was(self) -> bool:
        """Whether it is a dependent module of which no statement was executed."""
        return not self.edited and not self.compiled

    def edits_of(self, pair: Pair) -> list[DefinitionEdit]:
        """Return the edits of the definition that a statement is, or of those in a block; none for other statements."""
        edits = self._edits.get(pair.new)
        if edits is None:
            if pair.old is not None and pair.new.is_definition:
                edits = [definition_edit(pair.old, pair.new)]
            elif pair.kind in (Kind.BLOCK, Kind.SAME) and pair.new.is_block:
                edits = inner_edits(pair)
            else:
                edits = []
            self._edits[pair.new] = edits
        return edits

    def _codes(self, pair: Pair) -> list[CodeNode]:
        nodes = self.old_codes[pair.old] if pair.old is not None else []
        if pair.same_text and pair.old is not None:
            lines = pair.new.first_line - pair.old.first_line
            moved = lines or self.spec is not None
            return [shift(node, lines, self.source.filename, self.patches) for node in nodes] if moved else nodes
        known = len(self.patches)
        merged = self._compile(pair, nodes)
        self.origins.update((id(patch.node), pair) for patch in self.patches[known:])
        return merged

    def _compile(self, pair: Pair, nodes: list[CodeNode]) -> list[CodeNode]:
        """Compile a statement; variables that live closures have and the new code does not need are kept in it."""
        statement = pair.new
        lines = dict(_lines(self.edits_of(pair)))
        code = self.source.compile([statement.node])
        new = statement_nodes(child_codes(code))
        patches: list[Patch] = []
        merged = merge(nodes, new, patches, lines)
        if self.source.pad(statement, [patch for patch in patches if patch.loses and self._is_live(patch)]):
            code = self.source.compile([statement.node])
            new = statement_nodes(child_codes(code))
            patches = []
            merged = merge(nodes, new, patches, lines)
        self.patches += patches
        self.compiled[statement] = module_code(code, new, merged)
        return merged

    def _is_live(self, patch: Patch) -> bool:
        """Whether functions run the old code of a patch."""
        return self.program.is_run(patch.old, self.namespace, self.old_trees())

    def code(self, statement: Statement) -> CodeType:
        """Return what executes a top-level statement; functions it makes get the code that live ones have."""
        code = self.compiled.get(statement)
        if code is None:
            index = self.source.statements.index(statement)
            code = self.source.compile([statement.node])
            new = statement_nodes(child_codes(code))
            merged = merge(self.codes[index], new, [], {})
            self.codes[index] = merged
            self.compiled[statement] = code = module_code(code, new, merged)
        return code

    def old_trees(self) -> Iterator[CodeType]:
        """Yield the code that holds the code of the old version's functions among its constants."""
        yield self.state.loaded.compiled.code
        for nodes in self.old_codes.values():
            for node in nodes:
                yield node.code

    @property
    def calls(self) -> bool:
        """Whether new or edited statements call or import something when they run."""
        return self.edited and any(
            pair.kind in (Kind.NEW, Kind.EDITED) and pair.new.usage.calls for pair in self.pairing.pairs
        )

    def new_imports(self) -> frozenset[str]:
        """Return the modules that new or edited statements import, or take names from."""
        pairs = [pair for pair in self.pairing.pairs if pair.kind in (Kind.NEW, Kind.EDITED)] if self.edited else []
        nodes = [pair.new.node for pair in pairs if pair.new.usage.calls]
        found = {
            one for node in nodes for module in imports(ast.walk(node), self.namespace) for one in sources(*module)
        }
        return frozenset(found - {self.name})

    def dropped_imports(self) -> frozenset[str]:
        """Return the modules that the version that runs imports, or may import from, and the new one does not."""
        before, after = (
            {
                (absolute_name(module, self.namespace), name)
                for one in source.statements
                for module, name, _ in one.imports
            }
            for source in (self.old_source, self.source)
        )
        kept = {one for module, name in after for one in (module, f"{module}.{name}")}
        return frozenset(one for module, name in before - after for one in (module, f"{module}.{name}")) - kept

    @property
    def late(self) -> frozenset[tuple[str, str]]:
        """What functions of the new version look up late, by absolute name of the module."""
        return frozenset((absolute_name(module, self.namespace), name) for module, name in self.source.lookups)

    def codes_of(self, statement: Statement) -> list[CodeNode]:
        """Return the code objects of a statement of the new version."""
        return self.codes[self.source.statements.index(statement)]

    def may_run(self, pair: Pair) -> str:
        """Return why a statement must not be executed now; empty if it may."""
        if pair.new.is_start_guard:
            return "it runs only when the program starts"
        if self.running is None:
            return ""
        position = self._position(pair)
        if position >= self.running:
            return "the module's top level is running now, with the old code"
        return ""

    def _position(self, pair: Pair) -> int:
        """Return where in the old version a statement stands; for a new one, where it was put in."""
        if pair.old is not None:
            return self.old_statements.index(pair.old)
        before = 0
        for other in self.pairing.pairs:
            if other is pair:
                break
            if other.old is not None:
                before = self.old_statements.index(other.old) + 1
        return before


def _lines(edits: Iterable[DefinitionEdit]) -> Iterator[tuple[int, int]]:
    """Yield where the definitions in classes begin, and where they began."""
    for edit in edits:
        if isinstance(edit, ClassEdit):
            for pair in edit.body.pairs:
                if pair.old is not None and pair.new.is_definition:
                    yield pair.new.first_line, pair.old.first_line
            yield from _lines(edit.edits.values())


def definition_node(nodes: list[CodeNode], name: str) -> CodeNode | None:
    """Return the last code of that name, looking through the scope of type parameters (PEP 695)."""
    for node in reversed(nodes):
        if node.code.co_name == name:
            return node
        if node.code.co_name == f"{GENERIC}{name}>":
            return definition_node(node.children, name)
    return None

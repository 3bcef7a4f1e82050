"""Edit a class in place: the same object gets the members of the new version."""

from __future__ import annotations

import _abc
import abc
import ast
import enum
import gc
from collections.abc import Callable, Iterator
from types import CellType, CodeType, FunctionType, GenericAlias
from typing import TYPE_CHECKING, Any

from dyntransform.reloading import enums, heap, slots, twins
from dyntransform.reloading.codes import CodeNode, child_codes
from dyntransform.reloading.definitions import ClassEdit, FunctionEdit
from dyntransform.reloading.diff import Kind, Pair
from dyntransform.reloading.module_edit import ModuleEdit, definition_node
from dyntransform.reloading.report import Action
from dyntransform.reloading.source import Statement
from dyntransform.reloading.transaction import MISSING
from dyntransform.reloading.values import same_value

if TYPE_CHECKING:
    from dyntransform.reloading.edit import Edit

__all__ = ["ClassWork"]

_MADE_BY_TYPE = {"__dict__", "__weakref__", "__module__", "__qualname__", "__abstractmethods__", "_abc_impl"}
"""Entries of a class namespace that belong to one class object."""


class ClassWork:
    """The edit of one live class.

    Args:
        edit: the edit this belongs to.
        module: the module.
        index: position of the top-level statement.
        change: how the class statement changed.
        cls: the live class.
        path: names from the module to the class.
    """

    def __init__(
        self, edit: Edit, module: ModuleEdit, index: int, change: ClassEdit, cls: type, path: tuple[str, ...]
    ) -> None:
        self._edit = edit
        self._module = module
        self._index = index
        self._change = change
        self._cls = cls
        self._path = path
        self._transaction = edit.transaction
        self._touched_members = False

    @property
    def _name(self) -> str:
        return ".".join(self._path)

    def apply(self, *, touched: bool) -> None:
        """Make the class what the new statement says.

        Args:
            touched: the statement reads a value that changed.
        """
        stale = self._edit.stale_names(self._module, self._change.new, self._index) if touched else frozenset()
        node = self._change.new.node
        assert isinstance(node, ast.ClassDef)
        header = [*node.decorator_list, *(keyword.value for keyword in node.keywords)]
        runs = self._statements_to_run(stale)
        bases_stale = any(_reads(base, stale) for base in node.bases)
        if (
            self._change.decorated
            or any(_reads(part, stale) for part in header)
            or self._needs_rebuild(runs)
            or ((self._change.bases or bases_stale) and not self._rebase(node))
        ):
            self._rebuild()
        else:
            self._functions(stale)
            self._members(runs)
            self._nested(touched=touched)
        if self._touched_members:
            self._after()

    # ------------------------------------------------------------------ which statements run

    def _statements_to_run(self, stale: frozenset[str]) -> list[Pair]:
        """Return the statements of the body to execute: edited ones, and what reads a value that changed."""
        runs: list[Pair] = []
        changed: set[str] = set()
        final_old: dict[str, Statement] = {}
        for pair in self._change.body.pairs:
            if pair.old is not None:
                final_old.update(dict.fromkeys(pair.old.usage.binds, pair.old))
        for statement in self._change.body.removed:
            for name in statement.usage.binds:
                known = final_old.get(name)
                if known is None or known.first_line < statement.first_line:
                    final_old[name] = statement
        final_new = {name: pair for pair in self._change.body.pairs for name in pair.new.usage.binds}
        for pair in self._change.body.pairs:
            usage = pair.new.usage
            change = self._change.edits.get(pair.new)
            lost = any(
                final_new[name] is pair and pair.old is not None and final_old.get(name) is not pair.old
                for name in usage.binds
            )
            reads = usage.reads & (changed | stale)
            if isinstance(change, FunctionEdit) and not lost:
                node = change.new.node
                decorators = getattr(node, "decorator_list", [])
                wanted = change.decorated or any(_reads(part, frozenset(reads)) for part in decorators)
            elif change is not None and not lost:
                wanted = False
            else:
                wanted = lost or bool(reads) or pair.kind in (Kind.NEW, Kind.EDITED)
                if pair.kind == Kind.NEW and _is_docstring(pair.new.node):
                    wanted = False
            if wanted:
                runs.append(pair)
                changed |= usage.binds
        return runs

    def _needs_rebuild(self, runs: list[Pair]) -> bool:
        """Whether what made the class looks at its body: then it has to be made again."""
        touched = {name for pair in runs for name in pair.new.usage.binds} | self._removed()
        if "__slots__" in touched:
            return True
        annotated = [pair.new for pair in runs if isinstance(pair.new.node, ast.AnnAssign)]
        annotated += [statement for statement in self._change.body.removed if isinstance(statement.node, ast.AnnAssign)]
        others = [
            statement
            for statement in (*(pair.new for pair in runs), *self._change.body.removed)
            if not statement.is_definition and not _is_docstring(statement.node)
        ]
        if not touched and not annotated:
            return False
        if isinstance(self._cls, enum.EnumMeta):
            return bool(others)
        if getattr(self._cls, "_is_protocol", False):
            return True
        if type(self._cls) not in (type, abc.ABCMeta):
            return bool(others)
        if issubclass(self._cls, tuple) and hasattr(self._cls, "_fields"):
            return bool(annotated)
        node = self._change.new.node
        return bool(getattr(node, "decorator_list", ())) and (
            bool(others) or any(name.startswith("__") for name in touched)
        )

    def _removed(self) -> set[str]:
        return {name for name in self._change.body.removed_names if name in vars(self._cls)}

    # ------------------------------------------------------------------ members

    def _functions(self, stale: frozenset[str]) -> None:
        """Evaluate changed defaults and annotations of methods."""
        for statement, change in self._change.edits.items():
            if not isinstance(change, FunctionEdit) or change.decorated:
                continue
            if not change.header and not statement.usage.reads & stale:
                continue
            old = self._old_node(change.old.name)
            made = self._execute([_Part(statement, undecorated=True)]).get(mangled(change.new.name, self._path[-1]))
            if old is not None and isinstance(made, FunctionType):
                self._edit.refresh_header(self._module, change, old.code, made)

    def _members(self, runs: list[Pair]) -> None:
        """Execute statements of the body, and set and remove members."""
        made = self._execute([_Part(pair.new) for pair in runs]) if runs else {}
        note_line = {name: pair for pair in runs for name in pair.new.usage.binds}
        annotations = made.pop("__annotations__", None)
        for name, value in made.items():
            pair = note_line.get(name) or note_line.get(_unmangled(name, self._path[-1]))
            self._set(name, value, pair)
        for name in sorted(self._removed()):
            if name in ("__doc__", "__module__", "__qualname__"):
                continue
            self._transaction.delete_attribute(self._cls, name)
            self._touched_members = True
            self._edit.note(self._module, f"{self._name}.{name}", Action.REMOVED, None)
        self._hash(made)
        self._annotations(annotations)
        self._docstring()

    def _set(self, name: str, value: Any, pair: Pair | None) -> None:
        old = vars(self._cls).get(name, MISSING)
        if same_value(old, value):
            return
        if name == "__new__" and isinstance(value, FunctionType):
            value = staticmethod(value)
        elif name in ("__init_subclass__", "__class_getitem__") and isinstance(value, FunctionType):
            value = classmethod(value)
        self._transaction.set_attribute(self._cls, name, value)
        self._touched_members = True
        set_name = getattr(type(value), "__set_name__", None)
        if set_name is not None:
            set_name(value, self._cls, name)
        if pair is not None:
            action = Action.ADDED if old is MISSING else Action.UPDATED
            if pair.kind == Kind.SAME:
                action = Action.RERAN
            self._edit.note(self._module, f"{self._name}.{name}", action, pair.new.first_line)

    def _hash(self, made: dict[str, Any]) -> None:
        """A class that defines __eq__ alone has __hash__ None (data model, object.__hash__)."""
        bound = {name for pair in self._change.body.pairs for name in pair.new.usage.binds}
        if "__eq__" in made and "__hash__" not in bound:
            self._transaction.set_attribute(self._cls, "__hash__", None)
        if "__eq__" in self._removed() and "__hash__" not in bound and vars(self._cls).get("__hash__", 1) is None:
            self._transaction.delete_attribute(self._cls, "__hash__")

    def _annotations(self, made: dict[str, Any] | None) -> None:
        current = vars(self._cls).get("__annotations__")
        gone = {
            statement.node.target.id
            for statement in self._change.body.removed
            if isinstance(statement.node, ast.AnnAssign) and isinstance(statement.node.target, ast.Name)
        }
        if not made and not (gone and current):
            return
        merged = {name: value for name, value in (current or {}).items() if name not in gone}
        self._transaction.set_attribute(self._cls, "__annotations__", {**merged, **(made or {})})

    def _docstring(self) -> None:
        old, new = _docstring(self._change.old.node), _docstring(self._change.new.node)
        if old != new and self._cls.__doc__ == old:
            self._transaction.set_attribute(self._cls, "__doc__", new)

    def _nested(self, *, touched: bool) -> None:
        for statement, change in self._change.edits.items():
            if isinstance(change, ClassEdit):
                inner = vars(self._cls).get(statement.name)
                if isinstance(inner, type):
                    path = (*self._path, statement.name)
                    ClassWork(self._edit, self._module, self._index, change, inner, path).apply(touched=touched)

    def _after(self) -> None:
        """Bring up to date what was derived from the members when the class was made."""
        if isinstance(self._cls, abc.ABCMeta):
            before = self._cls.__abstractmethods__

            def refresh() -> None:
                for cls in _with_subclasses(self._cls):
                    abc.update_abstractmethods(cls)
                _abc._reset_caches(self._cls)  # what isinstance() found out before, with the members of then

            self._transaction.do(refresh, lambda: _restore_abstract(self._cls, before))
        self._transaction.finally_do(self._tell_instances)

    def _tell_instances(self) -> None:
        if hasattr(self._cls, "__on_reload__"):  # asked now: the edit may have added or removed it
            for instance in _instances(self._cls):
                instance.__on_reload__()

    # ------------------------------------------------------------------ executing the body

    def _old_node(self, name: str) -> CodeNode | None:
        nodes = self._module.old_codes.get(self._top_pair.old or self._top_pair.new, [])
        return self._member_node(nodes, name)

    @property
    def _top_pair(self) -> Pair:
        return self._module.pairing.pairs[self._index]

    def _member_node(self, nodes: list[CodeNode], name: str) -> CodeNode | None:
        for part in self._path:
            node = definition_node(nodes, part)
            if node is None:
                return None
            nodes = node.children
        return definition_node(nodes, name)

    def _execute(self, parts: list[_Part]) -> dict[str, Any]:
        """Execute statements of the class body, with the members that the class has, and return what they bind."""
        statements = [part.statement for part in parts]
        if self._edit.must_be_live(self._module, statements):
            self._transaction.commit()
        body = self._body_code([part.node for part in parts])
        made = _Body(self._cls)
        namespace = self._module.namespace
        if not any(statement.usage.makes_code for statement in statements):  # functions keep the real namespace
            namespace = self._transaction.view(namespace)
        cells = tuple(self._cell(name) for name in body.co_freevars)
        exec(body, namespace, made, closure=cells or None)
        found = dict(made)
        cell = found.pop("__classcell__", None)
        if cell is not None:
            cell.cell_contents = self._cls
        for name in ("__module__", "__qualname__", "__type_params__", "__firstlineno__", "__static_attributes__"):
            found.pop(name, None)
        if not any(_is_docstring(statement.node) for statement in statements):
            found.pop("__doc__", None)
        return found

    def _cell(self, name: str) -> CellType:
        """Return the type parameter of that name (PEP 695)."""
        parameters = getattr(self._cls, "__type_params__", ())
        if name == ".type_params":
            return CellType(parameters)
        return CellType(next((each for each in parameters if each.__name__ == name), None))

    def _body_code(self, nodes: list[ast.stmt]) -> CodeType:
        """Compile the class statement with these statements alone in its body; functions get the code of the whole."""
        node = self._change.new.node
        assert isinstance(node, ast.ClassDef)
        inner = _bare(node, nodes)
        wrapped: ast.stmt = inner
        for outer in reversed(self._path[:-1]):
            wrapped = ast.copy_location(_class(outer, [wrapped]), node)
        code = self._module.source.compile([wrapped])
        for name in self._path:
            code = next(child for child in _below_generic(code) if child.co_name == name)
        index = self._module.pairing.pairs.index(self._top_pair)
        nodes_of_class = self._module.codes[index]
        for part in self._path:
            found = definition_node(nodes_of_class, part)
            nodes_of_class = found.children if found is not None else []
        return _substitute(code, nodes_of_class)

    # ------------------------------------------------------------------ bases, and making the class again

    def _rebase(self, node: ast.ClassDef) -> bool:
        """Assign the new bases; False where CPython cannot, since the layouts differ."""
        if self._edit.must_be_live(self._module, [self._change.new]):
            self._transaction.commit()
        view = self._transaction.view(self._module.namespace)
        code = compile(
            ast.fix_missing_locations(ast.Expression(ast.Tuple(list(node.bases), ast.Load()))),
            self._module.path,
            "eval",
            flags=self._module.source.flags,
            dont_inherit=True,
        )
        written = eval(code, view)  # noqa: S307 - the edited program
        bases = _resolved(written) or (object,)
        if bases == self._cls.__bases__:
            return True
        old = self._cls.__bases__
        if not _can_rebase(self._cls, bases, old):
            return False
        self._transaction.do(lambda: _set_bases(self._cls, bases), lambda: _set_bases(self._cls, old))
        if any(isinstance(base, GenericAlias) or not isinstance(base, type) for base in written):
            self._transaction.set_attribute(self._cls, "__orig_bases__", written)
        self._touched_members = True
        self._edit.note(self._module, self._name, Action.UPDATED, self._change.new.first_line, "bases", again=True)
        return True

    def _rebuild(self) -> None:
        """Execute the whole class statement, and take its members over into the live class."""
        twin = self._make_nested() if len(self._path) > 1 else self._make()
        name = self._path[-1]
        if not isinstance(twin, type):
            self._edit.bind(self._module, name, twin, self._index)
            self._edit.note(self._module, self._name, Action.RAN, self._change.new.first_line)
            return
        if not twins.fits(self._cls, twin) and slots.can_change(self._cls, twin):
            slots.change(self._cls, twin, self._transaction)
        elif not twins.fits(self._cls, twin):
            twins.replace(self._cls, twin, self._transaction)
            self._bind_twin(name, twin)
            self._edit.note(
                self._module, self._name, Action.UPDATED, self._change.new.first_line, "another layout", again=True
            )
            return
        self._take_over(twin)

    def _bind_twin(self, name: str, twin: type) -> None:
        if len(self._path) == 1:
            self._edit.bind(self._module, name, twin, self._index)
        else:
            owner: Any = self._module.namespace[self._path[0]]
            for part in self._path[1:-1]:
                owner = vars(owner)[part]
            self._transaction.set_attribute(owner, name, twin)

    def _make(self) -> Any:
        if self._edit.must_be_live(self._module, [self._change.new]):
            self._transaction.commit()
        made: dict[str, Any] = {}
        code = self._module.code(self._change.new)
        exec(code, self._module.namespace, made)
        return made.get(self._path[-1])

    def _make_nested(self) -> Any:
        outer: Any = self._module.namespace[self._path[0]]
        for part in self._path[1:-1]:
            outer = vars(outer)[part]
        work = ClassWork(self._edit, self._module, self._index, self._change, outer, self._path[:-1])
        work._change = _around(self._change)
        return work._execute([_Part(self._change.new)]).get(self._path[-1])

    def _take_over(self, twin: type) -> None:
        cls, transaction = self._cls, self._transaction
        if isinstance(cls, enum.EnumMeta):
            enums.merge(cls, twin, transaction)
        kept = self._kept(twin)
        for name, value in list(vars(twin).items()):
            if name in _MADE_BY_TYPE or name in kept or enums.is_bookkeeping(cls, name) or twins.is_slot(value):
                continue
            if same_value(vars(cls).get(name, MISSING), value):
                continue
            twins.adopt_cells(value, twin, cls)
            transaction.set_attribute(cls, name, value)
            set_name = getattr(type(value), "__set_name__", None)
            if set_name is not None:
                set_name(value, cls, name)
        for name in [name for name in vars(cls) if name not in vars(twin) and name not in _MADE_BY_TYPE]:
            if not enums.is_bookkeeping(cls, name) and (name in self._removed() or twins.is_generated(vars(cls)[name])):
                transaction.delete_attribute(cls, name)
        self._touched_members = True
        self._after()
        self._touched_members = False
        self._nested(touched=False)
        transaction.finally_do(lambda: twins.retire(twin, cls))
        self._edit.note(self._module, self._name, Action.UPDATED, self._change.new.first_line, "made again", again=True)

    def _kept(self, twin: type) -> set[str]:
        """Return the members that the live class keeps: functions, patched in place, and values of equal statements."""
        kept = set()
        for pair in self._change.body.pairs:
            change = self._change.edits.get(pair.new)
            for name in pair.new.usage.binds:
                entry = mangled(name, self._path[-1])
                if entry not in vars(self._cls) or entry not in vars(twin):
                    continue
                if isinstance(change, FunctionEdit):
                    same_kind = type(vars(self._cls)[entry]) is type(vars(twin)[entry])
                    if same_kind and not change.decorated and not change.header:
                        kept.add(entry)
                elif isinstance(change, ClassEdit) or pair.kind == Kind.SAME:
                    kept.add(entry)
        return kept


class _Part:
    """A statement of a class body to execute."""

    def __init__(self, statement: Statement, *, undecorated: bool = False) -> None:
        self.statement = statement
        node = statement.node
        if undecorated and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            fields = {field: value for field, value in ast.iter_fields(node) if field != "decorator_list"}
            node = ast.copy_location(type(node)(**fields, decorator_list=[]), node)
        self.node = node


class _Body(dict[str, Any]):
    """The namespace of a class body that goes on from what the class has."""

    def __init__(self, cls: type) -> None:
        super().__init__()
        self._members = vars(cls)

    def __missing__(self, name: str) -> Any:
        if name == "__annotations__":
            raise KeyError(name)
        return self._members[name]


def _bare(node: ast.ClassDef, body: list[ast.stmt]) -> ast.ClassDef:
    """Copy a class statement without decorators, bases and keywords."""
    fields = {"name": node.name, "bases": [], "keywords": [], "decorator_list": [], "body": body or [ast.Pass()]}
    if hasattr(node, "type_params"):
        fields["type_params"] = node.type_params
    copy = ast.copy_location(ast.ClassDef(**fields), node)  # type: ignore[arg-type]
    return ast.fix_missing_locations(copy)


def _class(name: str, body: list[ast.stmt]) -> ast.ClassDef:
    fields: dict[str, Any] = {"name": name, "bases": [], "keywords": [], "decorator_list": [], "body": body}
    if "type_params" in ast.ClassDef._fields:
        fields["type_params"] = []
    return ast.ClassDef(**fields)


def _around(change: ClassEdit) -> ClassEdit:
    """Return an edit that stands for the class around, as far as executing a statement of its body needs it."""
    import dataclasses

    node = change.new.node
    outer = Statement(ast.copy_location(_class("outer", [node]), node), (), change.new.future_annotations)
    return dataclasses.replace(change, new=outer)


def _below_generic(code: CodeType) -> Iterator[CodeType]:
    for child in child_codes(code):
        yield child
        if child.co_name.startswith("<generic parameters of "):
            yield from child_codes(child)


def _substitute(code: CodeType, nodes: list[CodeNode]) -> CodeType:
    """Put the code that the engine knows in place of equal code."""
    known = {(node.code.co_name, node.code.co_firstlineno): node for node in nodes}
    constants = []
    for constant in code.co_consts:
        new = constant
        if isinstance(constant, CodeType):
            node = known.get((constant.co_name, constant.co_firstlineno))
            if node is not None and node.code.co_freevars == constant.co_freevars:
                new = node.code
            elif constant.co_name.startswith("<generic parameters of "):
                inner = [child for node in nodes if node.code.co_name == constant.co_name for child in node.children]
                new = _substitute(constant, inner)
        constants.append(new)
    return code.replace(co_consts=tuple(constants))


def _reads(node: ast.expr, names: frozenset[str]) -> bool:
    return any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node))


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _docstring(node: ast.stmt) -> str | None:
    return ast.get_docstring(node, clean=False) if isinstance(node, ast.ClassDef) else None


def mangled(name: str, cls: str) -> str:
    """Return the entry of a private name in a class (language reference, 6.2.1)."""
    stripped = cls.lstrip("_")
    if not name.startswith("__") or name.endswith("__") or not stripped:
        return name
    return f"_{stripped}{name}"


def _unmangled(name: str, cls: str) -> str:
    prefix = f"_{cls.lstrip('_')}__"
    return name[len(prefix) - 2 :] if name.startswith(prefix) else name


def _resolved(written: tuple[Any, ...]) -> tuple[type, ...]:
    import types

    return tuple(types.resolve_bases(written))


def _can_rebase(cls: type, bases: tuple[type, ...], old: tuple[type, ...]) -> bool:
    """Try it on a subclass without members, which has the layout of the class itself."""
    if any(type(base) not in (type, type(cls), abc.ABCMeta) for base in bases):
        return False
    if any(isinstance(base, abc.ABCMeta) for base in bases) and not isinstance(cls, abc.ABCMeta):
        return False
    if "__slots__" in vars(cls):
        probe_body: dict[str, Any] = {"__slots__": vars(cls)["__slots__"]}
    else:
        probe_body = {}
    try:
        probe = type.__new__(type, "probe", tuple(_plain(base) for base in old), probe_body)
        probe.__bases__ = tuple(_plain(base) for base in bases)
    except TypeError:
        return False
    finally:
        gc.collect(0)
    return True


def _plain(base: type) -> type:
    return base


def _set_bases(cls: type, bases: tuple[type, ...]) -> None:
    type.__setattr__(cls, "__bases__", bases)


def _with_subclasses(cls: type) -> Iterator[type]:
    yield cls
    subclasses: list[type] = type.__subclasses__(cls)
    for subclass in subclasses:
        yield from _with_subclasses(subclass)


def _restore_abstract(cls: Any, names: frozenset[str]) -> None:
    cls.__abstractmethods__ = names
    for subclass in _with_subclasses(cls):
        if subclass is not cls and isinstance(subclass, abc.ABCMeta):
            abc.update_abstractmethods(subclass)  # type: ignore[arg-type]


def _instances(cls: type) -> list[Any]:
    return [instance for each in _with_subclasses(cls) for instance in heap.instances(each)]


_Operation = Callable[[], Any]

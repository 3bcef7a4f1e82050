"""Execute parts of a class body, and class statements of which only a part is executed."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from types import CellType, CodeType, FunctionType
from typing import Any

from dyntransform.reloading.classes.site import ClassSite
from dyntransform.reloading.functions.annotations import namespace_of
from dyntransform.reloading.model.code_tree import GENERIC, CodeNode, child_codes, nodes_of
from dyntransform.reloading.model.statement import Statement, is_docstring
from dyntransform.reloading.planning.module_diff import definition_node
from dyntransform.transform.scopes import mangled

__all__ = ["Body"]

_BY_COMPILER = ("__module__", "__qualname__", "__type_params__", "__firstlineno__", "__static_attributes__")
"""What the compiler adds to every class body."""

_BASES = "<bases>"


class Body:
    """The body of a class statement.

    Args:
        site: the statement.
    """

    def __init__(self, site: ClassSite) -> None:
        self._session = site.session
        self._module = site.module
        self._index = site.index
        self._statement = site.change.new
        self._node = site.node
        self._path = site.path

    def execute(self, cls: type, statements: Sequence[Statement], gone: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Execute statements of the body, with the members that the class has but those gone; return what they bind."""
        found = self._execute(cls, statements, [statement.node for statement in statements], gone)
        if not any(is_docstring(statement.node) for statement in statements):
            found.pop("__doc__", None)
        return found

    def function(self, cls: type, statement: Statement) -> FunctionType | None:
        """Make the function of a method statement, without its decorators."""
        node = statement.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        fields = {field: value for field, value in ast.iter_fields(node) if field != "decorator_list"}
        bare = ast.copy_location(type(node)(**fields, decorator_list=[]), node)
        made = self._execute(cls, [statement], [bare]).get(mangled(node.name, self._path[-1]))
        return made if isinstance(made, FunctionType) else None

    def make(self, kept: Mapping[Statement, Mapping[str, Any]]) -> Any:
        """Execute the class statement: bases, decorators, keywords and body.

        Args:
            kept: statements of the body that are not executed, with the values that the names they bind have.

        Returns:
            What the statement binds.
        """
        values: dict[str, _Kept] = {}
        nodes = [node for statement in self._statement.body for node in _parts(statement, kept, values)]
        self._go_live([self._statement])
        fields = {**dict(ast.iter_fields(self._node)), "body": nodes or [ast.Pass()]}
        copy = ast.fix_missing_locations(ast.copy_location(ast.ClassDef(**fields), self._node))
        self._module.source.stand_in(copy, self._node)
        if self._session.transaction.live:
            place = f"{self._module.path}:{self._statement.first_line}"
            self._session.executed.append(f"{place}: {'.'.join(self._path)}")
        made: Any = {}
        if len(self._path) == 1:
            code = self._module.source.compile([copy])
            exec(_with_known(code, self._module.codes[self._index], values), self._module.namespace, made)
        else:
            outer = self.outer()
            made = self._run(_Namespace(outer), copy, self._path[:-1], values, self._module.namespace)
        return made.get(mangled(self._path[-1], self._path[-2] if len(self._path) > 1 else ""))

    def bases(self) -> tuple[Any, ...]:
        """Evaluate the bases of the class statement."""
        self._go_live([self._statement])
        source = self._module.source
        value = ast.Tuple(source.bases(self._node), ast.Load())
        node: ast.stmt = ast.Assign([ast.Name(_BASES, ast.Store())], value)
        node = ast.fix_missing_locations(ast.copy_location(node, self._node))
        made: dict[str, Any] = {}
        if len(self._path) == 1:
            exec(source.compile([node]), self._module.namespace, made)
        else:
            made = self._run(_Namespace(self.outer()), node, self._path[:-1], {}, self._module.namespace)
        bases: tuple[Any, ...] = made[_BASES]
        return bases

    def old_node(self, name: str) -> CodeNode | None:
        """Return the code of a member as it was before the edit."""
        return definition_node(self._old_nodes(), name)

    def old_node_of(self, statement: Statement) -> CodeNode | None:
        """Return the code of a method statement of the old version; others may define the same name."""
        return _at(self._old_nodes(), statement)

    def new_node_of(self, statement: Statement) -> CodeNode | None:
        """Return the code of a method statement of the new version."""
        return _at(_members(self._module.codes[self._index], self._path), statement)

    def _old_nodes(self) -> list[CodeNode]:
        pair = self._module.pairing.pairs[self._index]
        return _members(self._module.old_codes.get(pair.old or pair.new, []), self._path)

    def new_node(self, name: str) -> CodeNode | None:
        """Return the code of a member as it is now."""
        return definition_node(_members(self._module.codes[self._index], self._path), name)

    def evaluators(self) -> tuple[CodeNode | None, CodeNode | None]:
        """Return the code that evaluates the annotations in the body (PEP 649): before the edit, and now."""
        versions = self._old_nodes(), _members(self._module.codes[self._index], self._path)
        before, now = (next((one for one in nodes if one.annotated == ""), None) for nodes in versions)
        return before, now

    def codes(self, name: str) -> set[int]:
        """Return the code, by id, that functions of a member may run."""
        nodes = [node for node in (self.old_node(name), self.new_node(name)) if node is not None]
        return {id(code) for node in nodes for code in (node.code, *node.older)}

    # ------------------------------------------------------------------ compiling

    def _execute(
        self, cls: type, statements: Sequence[Statement], nodes: list[ast.stmt], gone: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        self._go_live(statements)
        fields = {**dict(ast.iter_fields(self._node)), "bases": [], "keywords": [], "decorator_list": []}
        bare = ast.copy_location(ast.ClassDef(**{**fields, "body": nodes or [ast.Pass()]}), self._node)
        namespace = self._module.namespace
        if not any(statement.usage.makes_code for statement in statements):
            namespace = self._session.transaction.view(namespace)
        elif any(
            (self._module.name, name) in self._session.rebound for each in statements for name in each.usage.names
        ):
            self._session.transaction.commit()  # functions keep the real namespace
        found = self._run(_Namespace(cls, gone), bare, self._path, {}, namespace, whole=False)
        for name, content in (("__classcell__", cls), ("__classdictcell__", namespace_of(cls))):
            cell = found.pop(name, None)
            if cell is not None:
                cell.cell_contents = content
        return {name: value for name, value in found.items() if name not in _BY_COMPILER}

    def _run(
        self,
        namespace: _Namespace,
        node: ast.stmt,
        path: tuple[str, ...],
        values: Mapping[str, _Kept],
        variables: dict[str, Any],
        *,
        whole: bool = True,
    ) -> dict[str, Any]:
        """Execute in the namespace of a class; `node` is its statement, whole or not, or one in its body."""
        depth = len(path) - (path == self._path)
        for outer in reversed(path[:depth]):
            node = ast.copy_location(_class(outer, [node]), self._node)
        code = self._module.source.compile([ast.fix_missing_locations(node)])
        code = _with_known(code, self._module.codes[self._index], values, whole=whole)
        for name in path:
            code = next(child for child in _below_generic(code) if child.co_name == name)
        cells = tuple(_type_parameter(namespace.owner, name) for name in code.co_freevars)
        exec(code, variables, namespace, closure=cells or None)
        return dict(namespace)

    def _go_live(self, statements: Sequence[Statement]) -> None:
        if self._session.must_be_live(self._module, statements):
            self._session.transaction.commit()

    def outer(self) -> type:
        """Return the class around."""
        outer: Any = self._module.namespace[self._path[0]]
        for before, part in zip(self._path, self._path[1:-1], strict=False):
            outer = vars(outer)[mangled(part, before)]
        assert isinstance(outer, type)
        return outer


class _Kept:
    """A value in place of the statement that bound it."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Namespace(dict[str, Any]):
    """The namespace of a class body that goes on from what the class has, but for members that are gone."""

    def __init__(self, cls: type, gone: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.owner = cls
        self._members = vars(cls)
        self._gone = gone

    def __missing__(self, name: str) -> Any:
        if name == "__annotations__" or name in self._gone:
            raise KeyError(name)
        return self._members[name]


def _parts(
    statement: Statement, kept: Mapping[Statement, Mapping[str, Any]], values: dict[str, _Kept]
) -> Iterator[ast.stmt]:
    """Yield what stands for a statement: itself, or assignments of the values it is to have."""
    if statement not in kept:
        yield statement.node
        return
    node = statement.node
    for name, value in kept[statement].items():
        key = f"<value {len(values)} of a class>"
        values[key] = _Kept(value)
        expression = ast.Attribute(ast.Constant(key), "value", ast.Load())
        target = ast.Name(name, ast.Store())
        part: ast.stmt = ast.Assign([target], expression)
        if isinstance(node, ast.AnnAssign):
            part = ast.AnnAssign(target, node.annotation, expression, node.simple)
        yield ast.fix_missing_locations(ast.copy_location(part, node))


def _with_known(
    code: CodeType, nodes: Sequence[CodeNode], values: Mapping[str, _Kept], *, whole: bool = True
) -> CodeType:
    """Put in the code that live functions have, and kept values.

    Where only some statements of a class are executed, what evaluates the annotations of these alone stays as it is.
    """
    known = {(node.name, node.line): node for node in nodes}
    names = {id(node.code): node.name for node in nodes_of(child_codes(code)) if whole or node.annotated != ""}
    constants: list[Any] = []
    for constant in code.co_consts:
        new: Any = constant
        if isinstance(constant, CodeType):
            node = known.get((names.get(id(constant), ""), constant.co_firstlineno))
            if not _makes_members(constant):
                if node is not None and node.code.co_freevars == constant.co_freevars:
                    new = node.code
            else:
                node = node or _decorated(nodes, constant)
                inner = node.children if node is not None else nodes
                new = _with_known(constant, inner, values, whole=whole)
        elif isinstance(constant, str):
            new = values.get(constant, constant)
        constants.append(new)
    return code.replace(co_consts=tuple(constants))


def _decorated(nodes: Sequence[CodeNode], code: CodeType) -> CodeNode | None:
    """Return the code of the class whose statement, without its decorators, is compiled to `code`: it begins above."""
    same = [node for node in nodes if node.code.co_name == code.co_name and _makes_members(node.code)]
    return max((node for node in same if node.line <= code.co_firstlineno), key=lambda node: node.line, default=None)


def _makes_members(code: CodeType) -> bool:
    """Whether this is the code of a class body, or the scope of its type parameters."""
    return not code.co_flags & inspect.CO_OPTIMIZED or code.co_name.startswith(GENERIC)


def _below_generic(code: CodeType) -> Iterator[CodeType]:
    for child in child_codes(code):
        yield child
        if child.co_name.startswith(GENERIC):
            yield from child_codes(child)


def _at(nodes: list[CodeNode], statement: Statement) -> CodeNode | None:
    return definition_node([node for node in nodes if node.line == statement.first_line] or nodes, statement.name)


def _members(nodes: list[CodeNode], path: Sequence[str]) -> list[CodeNode]:
    """Return the code in the body of the class at a path; none if it is not there."""
    for part in path:
        node = definition_node(nodes, part)
        nodes = node.children if node is not None else []
    return nodes


def _type_parameter(cls: type, name: str) -> CellType:
    """Return the type parameter of that name (PEP 695)."""
    parameters = getattr(cls, "__type_params__", ())
    if name == ".type_params":
        return CellType(parameters)
    return CellType(next((each for each in parameters if each.__name__ == name), None))


def _class(name: str, body: list[ast.stmt]) -> ast.ClassDef:
    fields: dict[str, Any] = {"name": name, "bases": [], "keywords": [], "decorator_list": [], "body": body}
    if "type_params" in ast.ClassDef._fields:
        fields["type_params"] = []
    return ast.ClassDef(**fields)

"""Trees of code objects: pairing an old one with a new one, and moving one to other lines.

A live function is recognised by its code object, so unchanged code keeps its object when the code around it changes.
"""

from __future__ import annotations

import dataclasses
import dis
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import CodeType

from dyntransform.cpython.annotations import evaluates_annotations
from dyntransform.cpython.opcodes import NO_VALUE, constant

__all__ = [
    "GENERIC",
    "CodeNode",
    "Patch",
    "child_codes",
    "merge",
    "module_code",
    "nodes_of",
    "readers",
    "shift",
    "statement_nodes",
    "walk",
]

GENERIC = "<generic parameters of "
"""How the name begins of the scope that type parameters are in (PEP 695)."""


@dataclasses.dataclass(eq=False)
class CodeNode:
    """A code object that functions may be running, and those made inside it.

    Attributes:
        code: what new functions get.
        children: the code objects among its constants.
        older: earlier code that some live functions had to keep.
        annotated: what it evaluates the annotations of, if it is such code: a function, or "" for the scope it is in.
    """

    code: CodeType
    children: list[CodeNode]
    older: list[CodeType] = dataclasses.field(default_factory=list)
    annotated: str | None = None

    @classmethod
    def of(cls, code: CodeType) -> CodeNode:
        """Build the tree below `code`."""
        return cls(code, nodes_of(child_codes(code)))

    @property
    def name(self) -> str:
        """What tells it from others in the same scope; of one name may be several."""
        return self.code.co_name if self.annotated is None else f"{self.annotated}.{self.code.co_name}"

    def with_code(self, code: CodeType, children: list[CodeNode]) -> CodeNode:
        """Return the node of other code of the same definition."""
        return CodeNode(code, children, annotated=self.annotated)

    @property
    def line(self) -> int:
        """The first line, decorators included."""
        return self.code.co_firstlineno


@dataclasses.dataclass(frozen=True)
class Patch:
    """Functions that run `old` are to run the code of `node`.

    Attributes:
        old: what they run.
        node: what they are to run.
        moved: only its place changed.
        again: an earlier edit could not give it to them, and this one did not change it.
    """

    old: CodeType
    node: CodeNode
    moved: bool
    again: bool = False

    @property
    def evaluates(self) -> bool:
        """Whether these are functions that evaluate annotations (PEP 649)."""
        return self.node.annotated is not None

    @property
    def loses(self) -> list[str]:
        """The variables of enclosing functions that the old code has and the new one does not."""
        kept = self.node.code.co_freevars
        return [name for name in self.old.co_freevars if name not in kept]


def child_codes(code: CodeType) -> list[CodeType]:
    """Return the code objects among the constants, in order."""
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def nodes_of(codes: Sequence[CodeType]) -> list[CodeNode]:
    """Build the trees below code objects that stand in one scope, in their order.

    What evaluates the annotations of a function (PEP 649) stands before its code, and that of the scope itself last.
    """
    nodes = [CodeNode.of(code) for code in codes]
    for index, node in enumerate(nodes):
        if evaluates_annotations(node.code):
            node.annotated = codes[index + 1].co_name if index + 1 < len(codes) else ""
    return nodes


def statement_nodes(codes: Sequence[CodeType]) -> list[CodeNode]:
    """Build the trees of a module's statement; the annotations of a module are not those of one of its statements."""
    return [node for node in nodes_of(codes) if node.annotated != ""]


def walk(nodes: Iterable[CodeNode]) -> Iterator[CodeNode]:
    """Yield the nodes and everything below them."""
    for node in nodes:
        yield node
        yield from walk(node.children)


def readers(nodes: Iterable[CodeNode], name: str) -> list[str]:
    """Return the qualified names of the functions that read a global name."""
    found = dict.fromkeys(
        _reader(node).partition(".<locals>")[0]
        for node in walk(nodes)
        if node.code.co_flags & inspect.CO_OPTIMIZED
        and name in node.code.co_names
        and any(one.opname in _OF_GLOBALS and one.argval == name for one in dis.get_instructions(node.code))
    )
    return list(found)


_OF_GLOBALS = ("LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")


def _reader(node: CodeNode) -> str:
    """Return the qualified name of a function, or of what has the annotations (their code has it since Python 3.15)."""
    qualname = node.code.co_qualname
    if node.annotated is None:
        return qualname
    scope = qualname.rpartition(".")[0]
    known = not node.annotated or scope.rpartition(".")[2] == node.annotated
    return scope if known else f"{scope}.{node.annotated}".lstrip(".")


def merge(
    old: Sequence[CodeNode], new: Sequence[CodeNode], patches: list[Patch], lines: Mapping[int, int]
) -> list[CodeNode]:
    """Carry live code over to a new version.

    Args:
        old: the code of a statement as it runs now.
        new: the code of the same statement, newly compiled.
        patches: takes what has to be given to live functions.
        lines: where definitions begin that are edited, and where they began: this tells those of one name apart.

    Returns:
        The nodes of `new`, in which code that did not change is the object that live functions have.
    """
    old = [each for node in old for each in (node.children if _lacks_counterpart(node, new) else [node])]
    partner = {id(n): o for o, n in _pairs(old, new, lines)}
    result = []
    for node in new:
        if id(node) in partner:
            result.append(_merged(partner[id(node)], node, patches, lines))
        elif _lacks_counterpart(node, old):
            children = merge(old, node.children, patches, lines)
            result.append(node.with_code(_with_children(node.code, node.children, children), children))
        else:
            result.append(node)
    return result


def _lacks_counterpart(node: CodeNode, others: Sequence[CodeNode]) -> bool:
    """Whether this is the scope of type parameters (PEP 695) of a definition that has none in the other version."""
    name = node.code.co_name
    return name.startswith(GENERIC) and all(other.code.co_name != name for other in others)


def _merged(old: CodeNode, new: CodeNode, patches: list[Patch], lines: Mapping[int, int]) -> CodeNode:
    if old.code == new.code and old.code.co_filename == new.code.co_filename:
        result = old
        for each in walk([old]):
            patches.extend(Patch(code, each, moved=False, again=True) for code in each.older)
        return result
    children = merge(old.children, new.children, patches, lines)
    result = new.with_code(_with_children(new.code, new.children, children), children)
    moved = _content(old.code) == _content(new.code)
    patches.append(Patch(old.code, result, moved))
    patches.extend(Patch(code, result, moved=False, again=moved) for code in old.older)
    return result


def module_code(code: CodeType, new: Sequence[CodeNode], merged: Sequence[CodeNode]) -> CodeType:
    """Return `code` with the merged children in place of its own."""
    return _with_children(code, new, merged)


def _with_children(code: CodeType, old: Sequence[CodeNode], new: Sequence[CodeNode]) -> CodeType:
    changed = {id(o.code): n.code for o, n in zip(old, new, strict=True) if o.code is not n.code}
    if not changed:
        return code
    return code.replace(co_consts=tuple(changed.get(id(constant), constant) for constant in code.co_consts))


def shift(node: CodeNode, lines: int, path: str, patches: list[Patch]) -> CodeNode:
    """Return the tree for the same text, `lines` further down, in the file `path`."""
    children = [shift(child, lines, path, patches) for child in node.children]
    code = _with_first_line(_with_children(node.code, node.children, children), node.code.co_firstlineno + lines)
    moved = node.with_code(code.replace(co_firstlineno=code.co_firstlineno + lines, co_filename=path), children)
    patches.append(Patch(node.code, moved, moved=True))
    patches.extend(Patch(older, moved, moved=True) for older in node.older)
    return moved


def _with_first_line(code: CodeType, line: int) -> CodeType:
    """Have a class body say on which line it begins (``__firstlineno__``, Python 3.13)."""
    if "__firstlineno__" not in code.co_names or code.co_flags & inspect.CO_OPTIMIZED:
        return code
    instructions = list(dis.get_instructions(code))
    stores = [one.opname == "STORE_NAME" and one.argval == "__firstlineno__" for one in instructions]
    load = instructions[stores.index(True) - 1] if True in stores else instructions[0]
    if constant(load.opname, load.arg, code.co_consts) is NO_VALUE:
        return code
    used = [one.arg for one in instructions if one.opname in ("LOAD_CONST", "RETURN_CONST")].count(load.arg)
    if load.opname == "LOAD_CONST" and load.arg is not None and used == 1:
        return code.replace(co_consts=(*code.co_consts[: load.arg], line, *code.co_consts[load.arg + 1 :]))
    if len(code.co_consts) > _ONE_BYTE:
        return code  # a class with hundreds of constants, one of which is the number of its line
    text = bytearray(code.co_code)
    text[load.offset : load.offset + 2] = dis.opmap["LOAD_CONST"], len(code.co_consts)
    return code.replace(co_code=bytes(text), co_consts=(*code.co_consts, line))


_ONE_BYTE = 0xFF


def _pairs(
    old: Sequence[CodeNode], new: Sequence[CodeNode], lines: Mapping[int, int]
) -> Iterator[tuple[CodeNode, CodeNode]]:
    """Pair by name; several of one name by their statements, then those with equal content, then the rest in order."""
    names = dict.fromkeys(node.name for node in new)
    for name in names:
        olds = [node for node in old if node.name == name]
        news = [node for node in new if node.name == name]
        for node in list(news) if len(olds) != len(news) else ():
            partner = next((each for each in olds if each.line == lines.get(node.line)), None)
            if partner is not None:
                olds.remove(partner)
                news.remove(node)
                yield partner, node
        if len(olds) != len(news):
            contents: dict[object, list[CodeNode]] = {}
            for node in olds:
                contents.setdefault(_content(node.code), []).append(node)
            for node in list(news):
                same = contents.get(_content(node.code))
                if same:
                    partner = same.pop(0)
                    olds.remove(partner)
                    news.remove(node)
                    yield partner, node
        yield from zip(olds, news, strict=False)


def _content(code: CodeType) -> object:
    """Return a key of what the code does, without its place; 1, 1.0 and True differ."""
    constants = tuple(
        _content(constant) if isinstance(constant, CodeType) else (type(constant).__name__, repr(constant))
        for constant in code.co_consts
    )
    return (
        code.co_name,
        code.co_code,
        constants,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_flags,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_exceptiontable,
    )

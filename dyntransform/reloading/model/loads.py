"""What the top level of a module may load, told by its code."""

from __future__ import annotations

import dis
import inspect
from types import CodeType

from dyntransform.cpython.opcodes import ANNOTATE, LOADS_ATTRIBUTE, LOADS_NAME
from dyntransform.reloading.model.code_tree import child_codes
from dyntransform.runtime.lookup import REPLACED

__all__ = ["Loads", "loads"]


class Loads:
    """What executing code may load, of whatever scope.

    Attributes:
        names: names that are no local variables of a function.
        attributes: names of attributes.
    """

    __slots__ = ("attributes", "names")

    def __init__(self, names: frozenset[str], attributes: frozenset[str]) -> None:
        self.names = names
        self.attributes = attributes


def loads(code: CodeType) -> Loads:
    """Return what executing a module may load: more than that rather than less.

    That is what its code, its classes, comprehensions and lambdas load, and what evaluates annotations. Functions run
    later. What stands behind a live binding, to ask what has replaced its value, is no read.
    """
    names, attributes = set[str](), set[str]()
    pending = [code]
    while pending:
        current = pending.pop()
        _add_loads(current, names, attributes)
        pending += [inner for inner in child_codes(current) if not _is_function(inner)]
    return Loads(frozenset(names), frozenset(attributes))


def _is_function(code: CodeType) -> bool:
    """Whether code is of a function with a name, or evaluates a type alias or bound when that is asked for."""
    return bool(code.co_flags & inspect.CO_OPTIMIZED) and code.co_name[0] != "<" and code.co_name != ANNOTATE


def _add_loads(code: CodeType, names: set[str], attributes: set[str]) -> None:
    text, known = code.co_code, code.co_names
    extended, asked = 0, ""
    for operation, argument in zip(text[::2], text[1::2], strict=True):
        if operation == _EXTENDED_ARG:
            extended = (extended | argument) << 8
            continue
        if operation in LOADS_NAME:
            name = known[(extended | argument) >> LOADS_NAME[operation]]
            if asked != "key":
                names.add(name)
            asked = "lookup" if name == REPLACED else ""
        elif operation in LOADS_ATTRIBUTE:
            attributes.add(known[(extended | argument) >> LOADS_ATTRIBUTE[operation]])
            asked = ""
        elif operation == _LOAD_CONST and asked:
            asked = "key"
        elif operation not in _KEEPS_LOOKUP:
            asked = ""
        extended = 0


_EXTENDED_ARG, _LOAD_CONST = dis.opmap["EXTENDED_ARG"], dis.opmap["LOAD_CONST"]
_KEEPS_LOOKUP = {dis.opmap["CACHE"], dis.opmap["PUSH_NULL"]}
"""What may stand between the parts of a lookup."""

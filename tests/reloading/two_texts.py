"""Two texts as two versions of a module, without a program that runs either."""

from __future__ import annotations

from dyntransform.reloading.model.reading import read_source
from dyntransform.reloading.planning.definitions import ClassEdit, DefinitionEdit, FunctionEdit, definition_edit
from dyntransform.reloading.planning.pairing import Pairing, compare
from dyntransform.transform.decide import Options


def paired(old: str, new: str) -> Pairing:
    """Pair the statements of two versions."""
    before, after = (read_source(text.encode(), "m.py", Options()) for text in (old, new))
    return compare(before.statements, after.statements)


def edited(old: str, new: str) -> DefinitionEdit:
    """Return the edit of the last definition."""
    pair = paired(old, new).pairs[-1]
    assert pair.old is not None
    return definition_edit(pair.old, pair.new)


def function(old: str, new: str) -> FunctionEdit:
    """Return the edit of a function."""
    found = edited(old, new)
    assert isinstance(found, FunctionEdit)
    return found


def class_(old: str, new: str) -> ClassEdit:
    """Return the edit of a class."""
    found = edited(old, new)
    assert isinstance(found, ClassEdit)
    return found

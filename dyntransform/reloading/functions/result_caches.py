"""The caches of functions: that of a function whose own code changed is emptied, wherever it is held."""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType
from typing import Any

from dyntransform.cpython.references import references
from dyntransform.reloading.live import heap

__all__ = ["result_caches"]


def result_caches(
    functions: Sequence[FunctionType],
    namespaces: Sequence[dict[str, Any]],
    imported: Callable[[], Iterable[Any]] = tuple,
    importing: Callable[[], Iterable[dict[str, Any]]] = tuple,
) -> dict[int, list[Any]]:
    """Return the `functools.lru_cache` wrappers around functions, wherever they are held.

    What costs more is only asked for if what was seen before does not explain all references.

    Args:
        functions: the functions; the caller has them in a list of its own.
        namespaces: where names for them are expected first: their own modules.
        imported: gives the values of the names that other modules import from these, once for each name.
        importing: gives the namespaces of those modules, to be searched for other names.

    Returns:
        Wrappers by id of the function.
    """
    ids = set(map(id, functions))
    counts = references(functions)

    def hidden(known: collections.Counter[int]) -> list[FunctionType]:
        pairs = zip(functions, counts, strict=True)
        return [function for function, count in pairs if count > known[id(function)] + heap.FUNCTION_REFERENCES]

    own = _count(heap.functions_named_in(namespaces), ids)
    if not hidden(own) or not hidden(own + _count(imported(), ids)):
        return {}
    known = _count(heap.functions_named_in([*namespaces, *importing()]), ids)
    found: dict[int, list[Any]] = {}
    for holder in heap.holders_of_any(hidden(known)):
        if type(holder) is _ResultCache and id(holder.__wrapped__) in ids:
            found.setdefault(id(holder.__wrapped__), []).append(holder)
    return found


def _count(values: Iterable[Any], ids: set[int]) -> collections.Counter[int]:
    return collections.Counter(id(value) for value in values if id(value) in ids)


_ResultCache = functools._lru_cache_wrapper

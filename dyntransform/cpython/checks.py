"""What the engine relies on without a promise of CPython, tried once, before it changes anything."""

from __future__ import annotations

from importlib import import_module
from types import FunctionType

from dyntransform.cpython.references import references
from dyntransform.cpython.versions import lost

__all__ = ["check_engine"]

_PRIVATE = {
    "_abc": ("_abc_init", "_get_dump", "_reset_caches", "_reset_registry"),
    "_ctypes": ("FUNCFLAG_PYTHONAPI",),
    "dataclasses": ("_FIELD_CLASSVAR",),
    "functools": ("_lru_cache_wrapper",),
    "sys": ("_current_frames", "_getframe"),
    "typing": ("_cleanups", "_get_protocol_attrs"),
}
"""Private names of the standard library that the engine uses, by module; `ctypes` itself is only needed for classes."""


def check_engine() -> None:
    """Make sure that this Python keeps its objects as the engine expects.

    Raises:
        UnsupportedPythonError: it does not; edits would be lost without a word.
    """
    for module, names in _PRIVATE.items():
        for name in names:
            if not hasattr(import_module(module), name):
                raise lost(f"{module}.{name} is missing")
    wrong = _miscounted()
    if wrong:
        raise lost(wrong)


def _miscounted() -> str:
    """Say what is not counted as a reference; empty if all is."""
    codes = [check_engine.__code__]
    (before,) = references(codes)
    function = FunctionType(codes[0], {})
    if references(codes) != [before + 1]:
        return "functions do not count as references to their code"
    functions = [function]
    del function
    namespace = {"name": functions[0]}
    if references(functions) != [1]:
        return "names do not count as references to functions"
    del namespace
    return "" if references(functions) == [0] else "references that are gone are counted"

"""Names of the interpreter that have no public counterpart, or one that costs a program's start too much."""

from __future__ import annotations

import _imp
import _thread
import _warnings
import sys
from importlib import _bootstrap, _bootstrap_external

from dyntransform.cpython.versions import lost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_modules: Any = _bootstrap
_files: Any = _bootstrap_external
_native: Any = _imp
_filters: Any = _warnings

try:
    MAGIC_NUMBER: bytes = _files.MAGIC_NUMBER
    LoaderBasics = _files._LoaderBasics
    cache_from_source = _files.cache_from_source
    call_with_frames_removed = _modules._call_with_frames_removed
    classify_pyc = _files._classify_pyc
    code_to_hash_pyc = _files._code_to_hash_pyc
    compile_bytecode = _files._compile_bytecode
    find_spec = _modules._find_spec
    fix_co_filename = _native._fix_co_filename
    module_from_spec = _modules.module_from_spec
    path_importer = _files.PathFinder._path_importer_cache
    source_hash: Callable[[int, bytes | memoryview], bytes] = _native.source_hash
    validate_hash_pyc = _files._validate_hash_pyc
    write_atomic = _files._write_atomic
    if not hasattr(_filters, "_filters_mutated"):  # since 3.14
        _ = _filters._acquire_lock, _filters._release_lock, _filters._filters_mutated_lock_held
except AttributeError as problem:
    raise lost(problem) from None

__all__ = [
    "MAGIC_NUMBER",
    "LoaderBasics",
    "cache_from_source",
    "call_with_frames_removed",
    "classify_pyc",
    "code_to_hash_pyc",
    "compile_bytecode",
    "find_spec",
    "fix_co_filename",
    "is_main_interpreter",
    "module_from_spec",
    "path_importer",
    "put_filter",
    "pyc_hash",
    "source_hash",
    "take_filter",
    "validate_hash_pyc",
    "write_atomic",
]


def is_main_interpreter() -> bool:
    """Whether this is the main interpreter of the process (PEP 734)."""
    asked = getattr(_thread, "_is_main_interpreter", None)
    if asked is not None:
        return bool(asked())
    import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]  # Python 3.11

    return bool(interpreters.get_current() == interpreters.get_main())


def pyc_hash(data: bytes) -> bytes:
    """Return the hash by which a compiled file knows its source, as `importlib.util.source_hash` does (PEP 552)."""
    return source_hash(int.from_bytes(MAGIC_NUMBER, "little"), data)


def put_filter(new: tuple[Any, ...]) -> None:
    """Put a filter of warnings before all others, without importing `warnings`.

    Args:
        new: as in `warnings.filters`; the message may be any object with a method `match`.
    """
    _filter_list().insert(0, new)
    _filters_changed()


def take_filter(old: tuple[Any, ...]) -> None:
    """Take a filter of warnings away, if it is there."""
    filters = _filter_list()
    if old in filters:
        filters.remove(old)
        _filters_changed()


def _filter_list() -> list[tuple[Any, ...]]:
    filters: list[tuple[Any, ...]] = sys.modules.get("warnings", _filters).filters
    return filters


def _filters_changed() -> None:
    """Have the filters asked again for warnings of which they were asked before."""
    if hasattr(_filters, "_filters_mutated"):
        _filters._filters_mutated()
        return
    _filters._acquire_lock()
    try:
        _filters._filters_mutated_lock_held()
    finally:
        _filters._release_lock()

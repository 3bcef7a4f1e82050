"""Modules of the project that were imported before the hook was installed.

They are not rewritten, unless they are those of a built tree: names imported in their functions are not late bound.
Everything else can be reloaded.
"""

from __future__ import annotations

import gc
import os
import sys
from _weakref import ref
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from types import CodeType, FunctionType, ModuleType

from dyntransform.cpython.internals import (
    cache_from_source,
    classify_pyc,
    compile_bytecode,
    pyc_hash,
    validate_hash_pyc,
)
from dyntransform.importing.compiling import HEADER_BYTES, Compiled, load_code
from dyntransform.importing.loaded import Loaded
from dyntransform.importing.roots import Roots
from dyntransform.runtime.lookup import looks_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from dyntransform.transform.links import LinkSpec

__all__ = ["Found", "adopt", "find"]

Found = tuple[ModuleType, str, bytes]
"""A module, its file, and the content the file had when the hook was installed."""


def find(roots: Roots, known: Callable[[str], object]) -> list[Found]:
    """Return the loaded modules of the project that the hook did not load.

    Args:
        roots: the project.
        known: tells whether a module of that name was loaded by the hook.
    """
    found = []
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        plain = type(getattr(module, "__loader__", None)) in {SourceFileLoader, SourcelessFileLoader}
        if isinstance(path, str) and plain and roots.owns(os.path.abspath(path)) and not known(name):
            try:
                with open(path, "rb") as file:
                    found.append((module, os.path.abspath(path), file.read()))
            except OSError:
                continue  # a module without a file cannot be edited
    return found


def adopt(found: list[Found], is_project: Callable[[str], bool]) -> list[Loaded]:
    """Make records of modules, as if the hook had loaded them."""
    if not found:
        return []  # the usual case, at every reload: no reason to search the heap
    read: list[tuple[ModuleType, str, bytes, CodeType, tuple[LinkSpec, ...], tuple[tuple[str, str], ...]]] = []
    for module, path, data in found:
        try:
            code, links, lookups = (_of_compiled if path.endswith(".pyc") else _of_source)(path, data, is_project)
        except (SyntaxError, ImportError, EOFError, TypeError, ValueError, RecursionError):
            continue  # not the file that was loaded
        read.append((module, path, data, code, links, lookups))
    live: dict[str, list[CodeType]] = {os.path.abspath(code.co_filename): [] for *_, code, _, _ in read}
    for candidate in gc.get_objects():
        if type(candidate) is FunctionType:
            codes = live.get(os.path.abspath(candidate.__code__.co_filename))
            if codes is not None:
                codes.append(candidate.__code__)
    adopted = []
    for module, path, data, code, links, lookups in read:
        compiled = Compiled(_with_live(code, live[os.path.abspath(code.co_filename)]), links, lookups, data)
        adopted.append(Loaded(_name(module), path, compiled, ref(module), vars(module)))
    return adopted


def _of_source(
    path: str, data: bytes, is_project: Callable[[str], bool]
) -> tuple[CodeType, tuple[LinkSpec, ...], tuple[tuple[str, str], ...]]:
    import ast

    from dyntransform.transform.decide import Decisions, Options, decide
    from dyntransform.transform.optout import opts_out
    from dyntransform.transform.source import decode

    code = _stored(path, data) or compile(data, path, "exec", dont_inherit=True)
    tree = ast.parse(data, path)
    decisions = Decisions() if opts_out(data) else decide(decode(data), path, tree, Options(is_project))
    links = tuple((link.scope, link.module, link.names) for link in decisions.links)
    reads = decisions.reads.values() if looks_up(code) else ()
    return code, links, tuple({source for sources in reads for source in sources})


def _stored(path: str, data: bytes) -> CodeType | None:
    """Return what Python has loaded if that is valid for this content (PEP 552), as compiled files of built trees are.

    Others are valid for a time stamp, and are what the content is compiled to.
    """
    try:
        name = cache_from_source(path)
        with open(name, "rb") as file:
            stored = file.read()
        if classify_pyc(stored, path, {}) == 0:
            return None
        validate_hash_pyc(stored, pyc_hash(data), path, {})
    except (OSError, ImportError, EOFError, NotImplementedError):
        return None
    code: CodeType = compile_bytecode(memoryview(stored)[HEADER_BYTES:], path, name, path)
    return code


def _of_compiled(
    path: str, data: bytes, is_project: Callable[[str], bool]
) -> tuple[CodeType, tuple[LinkSpec, ...], tuple[tuple[str, str], ...]]:
    from dyntransform.compiled.rewriting import rewrite
    from dyntransform.transform.decide import Options

    code = load_code(path, data)
    return code, rewrite(code, Options(is_project)).links, ()


def _name(module: ModuleType) -> str:
    return "__main__" if sys.modules.get("__main__") is module else module.__name__


def _with_live(code: CodeType, live: list[CodeType]) -> CodeType:
    """Put the code objects that live functions have in place of equal ones."""
    constants = []
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            same = next((one for one in live if one == constant), None)
            constants.append(same if same is not None else _with_live(constant, live))
        else:
            constants.append(constant)
    return code.replace(co_consts=tuple(constants))

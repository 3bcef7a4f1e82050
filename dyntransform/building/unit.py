"""Build one module: its rewritten text, and the compiled files that belong beside it."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import os
import tokenize
import traceback
import warnings
from collections.abc import Callable
from importlib.util import cache_from_source, source_hash

from dyntransform.building.inventory import Item
from dyntransform.building.manifest import Record, hash_of
from dyntransform.cpython.internals import code_to_hash_pyc
from dyntransform.importing import cache
from dyntransform.importing.compiling import new_entry
from dyntransform.transform.decide import Options
from dyntransform.transform.source import decode
from dyntransform.transform.stack import on_large_stack
from dyntransform.transform.text import rewrite
from dyntransform.transform.written import lower_written

__all__ = ["Outcome", "Task", "build_module", "compiled_files"]


@dataclasses.dataclass(frozen=True)
class Task:
    """A module that is to be built.

    Attributes:
        item: what is built.
        draft: folder that the tree is written to.
        is_late_bound: tells whether names of a top-level module are late bound.
    """

    item: Item
    draft: str
    is_late_bound: Callable[[str], bool]

    @property
    def source(self) -> str:
        """The file of the module."""
        return self.item.source


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a task: a record, or what is wrong with the module."""

    path: str
    record: Record | None
    problem: str = ""


def build_module(task: Task) -> Outcome:
    """Write a module and its compiled files into the draft."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the program's own; whoever runs the sources sees them
            return Outcome(task.item.path, _build(task))
    except SyntaxError as problem:
        problem.filename = task.item.source
        return Outcome(task.item.path, None, "".join(traceback.format_exception_only(problem)).rstrip())
    except (OSError, ValueError) as problem:
        return Outcome(task.item.path, None, f"{task.item.source}: {problem}")


def _build(task: Task) -> Record:
    item = task.item
    with open(item.source, "rb") as file:
        data = file.read()
    asked: dict[str, bool] = {}

    def ask(name: str) -> bool:
        asked[name] = answer = task.is_late_bound(name)
        return answer

    text = decode(data)
    rewritten = rewrite(text, item.path, Options(ask))
    built = data if rewritten.text == text else _encoded(rewritten.text, data)
    path = os.path.join(task.draft, item.path)
    _write(path, built, item.mode)
    hashes: dict[str, str] = {}
    contents = (_for_python(item.path, built), _for_the_hook(item.path, built, task.is_late_bound))
    for name, content in zip(compiled_files(item.path), contents, strict=True):
        if content is not None:
            _write(os.path.join(task.draft, name), content, (item.mode | 0o200) & 0o666)
            hashes[name] = hash_of(content)
    changed = hash_of(built) if built is not data else ""
    reason = rewritten.reason.removeprefix(f"{item.path}: ").removeprefix("left as it is: ")
    return Record(item.kind, hash_of(data), item.mode, changed, hashes, asked, reason)


def compiled_files(path: str) -> tuple[str, str]:
    """Return where Python and the import hook look for the compiled files of a module, as paths in the tree."""
    folder, name = os.path.split(path)
    names = (cache_from_source(name), cache_from_source(name, optimization=cache.TAG))
    first, second = (os.path.join(folder, "__pycache__", os.path.basename(each)) for each in names)
    return first, second


def _encoded(text: str, data: bytes) -> bytes:
    """Encode as the source was."""
    lines = iter(data.splitlines(keepends=True))
    encoding, _ = tokenize.detect_encoding(lambda: next(lines, b""))
    return text.encode(encoding)


def _for_python(path: str, built: bytes) -> bytes | None:
    """Compile for Python itself: valid for this content (PEP 552), so that it can be moved, and be edited."""

    def compiled() -> object:
        tree = ast.parse(built, path)
        lower_written(tree)
        return compile(tree, path, "exec", dont_inherit=True)

    try:
        code = on_large_stack(compiled)
    except (RecursionError, MemoryError):
        return None  # as Python would: it compiles the text when it is imported
    return bytes(code_to_hash_pyc(code, source_hash(built), checked=True))


def _for_the_hook(path: str, built: bytes, is_late_bound: Callable[[str], bool]) -> bytes | None:
    try:
        return cache.dumps(built, on_large_stack(lambda: new_entry(path, built, is_late_bound)))
    except (RecursionError, MemoryError):
        return None


def _write(path: str, content: bytes, mode: int) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # it may be the very file of the tree that is in use
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)

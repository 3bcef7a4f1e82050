"""From the bytes of a file to the code object that runs, through the cache."""

from __future__ import annotations

import marshal
import sys
from types import CodeType

from dyntransform.cpython.internals import call_with_frames_removed, classify_pyc, compile_bytecode
from dyntransform.importing import cache
from dyntransform.transform.optout import opts_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

    from dyntransform.transform.links import LinkSpec
    from dyntransform.transform.stage import Stage

    Facts = tuple[tuple[LinkSpec, ...], tuple[tuple[str, str], ...], str]
    """What only edits and reports ask for: live bindings, late lookups, and why a file was left as it is."""

__all__ = [
    "HEADER_BYTES",
    "Compiled",
    "cached_file",
    "compile_anew",
    "compile_as_import",
    "compile_file",
    "load_code",
    "new_entry",
    "rewrite_code",
]

HEADER_BYTES = 16
"""What stands before the code in a .pyc file: magic number, flags, and what tells its source (PEP 552)."""

Lookups = tuple[tuple[str, str], ...]
"""What functions look up late: pairs of module (with leading dots if relative) and attribute."""


class Compiled:
    """A module ready to run.

    Attributes:
        code: the code of the module, whose functions read imported names late.
        data: content of the file it was made from.
        stage: what was done to its tree before it was lowered.
        opted_out: the file asks to be left alone: it runs as it is, and edits of it are not applied.
    """

    __slots__ = ("_facts", "code", "data", "opted_out", "stage")

    def __init__(
        self,
        code: CodeType,
        links: tuple[LinkSpec, ...],
        lookups: Lookups,
        data: bytes,
        reason: str = "",
        stage: Stage | None = None,
    ) -> None:
        self.code = code
        self.data = data
        self.stage = stage
        self.opted_out = opts_out(data)
        self._facts: Facts | bytes = links, lookups, reason

    @classmethod
    def stored(cls, entry: cache.Entry, data: bytes, stage: Stage | None) -> Compiled:
        """Return what an entry of the cache holds; its facts stay packed: few objects for garbage collection."""
        self = cls.__new__(cls)
        _, self.opted_out, self._facts, self.code = entry
        self.data = data
        self.stage = stage
        return self

    def to_store(self, asked: dict[str, bool]) -> cache.Entry:
        """Return the entry for the cache, with the answers that the rewriting depended on."""
        return tuple(asked.items()), self.opted_out, marshal.dumps(self._unpacked()), self.code

    @property
    def links(self) -> tuple[LinkSpec, ...]:
        """Its live bindings."""
        return self._unpacked()[0]

    @property
    def lookups(self) -> Lookups:
        """What its functions look up late."""
        return self._unpacked()[1]

    @property
    def reason(self) -> str:
        """Why it runs as it is, unrewritten; empty otherwise."""
        return self._unpacked()[2]

    def _unpacked(self) -> Facts:
        if isinstance(self._facts, bytes):
            self._facts = marshal.loads(self._facts)  # noqa: S302 - from an entry that was checked
        return self._facts  # type: ignore[return-value]


def compile_file(path: str, data: bytes, is_project: Callable[[str], bool], stage: Stage | None = None) -> Compiled:
    """Return the code of a source file or, if its name ends in ``.pyc``, of a compiled one; from the cache if possible.

    Args:
        path: name of the file, as it is in the code object of a source file.
        data: content of the file.
        is_project: tells whether the top-level module of that name can be reloaded.
        stage: what is done to the tree before it is lowered.

    Raises:
        SyntaxError, ValueError: as `compile` does, for a source file.
        ImportError, EOFError, ValueError, TypeError: as an import does, for a compiled one.
    """
    return cached_file(path, data, is_project, stage) or compile_anew(path, data, is_project, stage)


def compile_anew(
    path: str,
    data: bytes,
    is_project: Callable[[str], bool],
    stage: Stage | None = None,
    module: str | None = None,
) -> Compiled:
    """Compile a file, and store it in the cache; see `compile_file`.

    Args:
        path: name of the file.
        data: its content.
        is_project: tells whether the top-level module of that name can be reloaded.
        stage: what is done to the tree before it is lowered.
        module: name of the module, for filters of warnings.
    """
    if path.endswith(".pyc"):
        return rewrite_code(path, data, load_code(path, data), is_project)
    return _store(path, is_project, stage, lambda ask: _compile(path, data, ask, stage, module))


def cached_file(
    path: str, data: bytes, is_project: Callable[[str], bool], stage: Stage | None = None
) -> Compiled | None:
    """Return what the cache has for a file with this content; see `compile_file`."""
    entry = cache.read(path, data, stage)
    if entry is None:
        return None
    for name, answer in entry[0]:  # without a generator: this is done for each module of a start
        if is_project(name) is not answer:
            return None
    return Compiled.stored(entry, data, stage)


def load_code(path: str, data: bytes) -> CodeType:
    """Return the code object in the content of a compiled file.

    Raises:
        ImportError, EOFError, ValueError, TypeError: as an import does.
    """
    classify_pyc(data, path, {"name": path, "path": path})
    code: CodeType = compile_bytecode(memoryview(data)[HEADER_BYTES:], path, path)
    return code


def rewrite_code(path: str, data: bytes, code: CodeType, is_project: Callable[[str], bool]) -> Compiled:
    """Rewrite the code object of a compiled file, and store it in the cache.

    Args:
        path: name of the file.
        data: its content.
        code: the code object in it.
        is_project: tells whether the top-level module of that name can be reloaded.
    """

    def rewritten(ask: Callable[[str], bool]) -> Compiled:
        from dyntransform.compiled.rewriting import rewrite
        from dyntransform.transform.decide import Options

        done = rewrite(code, Options(ask))
        reason = f"{path}: {done.reason}" if done.reason else ""
        return Compiled(done.code, done.links, done.lookups, data, reason)

    return _store(path, is_project, None, rewritten)


def _store(
    path: str,
    is_project: Callable[[str], bool],
    stage: Stage | None,
    make: Callable[[Callable[[str], bool]], Compiled],
) -> Compiled:
    """Return what `make` makes, and keep it in the cache along with the answers that it depends on."""
    made, entry = _made(is_project, make)
    if not sys.dont_write_bytecode:
        cache.write(path, made.data, entry, stage)
    return made


def _made(
    is_project: Callable[[str], bool], make: Callable[[Callable[[str], bool]], Compiled]
) -> tuple[Compiled, cache.Entry]:
    asked: dict[str, bool] = {}

    def ask(name: str) -> bool:
        asked[name] = answer = is_project(name)
        return answer

    made = make(ask)
    return made, made.to_store(asked)


def new_entry(path: str, data: bytes, is_project: Callable[[str], bool]) -> cache.Entry:
    """Compile a source file, and return what the cache would store for it.

    Args:
        path: name of the file, as it is in the code object.
        data: content of the file.
        is_project: tells whether the top-level module of that name can be reloaded.

    Raises:
        SyntaxError, ValueError: as `compile` does.
    """
    return _made(is_project, lambda ask: _compile(path, data, ask))[1]


def _compile(
    path: str,
    data: bytes,
    is_project: Callable[[str], bool],
    stage: Stage | None = None,
    module: str | None = None,
) -> Compiled:
    if b"from" not in data and b"class" not in data and stage is None:
        return Compiled(compile_as_import(data, path, module), (), (), data)
    from dyntransform.transform.stack import is_small, on_large_stack  # the imports of a cold start

    if is_small():
        return on_large_stack(lambda: _rewrite(path, data, is_project, stage, module))
    return _rewrite(path, data, is_project, stage, module)


def _rewrite(
    path: str, data: bytes, is_project: Callable[[str], bool], stage: Stage | None, module: str | None
) -> Compiled:
    import ast

    from dyntransform.cpython.compiling import of_module
    from dyntransform.transform.decide import Decisions, Options
    from dyntransform.transform.draft import decide_proven
    from dyntransform.transform.lowering import lower
    from dyntransform.transform.source import decode

    try:
        tree = ast.parse(data, path, **of_module(module))
        decisions = Decisions() if opts_out(data) else decide_proven(decode(data), path, tree, Options(is_project))
        if stage is not None:
            stage(tree, data, path)
        lower(tree, decisions)
        code = compile_as_import(tree, path, module)
    except RecursionError:
        reason = f"{path}: nested too deeply: imported names are not late bound, and classes gain no base"
        return Compiled(_plain(path, data, stage, module), (), (), data, reason, stage)
    links = tuple((link.scope, link.module, link.names) for link in decisions.links)
    lookups = tuple({source for sources in decisions.reads.values() for source in sources})
    return Compiled(code, links, lookups, data, decisions.reason, stage)


def _plain(path: str, data: bytes, stage: Stage | None, module: str | None) -> CodeType:
    if stage is None:
        return compile_as_import(data, path, module)
    import ast

    from dyntransform.cpython.compiling import of_module

    tree = ast.parse(data, path, **of_module(module))
    stage(tree, data, path)
    return compile_as_import(tree, path, module)


def compile_as_import(source: bytes | ast.Module, path: str, module: str | None = None) -> CodeType:
    """Compile a module as the import system does.

    What the compiler computes may warn, as ``~True`` does; such a warning is shown at the line that called it.

    Args:
        source: what to compile.
        path: name of the file.
        module: name of the module, for filters of warnings.
    """
    from dyntransform.cpython.compiling import of_module  # a warm start compiles nothing

    known = of_module(module)
    code: CodeType = call_with_frames_removed(compile, source, path, "exec", dont_inherit=True, **known)
    return code

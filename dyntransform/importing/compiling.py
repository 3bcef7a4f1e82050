"""From the bytes of a source file to the code object that runs, through the cache."""

from __future__ import annotations

import sys
from types import CodeType

from dyntransform.importing import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from dyntransform.transform.stage import Stage

__all__ = ["Compiled", "LinkSpec", "compile_file"]

LinkSpec = tuple[str, str, tuple[tuple[str, str], ...]]
"""A live binding: qualified name of the class (empty for the module), module imported from, (attribute, name) pairs."""


class Compiled:
    """A module ready to run.

    Attributes:
        code: the lowered code of the module.
        links: its live bindings.
        lookups: what its functions look up late: pairs of module (with leading dots if relative) and attribute.
        data: the source it was made from.
        reason: why it runs as it is, unrewritten; empty otherwise.
        stage: what was done to its tree before it was lowered.
    """

    __slots__ = ("code", "data", "links", "lookups", "reason", "stage")

    def __init__(
        self,
        code: CodeType,
        links: tuple[LinkSpec, ...],
        lookups: tuple[tuple[str, str], ...],
        data: bytes,
        reason: str = "",
        stage: Stage | None = None,
    ) -> None:
        self.code = code
        self.links = links
        self.lookups = lookups
        self.data = data
        self.reason = reason
        self.stage = stage


def compile_file(path: str, data: bytes, is_project: Callable[[str], bool], stage: Stage | None = None) -> Compiled:
    """Return the code of a source file, from the cache if it is there.

    Args:
        path: name of the file, as it is in the code object.
        data: content of the file.
        is_project: tells whether the top-level module of that name can be reloaded.
        stage: what is done to the tree before it is lowered.

    Raises:
        SyntaxError, ValueError: as `compile` does.
    """
    entry = cache.read(path, data, stage)
    if entry is not None and all(is_project(name) is answer for name, answer in entry.asked):
        return Compiled(entry.code, entry.links, entry.lookups, data, entry.reason, stage)
    asked: dict[str, bool] = {}

    def ask(name: str) -> bool:
        asked[name] = answer = is_project(name)
        return answer

    compiled = _compile(path, data, ask, stage)
    if not sys.dont_write_bytecode:
        cache.write(
            path,
            data,
            cache.Entry(tuple(asked.items()), compiled.links, compiled.lookups, compiled.reason, compiled.code),
            stage,
        )
    return compiled


def _compile(path: str, data: bytes, is_project: Callable[[str], bool], stage: Stage | None = None) -> Compiled:
    if b"from" not in data and stage is None:
        return Compiled(compile(data, path, "exec", dont_inherit=True), (), (), data)
    from dyntransform.transform.stack import is_small, on_large_stack  # the imports of a cold start

    if is_small():
        return on_large_stack(lambda: _rewrite(path, data, is_project, stage))
    return _rewrite(path, data, is_project, stage)


def _rewrite(path: str, data: bytes, is_project: Callable[[str], bool], stage: Stage | None) -> Compiled:
    import ast

    from dyntransform.transform.decide import Options, decide
    from dyntransform.transform.lowering import lower
    from dyntransform.transform.source import decode

    try:
        tree = ast.parse(data, path)
        decisions = decide(decode(data), path, tree, Options(is_project))
        if stage is not None:
            stage(tree, data, path)
        lower(tree, decisions)
        code = compile(tree, path, "exec", dont_inherit=True)
    except RecursionError:
        reason = f"{path}: nested too deeply to be rewritten; names imported in its functions are not late bound"
        return Compiled(_plain(path, data, stage), (), (), data, reason, stage)
    links = tuple((link.scope, link.module, link.names) for link in decisions.links)
    lookups = tuple({source for sources in decisions.reads.values() for source in sources})
    return Compiled(code, links, lookups, data, decisions.reason, stage)


def _plain(path: str, data: bytes, stage: Stage | None) -> CodeType:
    if stage is None:
        return compile(data, path, "exec", dont_inherit=True)
    import ast

    tree = ast.parse(data, path)
    stage(tree, data, path)
    return compile(tree, path, "exec", dont_inherit=True)

"""Real code, rewritten as source and as compiled code: both come to the same.

A sample of the standard library; all of it with ``DYN_CORPUS=all``.
"""

from __future__ import annotations

import ast
import os
import sysconfig
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest
from late_reads import late_reads, sources_of_reads

from dyntransform.compiled.instructions import assemble, disassemble
from dyntransform.compiled.rewriting import rewrite
from dyntransform.transform.decide import Options, decide
from dyntransform.transform.links import LinkSpec
from dyntransform.transform.lowering import lower
from dyntransform.transform.source import decode

_STDLIB = Path(sysconfig.get_path("stdlib"))
_SAMPLE = ("argparse", "asyncio/base_events", "doctest", "enum", "inspect", "multiprocessing/context", "pickle", "site")
_SAMPLE += ("tarfile", "typing", "unittest/mock", "wsgiref/util", "test/test_listcomps", "test/test_patma")
_TABLES = ("co_code", "co_exceptiontable", "co_consts", "co_names", "co_varnames", "co_cellvars", "co_freevars")


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _compare(path: Path) -> Iterator[str]:
    """Yield what differs; a file that is not valid, or too deep for one of the ways, is left out."""
    data = path.read_bytes()
    try:
        plain = compile(data, str(path), "exec", dont_inherit=True)
        tree = ast.parse(data, str(path))
        decisions = decide(decode(data), str(path), tree, Options())
        lower(tree, decisions)
        lowered = compile(tree, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    if decisions.reason:
        return
    rewritten = rewrite(plain, Options())
    if rewritten.reason:
        yield rewritten.reason
    reads = late_reads(rewritten.code)
    if reads != late_reads(lowered):
        yield f"late reads: {set(reads) ^ set(late_reads(lowered))}"
    if set(rewritten.lookups) != sources_of_reads(reads):
        yield f"lookups: {rewritten.lookups}"
    never = _never_run(tree)
    links = [(link.scope, link.module, link.names) for link in decisions.links if link.node not in never]
    if list(rewritten.links) != links:
        yield f"links: {_only_one_has(links, list(rewritten.links))}"


def _only_one_has(ones: list[LinkSpec], others: list[LinkSpec]) -> list[LinkSpec]:
    return [one for one in [*ones, *others] if (one in ones) is not (one in others)]


def _never_run(tree: ast.Module) -> set[ast.AST]:
    """Return what stands below ``if False:``; the compiler leaves it out."""
    conditions = [node for node in ast.walk(tree) if isinstance(node, ast.If) and isinstance(node.test, ast.Constant)]
    blocks = [node.orelse if node.test.value else node.body for node in conditions]  # type: ignore[attr-defined]
    return {inner for block in blocks for node in block for inner in ast.walk(node)}


@pytest.mark.parametrize("name", _SAMPLE)
def test_both_ways_come_to_the_same(name: str) -> None:
    """Late reads, lookups and links of a module are the same."""
    path = _STDLIB / f"{name}.py"
    if not path.exists():
        pytest.skip("this Python comes without it")
    assert list(_compare(path)) == []


@pytest.mark.parametrize("name", _SAMPLE)
def test_taken_apart_and_put_together(name: str) -> None:
    """Without a change, code comes out as it went in: instructions, tables, places."""
    path = _STDLIB / f"{name}.py"
    if not path.exists():
        pytest.skip("this Python comes without it")
    for code in _codes(compile(path.read_bytes(), str(path), "exec", dont_inherit=True)):
        again = assemble(disassemble(code), {}, code.co_names, code.co_consts, code.co_stacksize)
        assert [field for field in _TABLES if getattr(code, field) != getattr(again, field)] == []
        assert list(code.co_positions()) == list(again.co_positions())


@pytest.mark.skipif(os.environ.get("DYN_CORPUS") != "all", reason="DYN_CORPUS=all takes the whole standard library")
def test_the_whole_standard_library() -> None:
    """Both ways come to the same everywhere."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted(_STDLIB.rglob("*.py")):
            if "site-packages" not in path.parts and path.is_file():
                found[str(path)] = list(_compare(path))
    assert {path: problems for path, problems in found.items() if problems} == {}

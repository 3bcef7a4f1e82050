"""Compiled code on disk: used when it is right, ignored when it is anything else."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import random
import sys
import textwrap
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from hooked import importing, run, write

from dyntransform.importing import cache, compiling

SOURCE = b"from m import a\ndef f():\n    from m import y\n    return y\n"
compile_file = compiling.compile_file


def everything(_name: str) -> bool:
    """Any module is project code."""
    return True


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source file."""
    path = tmp_path / "mod.py"
    path.write_bytes(SOURCE)
    return path


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were compiled, since they were not in the cache."""
    seen: list[str] = []
    original = compiling._compile

    def spy(path: str, *arguments: Any) -> compiling.Compiled:
        seen.append(Path(path).name)
        return original(path, *arguments)

    monkeypatch.setattr(compiling, "_compile", spy)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return seen


def test_second_time(source: Path, compiled: list[str]) -> None:
    """The second time, all that was found out comes from the cache."""
    first, second = (compile_file(str(source), SOURCE, everything) for _ in range(2))
    assert compiled == ["mod.py"]
    for field in ("code", "data", "stage", "opted_out", "links", "lookups", "reason"):
        assert getattr(first, field) == getattr(second, field)
    assert second.links == (("", "m", (("a", "a"),)),)
    assert second.lookups == (("m", "y"),)


def test_name(source: Path) -> None:
    """The entry is beside Python's own, which it is not, and its name leads back to the source."""
    name = cache.cache_path(str(source))
    assert name is not None
    assert name != importlib.util.cache_from_source(str(source))
    assert importlib.util.source_from_cache(name) == str(source)
    assert list(cache.entries(source.parent)) == []
    compile_file(str(source), SOURCE, everything)
    assert [str(path) for path in cache.entries(source.parent)] == ([] if sys.dont_write_bytecode else [name])


@pytest.mark.parametrize("name", ["mod.py", "two.dots.py", ".py", "none", "*.py"])
def test_name_is_that_of_the_import_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The name follows the folder, `sys.pycache_prefix` and the tag of the interpreter, also when they change."""

    def names() -> list[tuple[str | None, str]]:
        paths = [str(tmp_path / name), str(tmp_path / "sub" / name), name]
        ours = [
            (cache.cache_path(path), importlib.util.cache_from_source(path, optimization=cache.TAG)) for path in paths
        ]
        return ours + [(cache.python_cache_path(path), importlib.util.cache_from_source(path)) for path in paths]

    def agree() -> bool:
        return all(ours == theirs for _ in range(2) for ours, theirs in names())

    assert agree()
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "elsewhere"))
    assert agree()
    monkeypatch.chdir(tmp_path)
    assert agree()
    monkeypatch.setattr(sys.implementation, "cache_tag", "other")
    assert agree()
    monkeypatch.setattr(sys.implementation, "cache_tag", None)
    assert [cache.cache_path(path) for path in (str(tmp_path / name), name)] == [None, None]


def test_content_decides(source: Path, compiled: list[str]) -> None:
    """Other content of the same size and time is compiled anew; a touched file is not."""
    compile_file(str(source), SOURCE, everything)
    os.utime(source, (1, 1))
    compile_file(str(source), SOURCE, everything)
    assert len(compiled) == 1
    changed = compile_file(str(source), SOURCE.replace(b"import a", b"import b"), everything)
    assert len(compiled) == 2
    assert changed.links == (("", "m", (("b", "b"),)),)


@pytest.mark.parametrize("size", [0, 10, 1 << 16, (1 << 16) + 1, 3 << 16])
def test_content_is_read_at_once_or_not_at_all(tmp_path: Path, size: int) -> None:
    """A long file is left to Python's loader; a part of a file is never taken for all of it."""
    path = tmp_path / "some.py"
    path.write_bytes(b"#" * size)
    assert cache.content(str(path)) in ([b"#" * size] if size <= 1 << 16 else [b""])
    assert cache.content(str(tmp_path)) == cache.content(str(tmp_path / "none.py")) == b""


def test_configuration_decides(source: Path, compiled: list[str]) -> None:
    """An entry that was made for other roots, or another `late_bind`, is not used."""
    assert compile_file(str(source), SOURCE, everything).lookups
    assert not compile_file(str(source), SOURCE, lambda _name: False).lookups
    assert compile_file(str(source), SOURCE, everything).lookups
    assert len(compiled) == 3


def test_damage(source: Path, compiled: list[str]) -> None:
    """Truncated, altered or strange entries are as if they were not there."""
    good = compile_file(str(source), SOURCE, everything)
    name = cache.cache_path(str(source))
    assert name is not None
    stored = Path(name).read_bytes()
    damaged = [stored[:size] for size in range(0, len(stored) - 1, 7)]
    damaged += [b"\0" * 1000, os.urandom(1000), b"other" + stored, stored + b"more"]
    chance = random.Random(1)
    for _ in range(100):
        changed = bytearray(stored)
        changed[chance.randrange(len(stored))] ^= 1 << chance.randrange(8)
        damaged.append(bytes(changed))
    for content in damaged:
        Path(name).write_bytes(content)
        compiled.clear()
        assert compile_file(str(source), SOURCE, everything).code == good.code
        assert compiled == ["mod.py"]


def test_other_versions(source: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry of another release, of us or of Python, is not used."""
    compile_file(str(source), SOURCE, everything)
    monkeypatch.setattr(cache, "_KEY", cache._KEY ^ 1)
    compile_file(str(source), SOURCE, everything)
    assert len(compiled) == 2


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files away")
def test_foreign_owner(source: Path, compiled: list[str]) -> None:
    """An entry that belongs to another user is not executed."""
    compile_file(str(source), SOURCE, everything)
    name = cache.cache_path(str(source))
    assert name is not None
    os.chown(name, 12345, 12345)
    compile_file(str(source), SOURCE, everything)
    assert len(compiled) == 2


def test_folder_that_cannot_be_written(source: Path, compiled: list[str]) -> None:
    """Where no entry can be written, the file is compiled each time."""
    (source.parent / "__pycache__").write_text("a file stands in the way")
    for _ in range(2):
        assert compile_file(str(source), SOURCE, everything).lookups
    assert len(compiled) == 2


def test_dont_write_bytecode(source: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """``-B`` holds for our entries, too."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    compile_file(str(source), SOURCE, everything)
    assert not (source.parent / "__pycache__").exists()
    assert compiled


def test_pycache_prefix(
    source: Path, tmp_path_factory: pytest.TempPathFactory, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``pycache_prefix`` holds for our entries, too."""
    prefix = tmp_path_factory.mktemp("prefix")
    monkeypatch.setattr(sys, "pycache_prefix", str(prefix))
    for _ in range(2):
        compile_file(str(source), SOURCE, everything)
    assert compiled == ["mod.py"]
    assert not (source.parent / "__pycache__").exists()
    (entry,) = cache.entries(source.parent)
    assert entry.is_relative_to(prefix)


def test_moved_project(source: Path, compiled: list[str]) -> None:
    """Code from the cache has the file name of its source, also after the folder moved."""
    compile_file(str(source), SOURCE, everything)
    moved = source.parent.rename(source.parent.with_name("moved")) / "mod.py"
    result = compile_file(str(moved), SOURCE, everything)
    function = next(constant for constant in result.code.co_consts if isinstance(constant, CodeType))
    assert (result.code.co_filename, function.co_filename) == (str(moved), str(moved))
    assert compiled == ["mod.py"]


def test_entry_keeps_the_reason(source: Path, compiled: list[str]) -> None:
    """Why a file was left as it is, is told again from the cache."""
    data = SOURCE + b"def g():\n from m import y\n return " + b"+".join([b"y"] * 1_000) + b"\n"
    reasons = [compile_file(str(source), data, everything).reason for _ in range(2)]
    assert reasons[0] == reasons[1] != ""
    assert len(compiled) == 1


def test_pythons_own_cache_is_never_touched(tmp_path: Path) -> None:
    """Python's .pyc is neither read nor written by the hook, so that a plain run never meets rewritten code."""
    write(tmp_path, {"mod.py": "def f():\n    from json import dumps\n    return dumps.__name__\n"})
    own = Path(py_compile.compile(str(tmp_path / "mod.py"), doraise=True))
    before = (own.read_bytes(), own.stat().st_mtime_ns)
    with importing(tmp_path):
        import mod  # type: ignore[import-not-found]

        assert mod.f() == "dumps"
        assert getattr(mod, "__cached__", str(own)) == mod.__spec__.cached == str(own)
    assert (own.read_bytes(), own.stat().st_mtime_ns) == before


def test_optimization_levels_have_entries_of_their_own(tmp_path: Path) -> None:
    """Code that was compiled with -O, without its assertions, is not used without -O."""
    write(
        tmp_path,
        {"mod.py": "from json import dumps\ntry:\n    assert 0\nexcept AssertionError:\n    print('asserts')\n"},
    )
    assert run(tmp_path, "import mod", options=("-O",)) == ""
    assert run(tmp_path, "import mod") == "asserts\n"
    assert run(tmp_path, "import mod", options=("-O",)) == ""
    assert len(list(cache.entries(tmp_path))) == 2


def test_warm_start_imports_little(tmp_path: Path) -> None:
    """A start from the cache needs no parser, no libcst, and nothing that is large."""
    write(
        tmp_path,
        {"mod.py": "from other import a\nclass A:\n    def f(self):\n        from other import a\n        return a\n"},
    )
    write(tmp_path, {"other.py": "a = 1\n"})
    code = """
        import sys
        import mod
        large = {"ast", "symtable", "libcst", "bytecode", "rich", "watchfiles", "inspect", "typing", "re",
                 "dataclasses", "pathlib", "threading", "dyntransform.reloading"}
        rewriting = {name for name in sys.modules if name.startswith("dyntransform.transform.")}
        print(sorted(large.intersection(sys.modules) - BEFORE), sorted(rewriting), mod.A().f())
    """
    start = "import sys; BEFORE = set(sys.modules)\nimport dyntransform; dyntransform.install()\n"
    run(tmp_path, "import mod")
    assert run(tmp_path, start + textwrap.dedent(code), hook=False) == "[] ['dyntransform.transform.optout'] 1\n"

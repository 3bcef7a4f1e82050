"""Real code, rewritten: the standard library, and whatever `DYN_CORPUS` names.

``DYN_CORPUS=all`` takes everything installed with this interpreter; else it is a list of files and folders, separated
as in PATH. ``DYN_CORPUS_TEXT=0`` leaves the readable form out, which is what takes long.
"""

from __future__ import annotations

import concurrent.futures
import functools
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_check import check

_STDLIB = Path(sysconfig.get_path("stdlib"))
_SAMPLE = [
    "argparse",
    "ast",
    "asyncio/base_events",
    "bdb",
    "cgitb",
    "codecs",
    "collections/__init__",
    "concurrent/futures/thread",
    "configparser",
    "contextlib",
    "copyreg",
    "ctypes/util",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "dis",
    "doctest",
    "email/message",
    "email/utils",
    "enum",
    "functools",
    "gettext",
    "heapq",
    "http/client",
    "http/cookiejar",
    "http/server",
    "imaplib",
    "importlib/__init__",
    "importlib/_bootstrap",
    "importlib/metadata/__init__",
    "importlib/util",
    "inspect",
    "json/decoder",
    "lib2to3/main",
    "locale",
    "logging/config",
    "mailbox",
    "multiprocessing/context",
    "multiprocessing/managers",
    "optparse",
    "os",
    "pickle",
    "pkgutil",
    "platform",
    "random",
    "re/__init__",
    "runpy",
    "shutil",
    "site",
    "sqlite3/__init__",
    "ssl",
    "statistics",
    "string",
    "subprocess",
    "sysconfig",
    "tarfile",
    "threading",
    "tokenize",
    "trace",
    "turtle",
    "typing",
    "unittest/async_case",
    "unittest/case",
    "unittest/mock",
    "uuid",
    "warnings",
    "webbrowser",
    "xml/dom/minidom",
    "xmlrpc/client",
    "zipfile",
    "zipfile/__init__",
    "test/test_grammar",
    "test/test_patma",
    "test/test_syntax",
    "test/test_named_expressions",
    "test/test_type_params",
    "test/test_fstring",
    "test/test_scope",
    "test/test_listcomps",
    "test/test_super",
    "test/test_unicode",
]


def _sample() -> list[Path]:
    return [path for name in _SAMPLE if (path := _STDLIB / f"{name}.py").exists()]


@pytest.mark.parametrize("path", _sample(), ids=lambda path: path.relative_to(_STDLIB).as_posix())
def test_standard_library(path: Path) -> None:
    """A module of the standard library stays the same program, in both forms."""
    outcome = check(str(path), text=path.stat().st_size < 60_000)
    assert not outcome.problems
    assert not outcome.reason


def _files(corpus: str) -> Iterator[str]:
    paths = sysconfig.get_paths()
    named = {paths["stdlib"], paths["purelib"]} if corpus == "all" else corpus.split(os.pathsep)
    found = [path for name in named for path in ([Path(name)] if Path(name).is_file() else Path(name).rglob("*.py"))]
    own = Path(paths["purelib"]) / "dyntransform"  # which is never rewritten, and names what the readable text adds
    return iter(sorted({str(path) for path in found if path.is_file() and own not in path.parents}))


@pytest.mark.skipif("DYN_CORPUS" not in os.environ, reason="DYN_CORPUS names what to take")
def test_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """Everything there is stays the same program, and at most one file of a thousand is left as it is."""
    text = os.environ.get("DYN_CORPUS_TEXT", "1") != "0"
    files = list(_files(os.environ["DYN_CORPUS"]))
    with concurrent.futures.ProcessPoolExecutor(int(os.environ.get("DYN_CORPUS_JOBS", "2"))) as pool:
        outcomes = list(pool.map(functools.partial(check, text=text), files, chunksize=20))
    left = [outcome for outcome in outcomes if outcome.reason]
    told = [f"{len(files)} files, {sum(outcome.lines for outcome in outcomes)} lines, {len(left)} left as they are"]
    told += [
        outcome.reason if outcome.path in outcome.reason else f"{outcome.path}: {outcome.reason}" for outcome in left
    ]
    told += [f"{outcome.path}: {problem}" for outcome in outcomes for problem in outcome.problems]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(told) + "\n")
    assert not [outcome.path for outcome in outcomes if outcome.problems]
    assert len(left) <= len(files) / 1000

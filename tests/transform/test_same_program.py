"""Random projects run under plain Python, under the hook, with every lookup asked, and in their readable form.

``DYN_EXAMPLES`` sets how many are tried (80); with ``DYN_SHRINK`` a failing one is made smaller, for minutes.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import os
import re
import shutil
import sys
import tempfile
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from hypothesis import HealthCheck, Phase, given, note, settings
from programs import project

import dyntransform
from dyntransform.runtime.lookup import replacements
from dyntransform.transform.decide import Options
from dyntransform.transform.text import rewrite

_EXAMPLES = int(os.environ.get("DYN_EXAMPLES", "80"))
TraceFunction: TypeAlias = Callable[[types.FrameType, str, object], object]
_INHERITED = {"__dict__", "__weakref__"}
_OWN = {"_dyn_lookup", "DynamicClass", "_DynamicClass"}


@contextlib.contextmanager
def _fresh(root: Path) -> Iterator[None]:
    """Import from `root`, and leave nothing behind."""
    modules, builtin_names = dict(sys.modules), set(vars(__import__("builtins")))
    sys.path.insert(0, str(root))
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        importlib.invalidate_caches()
        yield
    finally:
        sys.dont_write_bytecode = written
        sys.path.remove(str(root))
        sys.path_importer_cache.pop(str(root), None)
        for name in set(sys.modules) - set(modules):
            del sys.modules[name]
        assert set(vars(__import__("builtins"))) - builtin_names <= {"__dyn_replaced__", "__dyn_class__"}


def _tell(value: object) -> str:
    """Describe a value without addresses; DynamicClass is told apart by tests of its own."""
    return _without_addresses(repr(value))


def _without_addresses(text: str) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def _in_short(error: BaseException) -> str:
    """Tell an error without the text of its lines, which the readable form changes."""
    lines = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return "\n".join([f"{type(error).__name__}: {error}", *lines])


@contextlib.contextmanager
def _traced(root: Path) -> Iterator[list[str]]:
    """Collect what a debugger is told of the frames of files in `root`."""
    told: list[str] = []

    def trace(frame: types.FrameType, event: str, _argument: object) -> TraceFunction | None:
        code = frame.f_code
        if not code.co_filename.startswith(str(root)):
            return None
        told.append(f"{code.co_filename}:{frame.f_lineno} {code.co_qualname} {event} {sorted(frame.f_locals)}")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield told
    finally:
        sys.settrace(before)


def _run(root: Path) -> tuple[str, str]:
    """Import main, call all that it defines, and tell everything that can be seen, with tracebacks and in short."""
    story: list[str] = []
    short: dict[str, str] = {}
    output = io.StringIO()

    def attempt(work: Callable[[], object]) -> None:
        try:
            story.append(_tell(work()))
        except Exception as error:  # noqa: BLE001 - the programs raise anything
            told = _without_addresses("".join(traceback.format_exception(error)))
            short[told] = _without_addresses(_in_short(error))
            story.append(told)

    with _traced(root) as events, warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(output):
        warnings.simplefilter("always")
        attempt(lambda: importlib.import_module("main"))
        for name in ("main", "pkg.mid"):
            for value in list(vars(sys.modules.get(name, types)).values()):
                if getattr(value, "__module__", None) == name and callable(value):
                    _call(value, attempt)
        names = [name for name in ("main", "m", "pkg", "pkg.leaf", "pkg.mid") if name in sys.modules]
        for name in names:
            for key, value in vars(sys.modules[name]).items():
                if key not in _OWN and not key.startswith("__"):
                    story.append(f"{name}.{key} = {_tell(value)}")
                    if isinstance(value, type):
                        story.append(f"{sorted(vars(value).keys() - _INHERITED)} {value.__doc__}")
    story.append(_without_addresses(output.getvalue()))
    story += [f"{each.category.__name__}: {each.message}, line {each.lineno}" for each in caught]
    return "\n".join(story + events), "\n".join(short.get(told, told) for told in story)


def _call(value: object, attempt: Callable[[Callable[[], object]], None]) -> None:
    """Call a function, drive what it returns, and do the same with the methods of a class."""
    assert callable(value)

    def drive() -> object:
        result = value()
        if inspect.iscoroutine(result):
            with contextlib.closing(result):
                result.send(None)
        return list(result) if inspect.isgenerator(result) else result

    attempt(drive)
    if isinstance(value, type):
        for name, member in list(vars(value).items()):
            if isinstance(member, types.FunctionType) and name != "__init__":
                attempt(lambda member=member: member(None))


@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    phases=[phase for phase in Phase if phase is not Phase.shrink or "DYN_SHRINK" in os.environ],  # it takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(project())
def test_same_program(files: dict[str, str]) -> None:
    """Output, errors, traceback text, warnings, line events and final globals are those of plain Python."""
    root = Path(tempfile.mkdtemp()).resolve()
    try:
        for name, text in files.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text)
        note(files["main.py"])
        with _fresh(root):
            plain, in_short = _run(root)
        with dyntransform.install([root]), _fresh(root):
            assert _run(root)[0] == plain
        with dyntransform.install([root]), _fresh(root):
            replacements.add("nothing", "nothing", object())
            replacements.switch()
            try:
                assert _run(root)[0] == plain
            finally:
                replacements.discard("nothing", "nothing")
                replacements.switch()
        for name in ("main.py", "pkg/mid.py"):
            (root / name).write_text(_readable(files[name], str(root / name)))
        with _fresh(root):
            assert _run(root)[1] == in_short
    finally:
        shutil.rmtree(root)


def _readable(text: str, name: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = rewrite(text, name, Options())
    except SyntaxError:
        return text
    assert not result.reason
    return result.text

"""Rewrite a file in both forms, and compare with what plain Python makes of it."""

from __future__ import annotations

import dataclasses
import re
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from same_code import differences

from dyntransform.importing import compiling
from dyntransform.transform.decide import Options
from dyntransform.transform.source import decode
from dyntransform.transform.text import rewrite

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_NAME = r"(?:__import__\(.dyntransform\.runtime.\)\.runtime\.)?_*"
_LINK = re.compile(rf"""; (\w+) = {_NAME}dyn_lookup\("[\w.]+", "\w+", \1\)""")
_LOOKUP = re.compile(rf"""{_NAME}dyn_lookup\((?:"[\w.]+", "\w+"|'[\w.]+', '\w+'), (\w+)(?:, ["'][\w.]+["'])*\)""")
_BASE = re.compile(rf"\s*\({_NAME}DynamicClass\)")
_HEADER = re.compile(r"(; )?from dyntransform\.runtime import [\w, ]+?(; |(?=\s*(?:#|$)))")
_ROOT_BASE = re.compile(r"(?<=[\w\]])\s*\(\s*(object)?\s*\)(?=\s*:)")


@dataclasses.dataclass
class Outcome:
    """What became of a file."""

    path: str
    lines: int = 0
    reason: str = ""
    problems: list[str] = dataclasses.field(default_factory=list)


def _attempt(work: Callable[[], Any]) -> tuple[Any, BaseException | None, list[tuple[object, ...]]]:
    """Return the result, the error, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result, error = work(), None
        except Exception as problem:  # noqa: BLE001 - the test looks at it
            result, error = None, problem
    return result, error, [(each.category, str(each.message), each.filename, each.lineno) for each in caught]


def _told(error: BaseException | None) -> tuple[object, ...]:
    if isinstance(error, SyntaxError):
        return (type(error), error.msg, error.lineno, error.offset, error.end_lineno, error.end_offset)
    return (type(error), str(error))


def check(path: str, *, text: bool = True) -> Outcome:
    """Rewrite a file in both forms and compare with plain Python."""
    outcome = Outcome(path)
    try:
        _check(outcome, Path(path).read_bytes(), text=text)
    except Exception:  # noqa: BLE001 - an error of ours is what the test looks for
        outcome.problems.append(traceback.format_exc())
    return outcome


def _check(outcome: Outcome, data: bytes, *, text: bool) -> None:
    path = outcome.path
    outcome.lines = data.count(b"\n")
    code, plain_error, plain_warnings = _attempt(lambda: compiling.compile_as_import(data, path))
    compiled, error, ours = _attempt(lambda: compiling._compile(path, data, lambda _name: True))
    if plain_error is not None:
        # The loader then lets Python's own say so; see tests/importing.
        if error is None:
            outcome.problems.append(f"compiled, although {plain_error!r}")
        if text:
            _refused(outcome, data, plain_error)
        return
    if error is not None:
        outcome.problems.append(f"not compiled: {error!r}")
        return
    outcome.reason = compiled.reason
    outcome.problems += differences(code, compiled.code)
    if plain_warnings != ours:
        outcome.problems.append(f"warnings: {plain_warnings} and {ours}")
    if text:
        _readable(outcome, decode(data))


def _refused(outcome: Outcome, data: bytes, plain_error: BaseException) -> None:
    source, error, _ = _attempt(lambda: decode(data))
    if error is not None:  # each version of Python has its own words for this
        if type(error) is not type(plain_error):
            outcome.problems.append(f"{plain_error!r} became {error!r}")
        return
    result, error, _ = _attempt(lambda: rewrite(source, outcome.path, Options()))
    if isinstance(plain_error, (RecursionError, MemoryError)):
        if error is not None or not result.reason:
            outcome.problems.append(f"{plain_error!r} became {error!r}")
    elif _told(error) != _told(plain_error):
        outcome.problems.append(f"{_told(plain_error)} became {_told(error)}")


def _readable(outcome: Outcome, source: str) -> None:
    result, error, _ = _attempt(lambda: rewrite(source, outcome.path, Options()))
    if error is not None:
        outcome.problems.append(f"not rewritten: {error!r}")
        return
    outcome.reason = outcome.reason or result.reason
    before, after = _LINE.findall(source), _LINE.findall(result.text)
    if len(before) != len(after):
        outcome.problems.append(f"{len(before)} lines became {len(after)}")
    for number, (old, new) in enumerate(zip(before, after, strict=False), 1):
        if old != new and _without_ours(new) != _ROOT_BASE.sub("", old):
            outcome.problems.append(f"line {number}: {old!r} became {new!r}")
    again, _, _ = _attempt(lambda: rewrite(result.text, outcome.path, Options()))
    if again is None or again.text != result.text or (again.reason and not result.reason):
        outcome.problems.append(f"rewritten twice: {again and again.reason}")


def _without_ours(line: str) -> str:
    return _ROOT_BASE.sub("", _BASE.sub("", _HEADER.sub("", _LOOKUP.sub(r"\1", _LINK.sub("", line)))))

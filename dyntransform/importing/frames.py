"""Frames that look like those of Python's own import system, which tracebacks show when a module is not valid."""

from __future__ import annotations

from types import CodeType

__all__ = ["posing_as"]

_UNITS_PER_ENTRY = 8
_NO_COLUMNS = 0x80 | 13 << 3  # PY_CODE_LOCATION_INFO_NO_COLUMNS, see Objects/locations.md of CPython


def posing_as(code: CodeType, model: CodeType, calls: tuple[str, ...]) -> CodeType:
    """Return code that is shown as `model` would be while it calls the same method or global function.

    Its file name is the model's as well: importlib takes the frames of its own files off tracebacks
    (`remove_importlib_frames` in import.c).

    Args:
        code: what is to be run.
        model: the code of the import system that it stands in for.
        calls: names of what both call.
    """
    lines = {_line_of_call(code, name): _line_of_call(model, name) or model.co_firstlineno for name in calls}
    shown = model.co_firstlineno
    table = bytearray()
    for start, end, line in code.co_lines():
        before, shown = shown, lines.get(line, shown)
        step = shown - before
        for at in range(start, end, 2 * _UNITS_PER_ENTRY):
            units = min((end - at) // 2, _UNITS_PER_ENTRY)
            table += bytes([_NO_COLUMNS | units - 1]) + _signed(step)
            step = 0
    return code.replace(co_filename=model.co_filename, co_firstlineno=model.co_firstlineno, co_linetable=bytes(table))


def _line_of_call(code: CodeType, name: str) -> int | None:
    """Return the last line on which a method or global function is called; None if there is none."""
    # Not with `dis`: importing it takes longer than a program's warm start may.
    if name not in code.co_names:
        return None
    index = code.co_names.index(name)
    method, argument = _METHOD
    wanted = (bytes([method, index << 1 | 1 if argument else index]), bytes([_GLOBAL, index << 1 | 1]))
    found = None
    for start, end, line in code.co_lines():
        if any(code.co_code[at : at + 2] in wanted for at in range(start, end, 2)):
            found = line
    return found


_probes = [
    function.__code__.co_code
    for function in (lambda loader: loader.method(), lambda: posing_as() or 1)  # type: ignore[call-arg]
]
# RESUME, which has a cache entry in Python 3.15, is what both begin with.
_begin = next(at for at in range(0, len(_probes[1]), 2) if _probes[0][at] != _probes[1][at])
# LOAD_FAST, then the instruction that looks a method up; its argument holds a flag in Python 3.12 and later.
_METHOD = _probes[0][_begin + 2], _probes[0][_begin + 3]
# The instruction that looks up a global that is called; its argument holds a flag.
_GLOBAL = _probes[1][_begin]


def _signed(number: int) -> bytes:
    """Encode a number as the location table does: the sign in the lowest bit, then six bits a byte."""
    rest = -number << 1 | 1 if number < 0 else number << 1
    encoded = bytearray()
    while rest >= 1 << 6:
        encoded.append(rest & 0x3F | 0x40)
        rest >>= 6
    return bytes([*encoded, rest])

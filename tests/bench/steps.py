"""Write what the steps of an import, a reload and a call take."""

from __future__ import annotations

from typing import Any

from results import MS, Outcome, table

__all__ = ["calls", "parts"]

_PARTS = "Processor time with everything in the processor's caches, the least of many runs."
_OF_IMPORT = (
    "Least of 15 runs over all modules. A warm import reads the source, since an entry is valid for its content and "
    "not for its time stamp, and checks the entry, since damaged code crashes; Python looks at the source's time stamp "
    "instead, but for a built tree, whose .pyc files are valid for the content too (PEP 552). *More* "
    "is what is above plain Python. The import as a whole is of modules that were imported before, so it includes "
    "letting the old ones go; how long a first import takes is in *Start*."
)
_OF_RELOAD = (
    "Least of 15 runs. Where there are many files and their file system is local, Linux tells a plain `reload()` "
    "which of them to look at; elsewhere it asks for the time stamps of each. With the names of the saved files, as a "
    "watcher has them, it needs neither."
)
_OF_CONSTANT = (
    "A profile of 40 reloads of a constant that 20 modules import, files named: the functions whose own time grows "
    "most with the number of modules. The profiler makes each call slower, so that the sum is more than a reload takes."
)
_CALLS = (
    "The least of 100 runs in turns, processor time. A rewritten call tests before it that nothing was replaced, by a "
    "global that is None then; what is written by hand shows what such a test costs, whatever it tests."
)
LISTED = 8


def parts(outcomes: list[Outcome]) -> list[str]:
    """Return the section on what the steps of an import, a reload and a call take."""
    by: dict[str, dict[str, dict[str, Any]]] = {}
    for outcome in outcomes:
        for answer in outcome.answers:
            by.setdefault(outcome.job.work, {})[outcome.job.engine] = answer
    found = ["## What the steps take", _PARTS]
    for work, write in {"import": _of_import, "reload": _of_reload, "constant": _of_constant}.items():
        if work in by:
            found += write(by[work])
    return found


def _of_import(by: dict[str, dict[str, Any]]) -> list[str]:
    modules = by["dyntransform"]["modules"]
    each = {name: {step: took / modules * 1e6 for step, took in by[name]["steps"].items()} for name in by}
    for of in each.values():
        of[_REST] = of[_WHOLE] - of["find the module"] - of[_CODE] - of["run the code"]
    plain = each["plain"]
    rows = []
    for step in each["dyntransform"]:
        row = [step, *(f"{of[step]:.1f}" if step in of else "" for of in each.values())]
        row += [f"{each[name][step] - plain.get(step, 0):+.1f}" if step in each[name] else "" for name in _ABOVE]
        rows.append(row)
    ratio = ["of plain", *(f"x{of[_WHOLE] / plain[_WHOLE]:.2f}" for of in each.values()), "", ""]
    head = [f"microseconds a module, {modules:,} modules", *each, *(f"{name}, more" for name in _ABOVE)]
    return [_OF_IMPORT, table(head, [*rows, ratio])]


_ABOVE = ("built", "dyntransform")
_CODE = "these and what is between them"
_WHOLE = "import as a whole"
_REST = "of that, importlib's own"


def _of_reload(by: dict[str, dict[str, Any]]) -> list[str]:
    answer = by["dyntransform"]
    modules = answer["modules"]
    rows = [[step, f"{took * MS:.2f}", f"{took / modules * 1e6:.1f}"] for step, took in answer["steps"].items()]
    return [_OF_RELOAD, table([f"no edit, {modules:,} modules", "ms", "microseconds a module"], rows)]


def _of_constant(by: dict[str, dict[str, Any]]) -> list[str]:
    few, many = (answer["steps"] for answer in by.values())
    more = {name: took - few.get(name, 0) for name, took in many.items()}
    chosen = sorted(more, key=lambda name: -more[name])[:LISTED]
    rows = [
        [name, f"{few.get(name, 0) * MS:.3f}", f"{many[name] * MS:.3f}", f"{more[name] * MS:+.3f}"] for name in chosen
    ]
    return [_OF_CONSTANT, table(["own time of, ms a reload", *by, "more"], rows)]


def calls(outcomes: list[Outcome]) -> list[str]:
    """Return the section on what a call takes through a name that was imported in the function."""
    took = outcomes[0].answers[0]["steps"]
    rows = [[work, f"{each * 1e9:.1f} ns", f"x{each / took['plain']:.3f}"] for work, each in took.items()]
    return [
        "## What a call takes",
        _CALLS,
        table(["call of a name imported in the function", "a turn", "of plain"], rows),
    ]

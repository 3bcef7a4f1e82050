"""Write the note: what was measured, as Markdown."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from importlib import metadata

import loops
import resources
import steps
from engines import ENGINES
from goals import LIMITS, goals
from reloads import CASES
from results import MS, Outcome, quantile, ratios, spread, table

__all__ = ["note"]

WORDS = {
    "function": "one function of a 300-line module",
    "constant": "one constant that 20 modules import",
    "method": "one method, 1,000 instances",
    "big module": "one function of 500 in a 5,000-line module",
    "50 files": "one function in each of 50 files, saved at once",
    "failing edit": "an edit that fails at the end of the module",
    "touched": "a file that is touched",
    "base": "a base added to a class with 1,000 instances, and removed, by turns",
}
_HOW = (
    "Times are in milliseconds: the median, and in brackets what 5 % and 95 % of the samples are below. They are "
    "processor time, which other programs on the machine hardly change, but for *Watching*, where the clock counts. "
    "Each measurement is a process of its own, all engines in turns. A part that was not measured again is kept from "
    "an earlier run."
)
_RELOAD = (
    "200 modules of 300 lines are loaded and 500,000 objects are in memory. From the call that applies the saved files "
    "to the first use of the new code, through names that other modules had imported, or on old instances. After the "
    "brackets: how many times what dyntransform needs. *Module only*: the new code is reached as `module.name` alone. "
    "*First* is dyntransform's first reload in a process, which imports the engine and parses what runs. `plain` is "
    "`importlib.reload` of the saved modules."
)
_FIRST = (
    "200 modules of 300 lines and 500,000 objects, one reload in each process: it imports the engine and parses what "
    "runs."
)
_SIZES = (
    "The same edits in modules of 60 lines: what 50 % and 99 % of the samples are not above, in milliseconds. There "
    "are 0.5 million objects on the heap, or 5 million where it says so (goals: with 5,000 modules at most twice as "
    "long; with 5 million objects at most one pass over the heap more). Each row is one process with 3 seconds of "
    "reloads, or 120 of them."
)
_LOOPS = (
    "Time of a turn in plain Python, and as a ratio to it: both modules are in one process and take turns of some 0.3 "
    "ms. The median of 60 such pairs, of 7 processes (goals: 1.01; 1.10 for names imported in the function). *Plain, "
    "twice* is plain Python against itself: what the measurement cannot tell apart."
)
_LIBRARIES = (
    "The folder of each library is the project, so its functions look up late what they import from it. The same work "
    "inside the process, plain and rewritten in turns; best of each process, and the ratios of 9 pairs of processes "
    "(goals: 1.02 as geometric mean, none above 1.05)."
)
_HOOKS = (
    "From source to code without a cache, for files of the standard library, which dyntransform is told to be project "
    "code; all hooks in one process, file by file in turns. libcst only parses (goals: twice that where there is "
    "something to rewrite, and less than 20 microseconds a line where there is not)."
)
_WATCH = (
    "From the save of a function to its first call that runs the new code, in the project of the reloads. *Watcher "
    "alone* notices the file with the settings of dyntransform, and does nothing (goal: 20 ms more than that)."
)
PACKAGES = {"dyntransform": "dyntransform", "IPython": "ipython", "jurigged": "jurigged", "hmr": "hmr"}


def note(outcomes: dict[str, list[Outcome]], pictures: Sequence[str], missing: Sequence[str]) -> str:
    """Return the whole note.

    Args:
        outcomes: of each suite.
        pictures: names of the plots.
        missing: engines that are not installed.
    """
    parts = [
        "# How fast it is",
        (
            f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
            f"load {os.getloadavg()[2]:.1f}; "
            f"{_versions()}; written by `make bench`. {_HOW}"
        ),
    ]
    if missing:
        parts.append(f"Not installed, not measured: {', '.join(missing)}.")
    parts += goals(outcomes)
    writers = {
        "reload": _reload,
        "first": _first,
        "sizes": _sizes,
        "loops": _loops,
        "libraries": _libraries,
        "start": _start,
        "memory": resources.memory,
        "build": resources.building,
        "hooks": _hooks,
        "parts": steps.parts,
        "calls": steps.calls,
        "watch": _watch,
        "growth": _growth,
    }
    for name, write in writers.items():
        if name in outcomes:
            parts += write(outcomes[name])
    parts += [f"![{picture}]({picture})" for picture in pictures]
    failures = [
        f"- {each.job.work}, {each.job.engine}: {why}"
        for every in outcomes.values()
        for each in every
        for why in each.failures
    ]
    if failures:
        parts += ["## What could not be measured", "\n".join(failures)]
    return "\n\n".join(parts) + "\n"


def _versions() -> str:
    found = []
    for name in (*PACKAGES.values(), "dynamic-executor", "libcst"):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def _reload(outcomes: list[Outcome]) -> list[str]:
    by = {(outcome.job.work, outcome.job.engine): outcome for outcome in outcomes}
    names = [name for name in ENGINES if any(engine == name for _, engine in by)]
    rows = []
    for case in CASES:
        if (case, "dyntransform") not in by:  # a part that was measured before there was this edit
            continue
        ours = by[case, "dyntransform"]
        row = [WORDS[case], f"{LIMITS[case]} ms" if case in LIMITS else "", spread(ours.values("first"), MS, 0)]
        row += [_cell(by[case, name], ours) for name in names]
        rows.append(row)
    return [
        "## Reload",
        _RELOAD,
        table(["edit", "goal", "first", *names], rows),
    ]


def _first(outcomes: list[Outcome]) -> list[str]:
    by = {(outcome.job.work, outcome.job.engine): outcome for outcome in outcomes}
    names = list(dict.fromkeys(engine for _, engine in by))
    rows = []
    for work in dict.fromkeys(work for work, _ in by):
        cells = [spread(by[work, name].values("first"), MS, 0) for name in names]
        rows.append([WORDS[work], *cells, str(len(by[work, "dyntransform"].values("first")))])
    return ["## First reload of a process", _FIRST, table(["edit", *names, "processes"], rows)]


def _sizes(outcomes: list[Outcome]) -> list[str]:
    by = {(outcome.job.work, outcome.job.engine): outcome for outcome in outcomes}
    names = list(dict.fromkeys(engine for _, engine in by))
    rows = []
    for work in sorted(dict.fromkeys(work for work, _ in by), key=_case):
        case, _, size = work.partition(": ")
        first = f"{case}: 200 modules"
        row = [
            WORDS.get(case, WORDS["method"].replace("1,000", "1,000,000")).replace(" of a 300-line module", ""),
            size,
        ]
        for name in names:
            times = by[work, name].values()
            if not times:
                row += ["never live", "", "", ""]
                continue
            middle = statistics.median(times)
            row += [f"{middle * MS:.2f}", f"{quantile(times, 0.99) * MS:.2f}", str(len(times))]
            row.append(f"x{middle / statistics.median(by[first, name].values()):.2f}" if work != first else "")
        rows.append(row)
    head = [f"{column}{of}" for of in ("", ", files named") for column in ("p50", "p99", "samples", "of the first row")]
    return ["## Reload, by size", _SIZES, table(["edit", "loaded", *head], rows)]


def _case(work: str) -> int:
    """Return the place of the edit in `CASES`; sizes stay as they come."""
    return list(CASES).index(work.partition(":")[0].partition(",")[0])


def _cell(outcome: Outcome, ours: Outcome) -> str:
    live, module = outcome.values(), outcome.values("only_module")
    if not live and not module:
        return _DEAD.get(outcome.job.work, "never live")
    values = live if len(live) >= len(module) else module
    text = spread(values, MS, 2 if statistics.median(values) < 0.01 else 0)
    if not outcome.job.engine.startswith("dyntransform") and ours.values():
        text += f" x{statistics.median(values) / statistics.median(ours.values()):.2g}"
    return text if values is live else f"*{_HALF.get(outcome.job.work, 'module only')}:* {text}"


_DEAD = {"failing edit": "half applied"}
_HALF = {"failing edit": "half applied", "touched": "runs it again"}


def _loops(outcomes: list[Outcome]) -> list[str]:
    by = {outcome.job.engine: outcome for outcome in outcomes}
    others = [name for name in by if name != "plain"]
    rows = []
    for work in loops.LOOPS:
        plain = by["plain"].values(f"plain: {work}")
        row = [work, f"{statistics.median(plain) * 1e9:.1f} ns"]
        row += [spread(by[name].middles(work), digits=3) for name in by]
        rows.append(row)
    return ["## Hot loops", _LOOPS, table(["loop", "plain", "plain, twice", *others], rows)]


def _libraries(outcomes: list[Outcome]) -> list[str]:
    by = {(outcome.job.work, outcome.job.engine): outcome for outcome in outcomes}
    rows, middles = [], []
    for work in dict.fromkeys(outcome.job.work for outcome in outcomes):
        plain, ours = by[work, "plain"], by[work, "dyntransform"]
        found = ratios(ours.best(), plain.best())
        if not found:
            continue
        middles.append(statistics.median(found))
        what = ours.answers[0]
        row = [f"{work} {what['version']}" if ":" not in work else work, str(what["modules"]), str(what["lookups"])]
        rows.append([*row, spread(plain.best(), MS, 1), spread(found, digits=3)])
    mean = f"{statistics.geometric_mean(middles):.3f}" if middles else "-"
    rows.append(["geometric mean", "", "", "", mean])
    head = ["library", "modules", "late names", "plain", "dyntransform"]
    return ["## Real libraries", _LIBRARIES, table(head, rows)]


def _hooks(outcomes: list[Outcome]) -> list[str]:
    rows = []
    for kind, words in (("rewritten", "with names to look up late"), ("other", "with nothing to rewrite")):
        answers = [answer[kind] for outcome in outcomes for answer in outcome.answers]
        for name in answers[0]["times"] if answers else ():
            times, base = answers[0]["times"][name], answers[0]["times"]["plain"]
            line = sum(times) / answers[0]["lines"] * 1e6
            found = [f"{answers[0]['files']} files {words}", name, f"{line:.1f}"]
            rows.append([*found, spread(times, MS), spread([a / b for a, b in zip(times, base, strict=True)])])
    head = ["files", "hook", "microseconds a line", "a file", "of plain, file by file"]
    return ["## Cold rewriting", _HOOKS, table(head, rows)]


def _start(outcomes: list[Outcome]) -> list[str]:
    works = list(dict.fromkeys(outcome.job.work for outcome in outcomes))
    names = list(dict.fromkeys(outcome.job.engine for outcome in outcomes if outcome.job.work != "install"))
    by = {(outcome.job.work, outcome.job.engine): outcome for outcome in outcomes}
    rows = []
    for work in works:
        row = [work]
        base = by.get((work, "plain"))
        for name in names:
            outcome = by.get((work, name))
            if outcome is None or not outcome.values():
                row.append("")
                continue
            text = spread(outcome.values(), MS, 1)
            if base is not None and base is not outcome:
                text += f" x{statistics.median(ratios(outcome.best(), base.best())):.2f}"
            row.append(text)
        rows.append(row)
    head = (
        "Goals: `install()` 15 ms, a warm import 1.1 times plain Python, a cold one of these dense "
        "projects 6 times plain Python without compiled files, cold rewriting twice `libcst.parse_module`. "
        "*Compiled ahead*: the process of `dyntransform compile`, and of `python -m compileall`, from no compiled "
        "file; a start after it is warm."
    )
    return ["## Start", head, table(["work", *names], rows)]


def _watch(outcomes: list[Outcome]) -> list[str]:
    saves = [outcome for outcome in outcomes if outcome.job.work == "from save to call"]
    rows = [
        [each.job.engine, spread(each.values(), MS, 1), str(sum(a["dead"] for a in each.answers))] for each in saves
    ]
    idle = [[each.job.engine, spread(each.values(), 100, 3)] for each in outcomes if each.job.work == "idle"]
    return [
        "## Watching",
        _WATCH,
        table(["engine", "from save to call", "never live"], rows),
        "Processor time of a watched program that sleeps, in percent of one processor:",
        table(["engine", "percent"], idle),
    ]


def _growth(outcomes: list[Outcome]) -> list[str]:
    by = {(outcome.job.work, outcome.job.engine): outcome for outcome in outcomes}
    names = list(dict.fromkeys(engine for _, engine in by))
    rows = []
    for work in dict.fromkeys(work for work, _ in by):
        ours = by[work, "dyntransform"]
        tail = f"{quantile(ours.values(), 0.99) * MS:.2f}" if ours.values() else "-"
        rows.append([work, *(_cell(by[work, name], ours) for name in names), tail])
    head = (
        "One function is edited (one method, for instances) while one size grows. Modules have 60 lines where their "
        "number grows. Importers are all modules, each of which imports the constant or function that is edited; their "
        "statements do not read it."
    )
    return ["## How it grows", head, table(["size", *names, "99 % of dyntransform"], rows)]

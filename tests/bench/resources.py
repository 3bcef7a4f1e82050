"""Write what memory a project takes, and what building it takes."""

from __future__ import annotations

import statistics

from results import Outcome, spread, table

__all__ = ["building", "memory"]

_MEMORY = (
    "By how much the resident memory of a process grows while it imports the project, and until after its first "
    "reload, of one function, with the engine that this imports. After the cross: of plain Python, where the reload is "
    "`importlib.reload`. The median of all processes; *built* is a tree that `build` wrote, imported by Python alone."
)
_BUILD = (
    "`dyntransform build` into an empty folder, by the clock and with the processor time of all its processes. The "
    "quotient says how many processors it kept busy: as many as there are, less what other programs on the machine "
    "took (goal: all cores)."
)


def memory(outcomes: list[Outcome]) -> list[str]:
    """Return the section on memory."""
    names = list(dict.fromkeys(outcome.job.engine for outcome in outcomes))
    by = {(outcome.job.work, outcome.job.engine): outcome for outcome in outcomes}
    rows = []
    for work in dict.fromkeys(work for work, _ in by):
        for key, when in (("loaded", "imported"), ("reloaded", "after a first reload")):
            for unit, per in (("modules", 1), ("functions", 1_000)):
                each = f"{per:,} {unit}" if per > 1 else "module"
                cells = [_cell(by[work, name], by[work, "plain"], key, unit, per) for name in names]
                rows.append([work, when, each, *cells])
    return ["## Memory", _MEMORY, table(["project", "when", "KiB for each", *names], rows)]


def _cell(outcome: Outcome, plain: Outcome, key: str, unit: str, per: int) -> str:
    values, base = outcome.values(key), plain.values(key)
    if not values:
        return ""
    text = f"{statistics.median(values) / 1024 / outcome.answers[0][unit] * per:.1f}"
    return text if outcome is plain else f"{text} x{statistics.median(values) / statistics.median(base):.2f}"


def building(outcomes: list[Outcome]) -> list[str]:
    """Return the section on `dyntransform build`."""
    one = statistics.median(outcomes[0].values())
    rows = []
    for outcome in outcomes:
        clock, processor = outcome.values(), outcome.values("processor")
        busy = [used / took for used, took in zip(processor, clock, strict=True)]
        faster = f"{one / statistics.median(clock):.2f}"
        rows.append([outcome.job.work, spread(clock), spread(processor), spread(busy), faster])
    modules = outcomes[0].answers[0]["modules"]
    head = [f"{modules:,} modules with", "seconds", "processor seconds", "processors busy", "times as fast as with one"]
    return ["## Building", _BUILD, table(head, rows)]

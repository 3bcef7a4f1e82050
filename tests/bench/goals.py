"""Write which goals are met, from the samples of this run."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterator

from results import MS, Outcome, ratios, table

__all__ = ["LIMITS", "goals"]

LIMITS = {"function": 3, "constant": 5, "method": 3, "big module": 8, "50 files": 150, "base": 4}
"""Milliseconds for a reload of each edit."""
_IMPORTERS = {"constant: 50": 5, "constant: 200": 12, "constant: 800": 45, "function: 200": 2.5}
"""Milliseconds for a reload of what so many modules import."""
_FIRST = 5
_EXPONENT = 1.1
_GROWTH = 2.0
_LOCAL = ("imported in the function", "such a name")
_MAKES = "class statement"
_IMPORTED = "importers of a "

Found = dict[tuple[str, str], Outcome]
"""Of a suite, by work and engine."""


@dataclasses.dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes:
        words: what is wanted of what.
        limit: the number that must not be exceeded.
        value: what was measured.
        unit: what stands behind both.
    """

    words: str
    limit: float
    value: float
    unit: str = ""

    def row(self) -> list[str]:
        """Return the line of the table."""
        met = "yes" if self.value <= self.limit else "no"
        return [self.words, f"{self.limit:g}{self.unit}", f"{self.value:.3g}{self.unit}", met]


def goals(outcomes: dict[str, list[Outcome]]) -> list[str]:
    """Return the section that compares goals and medians, for the suites that were run."""
    readers: dict[str, Callable[[Found], Iterator[Goal]]] = {
        "loops": _loops,
        "libraries": _libraries,
        "start": _start,
        "hooks": _hooks,
        "reload": _reload,
        "sizes": _sizes,
        "growth": _growth,
        "watch": _watch,
    }
    rows = [
        goal.row()
        for suite, read in readers.items()
        if suite in outcomes
        for goal in read({(outcome.job.work, outcome.job.engine): outcome for outcome in outcomes[suite]})
    ]
    if not rows:
        return []
    head = ["goal", "at most", "median", "met"]
    return [
        "## Goals",
        "Where one is missed, *What the steps take* and *What a call takes* show why.",
        table(head, rows),
    ]


def _loops(by: Found) -> Iterator[Goal]:
    ours = by["hot loops", "dyntransform"]
    middles = {
        work: statistics.median(ours.middles(work))
        for work in ours.answers[0]
        if not work.startswith("plain: ") and work != _MAKES
    }
    local = {work: value for work, value in middles.items() if work.endswith(_LOCAL)}
    yield Goal(
        "hot loops with globals and classes, the worst", 1.01, max(v for w, v in middles.items() if w not in local)
    )
    yield Goal("hot loops with names imported in the function, the worst", 1.1, max(local.values()))


def _libraries(by: Found) -> Iterator[Goal]:
    found = [
        statistics.median(ratios(by[work, "dyntransform"].best(), by[work, "plain"].best()))
        for work in dict.fromkeys(work for work, _ in by)
    ]
    yield Goal("libraries, geometric mean", 1.02, statistics.geometric_mean(found))
    yield Goal("libraries, the worst", 1.05, max(found))


def _start(by: Found) -> Iterator[Goal]:
    yield Goal("`install()`", 15, statistics.median(by["install", "dyntransform"].values()) * MS, " ms")
    works = [work for work, engine in by if work.endswith("warm") and engine == "dyntransform"]
    worst = max(statistics.median(ratios(by[work, "dyntransform"].best(), by[work, "plain"].best())) for work in works)
    yield Goal("import, warm, of plain Python, the worst size", 1.1, worst)
    works = [work for work, engine in by if work.endswith("cold") and engine == "dyntransform"]
    worst = max(statistics.median(ratios(by[work, "dyntransform"].best(), by[work, "plain"].best())) for work in works)
    yield Goal("import of the dense projects, cold, of plain Python, the worst size", 6, worst)


def _hooks(by: Found) -> Iterator[Goal]:
    for outcome in by.values():
        answer = outcome.answers[0]
        times = {name: sum(each) for name, each in answer["rewritten"]["times"].items()}
        yield Goal("cold rewriting, of `libcst.parse_module` alone", 2, times["dyntransform"] / times["libcst"])
        other = answer["other"]
        line = sum(other["times"]["dyntransform"]) / other["lines"] * 1e6
        yield Goal("a line with nothing to rewrite", 20, line, " microseconds")


def _reload(by: Found) -> Iterator[Goal]:
    for case, limit in LIMITS.items():
        if (case, "dyntransform") not in by:
            continue
        yield Goal(f"reload: {case}", limit, statistics.median(by[case, "dyntransform"].values()) * MS, " ms")


def _sizes(by: Found) -> Iterator[Goal]:
    cases = dict.fromkeys(work.partition(": ")[0] for work, _ in by)
    for engine in dict.fromkeys(engine for _, engine in by):
        for size in ("5,000 modules", "200 modules, 5 million objects"):
            found = {case: _ratio(by, case, size, engine) for case in cases if (f"{case}: {size}", engine) in by}
            if found:
                worst = max(found, key=lambda case: found[case])
                yield Goal(f"{engine}: {size}, of 200, the worst edit ({worst})", _GROWTH, found[worst])


def _ratio(by: Found, case: str, size: str, engine: str) -> float:
    base = statistics.median(by[f"{case}: 200 modules", engine].values())
    return statistics.median(by[f"{case}: {size}", engine].values()) / base


def _growth(by: Found) -> Iterator[Goal]:
    medians = {
        work.removeprefix(_IMPORTED): statistics.median(outcome.values()) * MS
        for (work, engine), outcome in by.items()
        if work.startswith(_IMPORTED) and engine == "dyntransform" and outcome.values()
    }
    for work, limit in _IMPORTERS.items():
        if work in medians:
            yield Goal(f"importers of a {work}", limit, medians[work], " ms")
    sizes = [int(work.partition(": ")[2]) for work in medians if work.startswith("constant")]
    if {100, 800} <= set(sizes):
        exponent = math.log(medians["constant: 800"] / medians["constant: 100"]) / math.log(8)
        yield Goal("importers of a constant, 100 to 800: exponent of the growth", _EXPONENT, exponent)
    for size in sorted(sizes)[-1:]:  # where there are few, it is the import of the engine
        first = by[f"{_IMPORTED}constant: {size}", "dyntransform"].values("first")
        words = f"importers of a constant: {size}, the first edit of the process, of a later one"
        yield Goal(words, _FIRST, statistics.median(first) * MS / medians[f"constant: {size}"])


def _watch(by: Found) -> Iterator[Goal]:
    alone, ours = (
        statistics.median(by["from save to call", each].values()) for each in ("watcher alone", "dyntransform")
    )
    yield Goal("from save to call, more than the watcher alone", 20, (ours - alone) * MS, " ms")
    yield Goal("watched program that sleeps", 0.005, max(by["idle", "dyntransform"].values()) * 100, " %")

"""Draw what was measured, as SVG."""

from __future__ import annotations

import importlib.util
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reloads import CASES
from results import Outcome, quantile

__all__ = ["draw"]

COLOURS = {
    "dyntransform": "#0b6e4f",
    "dyntransform, files named": "#5fc9a3",
    "IPython": "#c44536",
    "jurigged": "#5f4bb6",
    "hmr": "#d9a441",
    "dynamic-executor": "#7a7a7a",
    "plain": "#2f8fc4",
}
MS = 1_000.0


def draw(outcomes: dict[str, list[Outcome]], folder: Path) -> list[str]:
    """Write the plots for the suites that were run; none without matplotlib.

    Returns:
        Names of the files.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return []
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "dyntransform", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3})
    drawers: dict[str, Callable[[Any, list[Outcome]], None]] = {"reload": _reload, "growth": _growth, "start": _start}
    names = []
    for suite, drawer in drawers.items():
        if suite in outcomes:
            names.append(f"{suite}.svg")
            _save(folder / names[-1], lambda figure, drawer=drawer, suite=suite: drawer(figure, outcomes[suite]))
    return names


def _save(path: Path, drawer: Callable[[Any], None]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    drawer(figure)
    figure.savefig(path, metadata={"Date": None})


def _reload(figure: Any, outcomes: list[Outcome]) -> None:
    """Bars for each edit and engine; an edit that is live in its module alone is hatched."""
    axes = figure.subplots()
    names = list(dict.fromkeys(outcome.job.engine for outcome in outcomes))
    width = 0.8 / len(names)
    for outcome in outcomes:
        live, module = outcome.values(), outcome.values("only_module")
        values = live if len(live) >= len(module) else module
        if not values:
            continue
        engine = outcome.job.engine
        middle = statistics.median(values) * MS
        place = list(CASES).index(outcome.job.work) + (names.index(engine) - (len(names) - 1) / 2) * width
        error = [[middle - quantile(values, 0.05) * MS], [quantile(values, 0.95) * MS - middle]]
        hatch = "" if values is live else "////"
        axes.bar(
            place, middle, width, yerr=error, color=COLOURS[engine], hatch=hatch, alpha=1 if values is live else 0.5
        )
    axes.set_yscale("log")
    axes.set_xticks(range(len(CASES)), list(CASES))
    axes.set_ylabel("milliseconds")
    axes.set_title("Reload: 200 modules, 500,000 objects (hatched: live as module.name alone)")
    handles = [figure.gca().bar(0, 0, color=COLOURS[name], label=name) for name in names]
    axes.legend(handles=handles, ncols=3)


def _growth(figure: Any, outcomes: list[Outcome]) -> None:
    """One curve for each engine and size."""
    sizes = list(dict.fromkeys(outcome.job.work.partition(":")[0] for outcome in outcomes))
    panels = list(figure.subplots(2, len(sizes) // 2 + 1).flat)  # with one left for the legend
    for axes, size in zip(panels, sizes, strict=False):
        for engine in dict.fromkeys(outcome.job.engine for outcome in outcomes):
            points = [
                (int(outcome.job.work.partition(":")[2]), statistics.median(outcome.values()) * MS)
                for outcome in outcomes
                if outcome.job.engine == engine and _is_of(outcome, size) and outcome.values()
            ]
            if points:
                axes.plot(*zip(*points, strict=True), "o-", color=COLOURS[engine], label=engine)
        axes.set_xscale("log")
        axes.set_yscale("log")
        places = sorted({int(outcome.job.work.partition(":")[2]) for outcome in outcomes if _is_of(outcome, size)})
        axes.set_xticks(places, [f"{place:,}" for place in places])
        axes.xaxis.set_minor_formatter(lambda *_: "")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(lambda *_: "")
        axes.set_xlabel(size)
        axes.set_ylabel("milliseconds")
    for axes in panels[len(sizes) :]:
        axes.set_axis_off()
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="lower right")


_IMPORT = re.compile(r"import of ([\d,]+) modules of (\d+) lines, (\w+)")
_STYLES = {"cold": "o--", "warm": "o-", "built": "^:"}


def _start(figure: Any, outcomes: list[Outcome]) -> None:
    """Import time against the number of modules, and of lines, one curve for each engine and state of the caches."""
    found: dict[tuple[str, str], dict[tuple[int, int], float]] = {}
    for outcome in outcomes:
        match = _IMPORT.fullmatch(outcome.job.work)
        if match is not None and outcome.values() and not (match[3] == "built" and outcome.job.engine == "plain"):
            size = int(match[1].replace(",", "")), int(match[2])
            found.setdefault((outcome.job.engine, match[3]), {})[size] = statistics.median(outcome.values()) * MS
    sizes = {size for points in found.values() for size in points}
    fewest = min(sizes, default=(0, 0))
    for axes, varying, fixed in zip(figure.subplots(1, 2), (0, 1), (fewest[1], fewest[0]), strict=True):
        for (engine, state), points in found.items():
            line = sorted((size[varying], value) for size, value in points.items() if size[1 - varying] == fixed)
            if line:
                axes.plot(*zip(*line, strict=True), _STYLES[state], color=COLOURS[engine], label=f"{engine}, {state}")
        axes.set_xscale("log")
        axes.set_yscale("log")
        places = sorted({size[varying] for size in sizes if size[1 - varying] == fixed})
        axes.set_xticks(places, [f"{place:,}" for place in places])
        axes.xaxis.set_minor_formatter(lambda *_: "")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(("modules of {} lines", "lines of {} modules")[varying].format(fixed))
        axes.set_ylabel("import, milliseconds")
    figure.axes[0].legend(fontsize=7)


def _is_of(outcome: Outcome, size: str) -> bool:
    return outcome.job.work.startswith(f"{size}:")

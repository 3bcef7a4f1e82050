"""Measure dyntransform, plain Python and the peers that do the same job, side by side; write docs/bench.

    python tests/bench/bench.py [--quick] [--only SUITE]... [--out FOLDER]

Every number is from this run. Each measurement is a process of its own, in turns, and an edit counts only if the new
code was really called after it. Peers that are not installed are left out (``pip install -e '.[bench]'``).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import engines
import hooks
import libraries
import loops
import plots
import tables
from projects import Shape, generate
from reloads import CASES
from results import ROOT, Job, Outcome, run

PROJECT = Shape(200, 300)
SMALL_LINES = 60
"""Lines of a module where many modules are measured."""
BUILT = ("plain", "dyntransform")
OURS = ("dyntransform", "dyntransform, files named")
GROWTH = (*OURS, "IPython", "jurigged")
SAMPLES, SAMPLES_OF_PEERS = 120, 20
"""Reloads in a process, as far as its time allows: of ours enough for 99 %."""
SIZES = {
    "200 modules": (200, 500_000),
    "5,000 modules": (5_000, 500_000),
    "200 modules, 5 million objects": (200, 5_000_000),
}
"""Modules that are loaded, and objects on the heap."""
IMPORTERS_OF_ONE = (50, 100, 200, 400, 800)
"""Modules that import one constant."""
FIRST = ("function", "50 files")


def main() -> None:
    """Run the suites that were asked for, and write the note."""
    parser = argparse.ArgumentParser(description="Measure dyntransform side by side with its peers.")
    parser.add_argument("--quick", action="store_true", help="one round, few samples, no growth curves")
    parser.add_argument(
        "--only", action="append", choices=sorted(SUITES), help="measure only this; the rest is kept as it was measured"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "bench", help="folder for the note and the plots")
    options = parser.parse_args()
    missing = [name for name in engines.ENGINES if not engines.available(name)]
    results = options.out / "results.json"
    outcomes = _kept(results) if results.exists() else {}
    with tempfile.TemporaryDirectory(prefix="dyntransform-bench-") as folder:
        for name, jobs in SUITES.items():
            if options.only and name not in options.only:
                continue
            if name.startswith("growth") and options.quick:
                continue
            wanted = [job for job in jobs(Path(folder), quick=options.quick) if job.engine not in missing]
            outcomes[name] = run(wanted, _ROUNDS.get(name, 1) if not options.quick else 1, Path(folder))
            _write(outcomes, options.out, missing)  # after each suite: a run takes an hour, and may be ended
    print((options.out / "README.md").read_text(encoding="utf-8"))


def _write(outcomes: dict[str, list[Outcome]], out: Path, missing: Sequence[str]) -> None:
    """Write the samples, the plots and the note."""
    out.mkdir(parents=True, exist_ok=True)
    raw = {
        name: [
            {"work": each.job.work, "engine": each.job.engine, "answers": _short(each.answers)}
            for each in outcomes[name]
        ]
        for name in SUITES
        if name in outcomes
    }
    (out / "results.json").write_text(json.dumps(raw), encoding="utf-8")
    pictures = plots.draw(outcomes, out)
    note = tables.note(outcomes, pictures, missing)
    (out / "README.md").write_text(note, encoding="utf-8")


def _short(value: Any) -> Any:
    """Return samples with as many digits as they have a meaning."""
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_short(inner) for inner in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _kept(results: Path) -> dict[str, list[Outcome]]:
    """Return what an earlier run has measured."""
    raw = json.loads(results.read_text(encoding="utf-8"))
    return {
        name: [Outcome(Job(name, each["work"], each["engine"], {}), each["answers"]) for each in of_suite]
        for name, of_suite in raw.items()
    }


_ROUNDS = {"loops": 7, "start": 5, "libraries": 9, "first": 5, "memory": 3, "build": 3}
"""Once, where nothing else is said: with many samples in a process."""


def _samples(engine: str, *, quick: bool = False) -> int:
    if quick:
        return 5
    return SAMPLES if engine in OURS else SAMPLES_OF_PEERS


def _reload(folder: Path, *, quick: bool) -> list[Job]:
    root = str(generate(folder, PROJECT))
    shape = PROJECT.modules, PROJECT.lines
    return [
        Job(
            "reloads",
            case,
            engine,
            {
                "engine": engine,
                "root": root,
                "case": case,
                "shape": shape,
                "samples": _samples(engine, quick=quick),
            },
        )
        for case in CASES
        for engine in engines.ENGINES
    ]


def _sizes(folder: Path, *, quick: bool) -> list[Job]:
    """Every edit with few and many modules, with a small and a large heap, and a method with many instances."""
    found = []
    for size, (modules, heap) in SIZES.items():
        if quick and heap > modules * 10_000:
            continue
        root = str(generate(folder, Shape(modules, SMALL_LINES)))
        for case, instances in [*((case, 1_000) for case in CASES), ("method", 1_000_000)]:
            work = f"{case}{', 1,000,000 instances' if instances > 1_000 else ''}: {size}"
            arguments = {"root": root, "case": case, "shape": (modules, SMALL_LINES), "heap": heap}
            arguments |= {"instances": instances, "samples": _samples(OURS[0], quick=quick)}
            found += [Job("reloads", work, engine, {"engine": engine, **arguments}) for engine in OURS]
    return found


def _first(folder: Path, *, quick: bool) -> list[Job]:  # noqa: ARG001 - a quick run has one round
    arguments = {"root": str(generate(folder, PROJECT)), "shape": (PROJECT.modules, PROJECT.lines), "samples": 0}
    return [
        Job("reloads", case, engine, {"engine": engine, "case": case, **arguments})
        for case in FIRST
        for engine in OURS[:1]
    ]


def _memory(folder: Path, *, quick: bool) -> list[Job]:
    return [
        Job(
            "memories",
            f"{shape.modules:,} modules of {shape.lines} lines",
            engine,
            {"engine": engine, "root": str(generate(folder, shape)), "shape": (shape.modules, shape.lines)},
        )
        for shape in ([PROJECT] if quick else [PROJECT, Shape(1_000, SMALL_LINES)])
        for engine in ("plain", "dyntransform", "built", "jurigged", "hmr")
    ]


def _build(folder: Path, *, quick: bool) -> list[Job]:
    root = str(generate(folder, Shape(200 if quick else 1_000, SMALL_LINES)))
    cores = len(os.sched_getaffinity(0))
    return [
        Job("builds", f"{jobs} process{'es' if jobs > 1 else ''}", "dyntransform", {"root": root, "jobs": jobs})
        for jobs in sorted({1, cores})
    ]


def _growth(folder: Path, *, quick: bool) -> list[Job]:  # noqa: ARG001 - a quick run has no growth
    found: list[Job] = []

    def add(work: str, case: str, shape: Shape, **more: int) -> None:
        sizes = dataclasses.astuple(shape)
        arguments = {"root": str(generate(folder, shape)), "case": case, "shape": sizes, **more}
        found.extend(
            Job("reloads", work, engine, {"engine": engine, "samples": _samples(engine), **arguments})
            for engine in GROWTH
        )

    for modules in (200, 1_000, 5_000):
        add(f"modules: {modules}", "function", Shape(modules, SMALL_LINES))
    for modules in (200, 5_000):
        add(f"modules, constant: {modules}", "constant", Shape(modules, SMALL_LINES))
    for lines in (300, 1_500, 5_000):
        add(f"lines: {lines}", "function", Shape(50, lines))
    for heap in (500_000, 1_500_000, 5_000_000):
        add(f"objects: {heap}", "function", PROJECT, heap=heap)
    for instances in (1_000, 30_000, 1_000_000):
        add(f"instances: {instances}", "method", PROJECT, instances=instances)
    for importers in IMPORTERS_OF_ONE:
        add(f"importers of a constant: {importers}", "constant of all", Shape(importers, SMALL_LINES, importers))
    for importers in (50, 200):
        add(f"importers of a function: {importers}", "function of all", Shape(importers, SMALL_LINES, importers))
    return found


def _loops(folder: Path, *, quick: bool) -> list[Job]:  # noqa: ARG001 - it is quick anyway
    root = str(loops.generate(folder))
    return [
        Job("loops", "hot loops", engine, {"engine": engine, "root": root})
        for engine in ("plain", "dyntransform", "jurigged", "hmr")
    ]


def _libraries(folder: Path, *, quick: bool) -> list[Job]:  # noqa: ARG001 - they are where they were installed
    names = libraries.available()
    return [
        Job("libraries", name, engine, {"name": name, "engine": engine})
        for name in (names[:2] if quick else names)
        for engine in ("plain", "dyntransform")
    ]


def _hooks(folder: Path, *, quick: bool) -> list[Job]:  # noqa: ARG001 - it is quick anyway
    return [Job("hooks", "from source to code", "dyntransform", {})] if hooks.available() else []


def _parts(folder: Path, *, quick: bool) -> list[Job]:
    few, many = Shape(200, SMALL_LINES), Shape(400 if quick else 5_000, SMALL_LINES)
    imported = few if quick else Shape(1_000, SMALL_LINES)
    of_import = {"what": "import", "root": str(generate(folder, imported))}
    found = [Job("parts", "import", name, {**of_import, "engine": name}) for name in ("plain", "built", "dyntransform")]
    found.append(Job("parts", "reload", "dyntransform", {"what": "reload", "root": str(generate(folder, many))}))
    found += [
        Job(
            "parts",
            "constant",
            f"{shape.modules:,} modules",
            {"what": "constant", "root": str(generate(folder, shape)), "shape": (shape.modules, shape.lines)},
        )
        for shape in (few, many)
    ]
    return found


def _calls(folder: Path, *, quick: bool) -> list[Job]:  # noqa: ARG001 - it is quick anyway
    return [Job("parts", "call", "dyntransform", {"what": "call", "root": str(loops.generate(folder))})]


def _start(folder: Path, *, quick: bool) -> list[Job]:
    found: list[Job] = []
    small = str(loops.generate(folder))

    def add(work: str, names: Sequence[str], **arguments: object) -> None:
        found.extend(Job("starts", work, engine, {"engine": engine, **arguments}) for engine in names)

    add("install", ("dyntransform", "jurigged", "hmr"), what="install", root=small)
    for shape in [PROJECT] if quick else [PROJECT, Shape(200, SMALL_LINES), Shape(1_000, SMALL_LINES)]:
        root = str(generate(folder, shape))
        for state in ("cold", "warm"):
            work = f"import of {shape.modules:,} modules of {shape.lines} lines, {state}"
            add(work, ("plain", "dyntransform", "jurigged", "hmr"), what="load", root=root, state=state)
        add(f"import of {shape.modules:,} modules of {shape.lines} lines, built", BUILT, what="built", root=root)
        add(f"{shape.modules:,} modules of {shape.lines} lines, compiled ahead", BUILT, what="compile", root=root)
    if not quick:
        root = str(generate(folder, Shape(5_000, SMALL_LINES)))
        for state in ("cold", "warm"):
            work = f"import of 5,000 modules of {SMALL_LINES} lines, {state}"
            add(work, ("plain", "dyntransform"), what="load", root=root, state=state)
        add(f"import of 5,000 modules of {SMALL_LINES} lines, built", BUILT, what="built", root=root)
    add("a short script", ("plain", "dyntransform"), what="script")
    for rewritten in (True, False):
        work = f"1,000 lines to code, {'with' if rewritten else 'without'} imports in functions"
        add(work, ("plain", "dyntransform", "libcst"), what="transform", rewritten=rewritten)
    return found


def _watch(folder: Path, *, quick: bool) -> list[Job]:
    arguments = {"root": str(generate(folder, PROJECT))}
    sizes = {"modules": PROJECT.modules, "lines": PROJECT.lines, "samples": 3 if quick else 8}
    found = [
        Job("watches", "from save to call", engine, {"what": "save", "engine": engine, **arguments, **sizes})
        for engine in ("watcher alone", "dyntransform", "jurigged", "hmr")
    ]
    seconds = 1.0 if quick else 30.0
    idle = {"what": "idle", **arguments, "seconds": seconds}
    found += [
        Job("watches", "idle", engine, {**idle, "engine": engine}) for engine in ("dyntransform", "jurigged", "hmr")
    ]
    return found


SUITES = {
    "reload": _reload,
    "first": _first,
    "sizes": _sizes,
    "loops": _loops,
    "libraries": _libraries,
    "start": _start,
    "memory": _memory,
    "build": _build,
    "hooks": _hooks,
    "parts": _parts,
    "calls": _calls,
    "watch": _watch,
    "growth": _growth,
}

if __name__ == "__main__":
    sys.exit(main())

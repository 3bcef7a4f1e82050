"""Run measurements in processes of their own, in turns, and summarise them."""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

__all__ = ["MS", "Job", "Outcome", "quantile", "ratios", "run", "spread", "table"]

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("worker.py")
TIMEOUT = 400
MS = 1_000.0


@dataclasses.dataclass(frozen=True)
class Job:
    """One thing to measure with one engine.

    Attributes:
        suite: module whose `measure` is called.
        work: what is measured, for people.
        engine: with what.
        arguments: for `measure`.
    """

    suite: str
    work: str
    engine: str
    arguments: dict[str, Any]


@dataclasses.dataclass
class Outcome:
    """What the processes of a job answered, one entry a process."""

    job: Job
    answers: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    failures: list[str] = dataclasses.field(default_factory=list)

    def values(self, key: str = "times") -> list[float]:
        """Return what all processes listed under `key`."""
        return [value for answer in self.answers for value in answer.get(key, ())]

    def best(self, key: str = "times") -> list[float]:
        """Return the least that each process listed under `key`."""
        return [min(answer[key]) for answer in self.answers if answer.get(key)]

    def middles(self, key: str = "times") -> list[float]:
        """Return the median of what each process listed under `key`."""
        return [statistics.median(answer[key]) for answer in self.answers if answer.get(key)]


def run(jobs: Sequence[Job], rounds: int, folder: Path) -> list[Outcome]:
    """Run each job once a round, so that what disturbs the machine for a while disturbs all of them."""
    outcomes = [Outcome(job) for job in jobs]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "1"}  # the same work in each process
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a warm start needs what the cold one wrote
    for number in range(rounds):
        for outcome in outcomes:
            job = outcome.job
            print(f"  {number + 1}/{rounds} {job.suite}: {job.work}: {job.engine}", flush=True)
            command = [sys.executable, str(WORKER), job.suite, json.dumps(job.arguments)]
            try:
                done = subprocess.run(
                    command,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=TIMEOUT,
                    cwd=folder,
                    env=environment,
                )
            except subprocess.TimeoutExpired:
                outcome.failures.append(f"more than {TIMEOUT} s")
                continue
            if done.returncode:
                outcome.failures.append(done.stderr.strip().rpartition("\n")[2])
            else:
                outcome.answers.append(json.loads(done.stdout))
    return outcomes


def spread(values: Sequence[float], scale: float = 1.0, digits: int = 2) -> str:
    """Return the median of values, and within brackets what 5 and 95 of 100 are below."""
    if not values:
        return "-"
    low, high = (quantile(values, share) for share in (0.05, 0.95))
    return f"{statistics.median(values) * scale:.{digits}f} ({low * scale:.{digits}f} to {high * scale:.{digits}f})"


def quantile(values: Iterable[float], share: float) -> float:
    """Return the value that `share` of all are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ratios(values: Sequence[float], base: Sequence[float]) -> list[float]:
    """Return value by value what they are of the base, measured in the same round."""
    return [value / other for value, other in zip(values, base, strict=False)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

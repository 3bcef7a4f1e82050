"""The option that tells how many processes a command uses."""

from __future__ import annotations

import argparse
import os

__all__ = ["add_jobs"]


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs`` to a command."""
    parser.add_argument(
        "--jobs", type=_count, default=_cores(), metavar="N", help="processes; default: one for each core"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: a number, at least 1")
    return int(text)


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

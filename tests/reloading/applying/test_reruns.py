"""Statements that cannot run now have no say in what has to run again."""

from __future__ import annotations

import sys

import pytest

from dyntransform import Action

LOOP = """\
import provider
import steps
n = 0
while n < 3:
    n += 1
    provider.RATE
    steps.step()
"""


@pytest.fixture
def steps(project):
    """Code that edits the provider in the first turn of the loop; the reports, one for each turn."""
    project.load("provider", "RATE = 1\n")
    reports = []
    module = project.load("steps", "edits = []\ndef step(): edits.pop(0)()\n")

    def edit(**files):
        return lambda: reports.append(project.edit(**files))

    module.edits += [edit(provider="RATE = 2\n"), edit(provider="RATE = 3\n"), lambda: reports.append(None)]
    return reports


def test_counter_of_a_loop_that_is_running(project, steps):
    """A loop at the top level reads a value that changes: its counter goes on, and nothing is refused."""
    module = project.load("m", LOOP)
    assert module.n == len(steps) == 3
    assert [report.waits for report in steps[:2]] == [(), ()]


def test_edit_of_a_loop_that_is_running(project, steps):
    """The loop itself is edited: it waits, and its counter goes on."""
    project.write(m=LOOP)
    edit = sys.modules["steps"].edits
    edit[0] = lambda: steps.append(project.edit(m=LOOP.replace("provider.RATE", "provider.RATE + 1")))
    module = project.load("m")
    assert module.n == len(steps) == 3
    assert [change.action for change in steps[0].changes] == [Action.WAITS]


def test_counter_below_the_start_guard(project):
    """What runs only when the program starts does not have its names bound anew."""
    project.load("provider", "RATE = 1\n")
    text = "import provider\ncalls = 0\nif __name__ != 'm':\n    calls += provider.RATE\n"
    module = project.load("m", text)
    module.calls = 5
    project.edit(provider="RATE = 2\n")
    assert module.calls == 5


def test_nothing_runs_of_what_is_refused(project):
    """If one of the names that a statement updates is bound elsewhere, those bound here are left alone too."""
    project.load("provider", "RATE = 1\nLOG = {}\n")
    head = "from provider import RATE, LOG\n"
    names = [f"a{number}" for number in range(8)]
    bindings = "".join(f"{name} = [0]\n" for name in names)
    updates = ", ".join(f"{name}[0]" for name in names)
    module = project.load("m", f"{head}{bindings}{updates}, LOG['x'] = [RATE] * 9\n")
    before = [getattr(module, name) for name in names]
    report = project.edit(provider="RATE = 2\nLOG = {}\n")
    assert [change.action for change in report.waits] == [Action.REFUSED]
    assert all(getattr(module, name) is value for name, value in zip(names, before, strict=True))

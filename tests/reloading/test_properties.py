"""Two properties that hold for every project and every sequence of edits.

``DYNTRANSFORM_FUZZ=N`` tries N sequences of each instead of a few that are always the same (``make fuzz``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from reloading.edits import Sequence, sequences, sequences_with_faults
from reloading.playing import Player

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each sequence is played in a forked process")

EXAMPLES = int(os.environ.get("DYNTRANSFORM_FUZZ", "0"))
playing = settings(
    max_examples=EXAMPLES or 75,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)


@pytest.fixture(scope="module")
def player() -> Iterator[Player]:
    """A process that plays sequences."""
    player = Player()
    yield player
    player.close()


@playing
@given(sequence=sequences())
def test_reloaded_equals_restarted(player: Player, sequence: Sequence) -> None:
    """After each edit everything is as in a new process that starts from the edited files."""
    found = player.play(sequence.plain())
    assert not found, "\n".join(found)


@playing
@given(sequence=sequences())
def test_reloaded_equals_restarted_without_source(player: Player, sequence: Sequence) -> None:
    """The same is true of modules that are there as .pyc files alone."""
    found = player.play(sequence.plain(), compiled=True)
    assert not found, "\n".join(found)


@playing
@given(sequence=sequences_with_faults())
def test_failed_edits_are_invisible(player: Player, sequence: Sequence) -> None:
    """An edit that fails changes nothing, says why and where, fails again if tried again; the next good one works."""
    found = player.play(sequence.plain())
    assert not found, "\n".join(found)

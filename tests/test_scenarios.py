"""Every story in fixtures/scenarios is played in a process of its own."""

from __future__ import annotations

import concurrent.futures
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from story import Story

FOLDER = Path(__file__).parents[1] / "fixtures" / "scenarios"
STORIES = {str(path.relative_to(FOLDER).with_suffix("")): path for path in sorted(FOLDER.rglob("*.txtar"))}
TIMEOUT_S = 60

WITHOUT_SOURCE = "modules without source cannot be reloaded yet"


def play(path: Path) -> subprocess.CompletedProcess[str]:
    """Play a story in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("story.py")), str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest,
) -> Iterator[dict[str, concurrent.futures.Future[subprocess.CompletedProcess[str]]]]:
    """The selected stories, played side by side."""
    names = [
        item.callspec.params["name"]
        for item in request.session.items
        if "outcomes" in getattr(item, "fixturenames", ())
    ]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {name: pool.submit(play, STORIES[name]) for name in names}


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str, outcomes: dict[str, concurrent.futures.Future[subprocess.CompletedProcess[str]]]) -> None:
    """What the story expects happens."""
    story = Story.read(STORIES[name])
    if story.skipped():
        pytest.skip(story.skipped())
    if name.startswith("pyc/"):
        pytest.skip(WITHOUT_SOURCE)
    done = outcomes[name].result()
    assert done.returncode == 0, f"{story.title}\n{done.stdout}\n{done.stderr}"

"""Every story in fixtures/scenarios is played in a process of its own."""

from __future__ import annotations

import concurrent.futures
import errno
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from story import Story

FOLDER = Path(__file__).parents[1] / "fixtures" / "scenarios"
STORIES = {str(path.relative_to(FOLDER).with_suffix("")): path for path in sorted(FOLDER.rglob("*.txtar"))}
TIMEOUT_S = 60
ATTEMPTS = 3

COMPILED = [name for name, path in STORIES.items() if Story.read(path).without_source() is not None]
BUILT = [
    name
    for name, path in STORIES.items()
    if name.startswith(("binding/", "packages/")) and Story.read(path).as_built() is not None
]
"""Those about names and imports, which is what building rewrites; classes have a base in a built tree, which shows."""


def play(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Play a story in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("story.py")), str(path), *options]
    for attempt in itertools.count(1):
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except OSError as problem:
            # Nothing has run: virtual machines that take memory back fail to start one of thousands of processes.
            if problem.errno != errno.EFAULT or attempt == ATTEMPTS:
                raise
    raise AssertionError


Outcomes: TypeAlias = dict[str, concurrent.futures.Future[subprocess.CompletedProcess[str]]]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Outcomes]:
    """The selected stories, played side by side."""
    yield from _played(request, "outcomes")


@pytest.fixture(scope="module")
def compiled_outcomes(request: pytest.FixtureRequest) -> Iterator[Outcomes]:
    """The selected stories, played with compiled modules."""
    yield from _played(request, "compiled_outcomes", "--compiled")


@pytest.fixture(scope="module")
def built_outcomes(request: pytest.FixtureRequest) -> Iterator[Outcomes]:
    """The selected stories, played with built trees."""
    yield from _played(request, "built_outcomes", "--built")


def _played(request: pytest.FixtureRequest, fixture: str, *options: str) -> Iterator[Outcomes]:
    items = [item for item in request.session.items if fixture in getattr(item, "fixturenames", ())]
    names = [item.callspec.params["name"] for item in items]  # type: ignore[attr-defined]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {name: pool.submit(play, STORIES[name], *options) for name in names}


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str, outcomes: Outcomes) -> None:
    """What the story expects happens."""
    story = Story.read(STORIES[name])
    if story.skipped():
        pytest.skip(story.skipped())
    done = outcomes[name].result()
    assert done.returncode == 0, f"{story.title}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("name", COMPILED)
def test_story_without_source(name: str, compiled_outcomes: Outcomes) -> None:
    """What the story expects happens as well where all modules but the main one are there as .pyc files alone."""
    story = Story.read(STORIES[name])
    if story.skipped():
        pytest.skip(story.skipped())
    done = compiled_outcomes[name].result()
    assert done.returncode == 0, f"{story.title}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("name", BUILT)
def test_story_of_a_built_tree(name: str, built_outcomes: Outcomes) -> None:
    """What the story expects happens as well where each version was built ahead of time."""
    story = Story.read(STORIES[name])
    if story.skipped():
        pytest.skip(story.skipped())
    done = built_outcomes[name].result()
    assert done.returncode == 0, f"{story.title}\n{done.stdout}\n{done.stderr}"

"""Every story in fixtures/scenarios is played in a process of its own, a fork of one that has loaded what all need."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from story import Story

FOLDER = Path(__file__).parents[1] / "fixtures" / "scenarios"
STORIES = {str(path.relative_to(FOLDER).with_suffix("")): path for path in sorted(FOLDER.rglob("*.txtar"))}

COMPILED = [name for name, path in STORIES.items() if Story.read(path).without_source() is not None]
BUILT = [
    name
    for name, path in STORIES.items()
    if name.startswith(("binding/", "packages/")) and Story.read(path).as_built() is not None
]
"""Those about names and imports, which is what building rewrites; classes have a base in a built tree, which shows."""


class Stage:
    """The process in whose forks stories are played."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("story.py")), "--serve"]
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def play(self, name: str, *options: str) -> None:
        """Play a story; what it says is shown if it does not hold.

        Args:
            name: its file below the folder.
            options: as for `story.play`.
        """
        story = Story.read(STORIES[name])
        if story.skipped():
            pytest.skip(story.skipped())
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps([str(STORIES[name]), *options]) + "\n")
        self._server.stdin.flush()
        status, printed = json.loads(self._server.stdout.readline())
        assert status == 0, f"{story.title}\n{printed}"

    def close(self) -> None:
        """End it."""
        self._server.communicate()


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """The process that plays stories."""
    opened = Stage()
    yield opened
    opened.close()


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str, stage: Stage) -> None:
    """What the story expects happens."""
    stage.play(name)


@pytest.mark.parametrize("name", COMPILED)
def test_story_without_source(name: str, stage: Stage) -> None:
    """What the story expects happens as well where all modules but the main one are there as .pyc files alone."""
    stage.play(name, "--compiled")


@pytest.mark.parametrize("name", BUILT)
def test_story_of_a_built_tree(name: str, stage: Stage) -> None:
    """What the story expects happens as well where each version was built ahead of time."""
    stage.play(name, "--built")

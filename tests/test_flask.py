"""A Flask application, edited between two requests."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest
from live import TIMEOUT_S, Program, replace, running

APPLICATION = """\
import os
from flask import Flask

app = Flask(__name__)
visits = []

@app.route("/")
def index():
    from helper import shout
    visits.append(1)
    return f"{os.getpid()} {len(visits)} " + shout("hello")

if __name__ == "__main__":
    app.run(port=0)
"""
HELPER = """\
def shout(text):
    return text.upper()
"""


@pytest.mark.parametrize(
    "arguments", [["app.py"], ["-m", "flask", "--app", "app", "run", "--port", "0"]], ids=["script", "flask run"]
)
def test_edits_between_requests(tmp_path: Path, arguments: Sequence[str]) -> None:
    """The next request runs the new view and the new helper, in the same process, with its state."""
    (tmp_path / "app.py").write_text(APPLICATION)
    (tmp_path / "helper.py").write_text(HELPER)
    with running(tmp_path, arguments) as program:
        url = _url(program)
        pid, visits, text = _get(url)
        assert (visits, text) == ("1", "HELLO")

        replace(tmp_path / "helper.py", "text.upper()", 'text.upper() + "!"')
        program.until("reloaded helper.py")
        assert _get(url) == (pid, "2", "HELLO!")

        replace(tmp_path / "app.py", 'shout("hello")', 'shout("good morning")')
        program.until("reloaded app.py")
        assert _get(url) == (pid, "3", "GOOD MORNING!")


def _url(program: Program) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", program.until("Running on http"))
    assert found is not None
    return found[0]


def _get(url: str) -> tuple[str, str, str]:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        pid, visits, text = answer.read().decode().split(" ", 2)
    return pid, visits, text

"""The demo works."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

DEMO = Path(__file__).parents[1] / "fixtures" / "demo.py"


def test_demo(tmp_path: Path) -> None:
    """Every step of the demo shows what it should, the program ends by itself, and nothing is left behind."""
    done = subprocess.run(
        [sys.executable, str(DEMO)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"TMPDIR": str(tmp_path), "PATH": "", "COLUMNS": "120"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Six edits, one process" in done.stdout
    assert list(tmp_path.iterdir()) == [], tempfile.gettempdir()

"""Projects that tests build ahead of time."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

from dyntransform.building.build import Build, Summary
from dyntransform.config import Config

TIMEOUT_S = 60
PROJECT = {
    "main.py": """
        import sys
        from shop.prices import VAT
        from shop import basket

        def main():
            from shop.prices import rounded
            print(rounded(basket.Basket([1, 2]).total() * VAT), basket.NOTE, sys.argv[1:])

        if __name__ == "__main__":
            main()
    """,
    "shop/__init__.py": "",
    "shop/prices.py": '''
        """Prices."""
        VAT = 1.25

        def rounded(amount):
            return round(amount, 1)
    ''',
    "shop/basket.py": '''
        """A basket."""
        from pathlib import Path

        NOTE = Path(__file__).with_name("note.txt").read_text()

        class Basket:
            def __init__(self, prices):
                self.prices = prices

            def total(self):
                from .prices import rounded
                return sum(map(rounded, self.prices))
    ''',
    "shop/note.txt": "thank you",
}
PRINTS = "3.8 thank you []\n"


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder, and return the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).lstrip("\n").encode())
    return folder


def build(*sources: Path, out: Path, exclude: tuple[str, ...] = (), jobs: int = 1) -> Summary:
    """Build sources."""
    return Build([str(source) for source in sources], str(out), Config(exclude=exclude)).run(jobs)


def differences(*sources: Path, out: Path, exclude: tuple[str, ...] = ()) -> list[str]:
    """Return in what a tree is not what its sources would give."""
    return Build([str(source) for source in sources], str(out), Config(exclude=exclude)).differences()


def content(folder: Path) -> dict[str, bytes | str]:
    """Return all files and links below a folder, but for hidden ones."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = os.readlink(path)
        elif path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def python(folder: Path, *words: str, code: int = 0, environment: Mapping[str, str] | None = None) -> str:
    """Run Python in a folder, and return what it prints and says."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr

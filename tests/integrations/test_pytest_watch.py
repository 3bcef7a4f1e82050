"""``pytest --dyn-watch``, driven through a pseudo terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from built import build
from live import TIMEOUT_S, replace

READY = "[a]ll, [f]ailed, [q]uit"
SHOP = """\
RATE = 2

def price(number):
    return number * RATE

def label(number):
    return f"{number} EUR"
"""
CONFTEST = """\
import pytest
from log import log

@pytest.fixture(scope="session")
def opened():
    log("open")
    yield
    log("close")
"""
LOG = """\
def log(text):
    with open("log.txt", "a") as file:
        print(text, file=file)
"""
TESTS = """\
import pytest
import shop
from log import log

@pytest.fixture(scope="module")
def shelf(opened):
    log("fill")
    return shop.label(1)

def test_price(opened):
    assert shop.price(2) == 4

def test_label(shelf):
    assert shelf == "1 EUR"

def test_red():
    assert shop.price(1) == 3
"""


class Terminal:
    """What a user sees and types."""

    def __init__(self, master: int, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self._folder = folder
        self.process = process
        self._text = ""

    def until(self, expected: str) -> str:
        """Return what was printed, up to the expected text."""
        deadline = time.monotonic() + TIMEOUT_S
        while expected not in self._text:
            ready, _, _ = select.select([self._master], [], [], max(0, deadline - time.monotonic()))
            try:
                read = os.read(self._master, 1 << 16) if ready else b""
            except OSError:  # the other side is closed
                read = b""
            assert read, f"{expected!r} did not come:\n{self._text}"
            self._text += re.sub(r"\x1b\[[\d;]*m|\r", "", read.decode())
        end = self._text.index(expected) + len(expected)
        seen, self._text = self._text[:end], self._text[end:]
        return seen

    def press(self, key: str) -> str:
        """Press a key, and return what is printed until the next may be pressed."""
        os.write(self._master, key.encode())
        return self.until(READY)

    def edit(self, name: str, old: str, new: str, expected: str = READY) -> str:
        """Save a file, and return what is printed then."""
        replace(self._folder / name, old, new)
        return self.until(expected)

    def save(self, name: str, text: str) -> str:
        """Write a new file, and return what is printed then."""
        draft = self._folder / f".{name}"
        draft.write_text(text)
        draft.rename(self._folder / name)
        return self.until(READY)


@contextmanager
def watching(folder: Path, *arguments: str, before: Sequence[str] = ()) -> Iterator[Terminal]:
    """Run ``pytest --dyn-watch`` in a folder, and wait for the end of the first run."""
    master, slave = pty.openpty()
    options = ["-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:hypothesispytest", "-W", "error"]
    process = subprocess.Popen(
        [sys.executable, *before, "-m", "pytest", "--dyn-watch", *options, *arguments],
        cwd=folder,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "COLUMNS": "120"},
    )
    os.close(slave)
    try:
        yield Terminal(master, folder, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose last test fails."""
    for name, text in {"shop": SHOP, "conftest": CONFTEST, "log": LOG, "test_shop": TESTS}.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def test_from_red_to_green(folder: Path) -> None:
    """Each save runs what it can affect, and says why; fixtures stay, unless what they executed changed."""
    with watching(folder) as terminal:
        seen = terminal.until(READY)
        assert "assert 2 == 3" in seen
        assert "2 of 3 tests are well" in seen

        seen = terminal.edit("shop.py", "number * RATE", "number * RATE + (number == 1)")
        assert "updated shop.price" in seen
        assert "running 2 of 3 tests: 1 executed what changed, 1 failed before" in seen
        assert "3 of 3 tests are well" in seen
        assert (folder / "log.txt").read_text().split() == ["open", "fill"]

        seen = terminal.edit("shop.py", "EUR", "USD")
        assert "running 1 of 3 tests: 1 executed what changed" in seen
        assert "assert '1 USD' == '1 EUR'" in seen
        assert (folder / "log.txt").read_text().split() == ["open", "fill", "fill"]

        assert "running 1 of 3 tests: 1 that failed" in terminal.press("f")
        assert "running 3 of 3 tests: all tests" in terminal.press("a")
        assert "3 of 3 tests are well" in terminal.edit("shop.py", "USD", "EUR")
        os.write(terminal._master, b"q")
        assert "3 passed" in terminal.until("passed")
        assert terminal.process.wait(TIMEOUT_S) == 0
    assert (folder / "log.txt").read_text().split()[-1] == "close"


def test_a_value_reaches_tests_that_import_it_late(folder: Path) -> None:
    """A changed constant runs the tests that executed code of modules which import it, in functions too."""
    late = "def test_late():\n    from shop import RATE\n    assert RATE == 2\n\ndef test_other():\n    pass\n"
    (folder / "test_late.py").write_text(late)
    with watching(folder, "test_late.py") as terminal:
        assert "2 of 2 tests are well" in terminal.until(READY)
        seen = terminal.edit("shop.py", "RATE = 2", "RATE = 3")
        assert "assert 3 == 2" in seen


def test_tests_that_come_and_go(folder: Path) -> None:
    """Added, removed and new tests are collected; a file that is no Python is shown, and the session goes on."""
    with watching(folder) as terminal:
        terminal.until(READY)
        seen = terminal.edit(
            "test_shop.py", "def test_red", "def test_new(shelf):\n    assert shelf == 1\n\ndef test_red"
        )
        assert "assert '1 EUR' == 1" in seen
        assert "2 of 4 tests are well" in seen

        seen = terminal.edit("test_shop.py", "assert shelf == 1", "assert shelf ==", "SyntaxError: invalid syntax")
        assert "not applied: test_shop.py" in seen
        assert "3 of 4 tests are well" in terminal.edit("test_shop.py", "assert shelf ==\n", "assert shelf != 1\n")
        assert "2 of 3 tests are well" in terminal.edit("test_shop.py", "def test_price", "def no_price")

        seen = terminal.save("test_more.py", "from shop import missing\n\ndef test_more():\n    assert missing == 1\n")
        assert "cannot import name 'missing'" in seen
        assert "1 files cannot be collected" in seen
        assert "3 of 4 tests are well" in terminal.edit("shop.py", "RATE = 2", "RATE = 2\nmissing = 1")
        os.write(terminal._master, b"q")
        assert "1 failed, 3 passed" in terminal.until("passed")
        assert terminal.process.wait(TIMEOUT_S) == 1


def test_starts_with_files_that_cannot_be_collected(folder: Path) -> None:
    """The session begins although a file cannot be imported, and takes it in when it can."""
    replace(folder / "test_shop.py", "import shop", "import shop as")
    with watching(folder) as terminal:
        assert "SyntaxError" in terminal.until(READY)
        assert "2 of 3 tests are well" in terminal.edit("test_shop.py", "import shop as", "import shop")


def test_saved_while_tests_run(folder: Path) -> None:
    """A save during the first run is applied after it, also under the command line, which watches too."""
    saver = "import pathlib\n\ndef test_saver():\n    path = pathlib.Path('shop.py')\n"
    saver += "    path.write_text(path.read_text().replace('EUR', 'USD'))\n"
    (folder / "test_a_saver.py").write_text(saver)
    with watching(folder, before=["-m", "dyntransform"]) as terminal:
        assert "3 of 4 tests are well" in terminal.until(READY)
        assert "assert '1 USD' == '1 EUR'" in terminal.until(READY)


def test_one_process_only(folder: Path) -> None:
    """Workers of pytest-xdist cannot be edited."""
    with watching(folder, "-n", "2") as terminal:
        terminal.until("ERROR: --dyn-watch runs all tests in one process: leave out -n")


def test_built_tree(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a built tree a build of edited sources is a save like any other, and so is an edit of the tree itself."""
    outside = tmp_path_factory.mktemp("outside")  # a build exchanges the folder: it should not be the working directory
    out = outside / "out"
    build(folder, out=out)
    with watching(outside, "out") as terminal:
        assert "2 of 3 tests are well" in terminal.until(READY)
        replace(folder / "shop.py", "number * RATE", "number * RATE + (number == 1)")
        build(folder, out=out)
        seen = terminal.until(READY)
        assert "updated shop.price" in seen
        assert "3 of 3 tests are well" in seen
        seen = terminal.edit("out/shop.py", "EUR", "USD")
        assert "assert '1 USD' == '1 EUR'" in seen
        assert "2 of 3 tests are well" in seen

"""Run tests of the standard library on the standard library, plain and rewritten, and compare them test by test.

Every module that is not frozen into the interpreter is rewritten, the tests included, with the names of all modules
late bound. Needs an interpreter that has the `test` package, and dyntransform's requirements.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
TIMEOUT_S = 1800
TESTS = (
    "enum dataclasses typing functools collections abc inspect pickle copy contextlib unittest json argparse traceback "
    "super class descr generators scope"
)


def run(python: str, mode: str, test: str, folder: Path) -> dict[str, Any]:
    """Run a test module in a process of its own."""
    result = folder / f"{test}-{mode}.json"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONPYCACHEPREFIX": str(folder / f"cache-{mode}"),
        "PYTHONHASHSEED": "0",
    }
    done = subprocess.run(
        [python, str(HERE / "library_run.py"), mode, test, str(result)],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if not result.exists():
        raise SystemExit(f"{test} {mode} did not finish:\n{done.stdout}\n{done.stderr}")
    found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Run the tests that the command line names, print a table, and fail if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tests", nargs="*", metavar="TEST", help=f"default: {TESTS}")
    parser.add_argument("--python", action="append", metavar="PATH", help="interpreters (default: this one)")
    options = parser.parse_args()
    line = "{:<14} {:>7} {:>7} {:>9} {:>7} {:>6} {:>9}"
    print(line.format("test", "python", "tests", "not ok", "modules", "names", "different"), flush=True)
    failed = False
    for python in options.python or [sys.executable]:
        version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
        with tempfile.TemporaryDirectory() as name:
            for test in options.tests or TESTS.split():
                plain, rewritten = (run(python, mode, f"test_{test}", Path(name)) for mode in ("plain", "rewritten"))
                before, after = plain["outcomes"], rewritten["outcomes"]
                different = [key for key in {**before, **after} if before.get(key) != after.get(key)]
                unwell = sum(set(each) != {"ok"} for each in before.values())
                names = sum(rewritten["modules"].values())
                numbers = (len(before), unwell, len(rewritten["modules"]), names, len(different))
                print(line.format(f"test_{test}", version, *numbers), flush=True)
                for key in different:
                    failed = True
                    print(f"  {key}:\n    {before.get(key)}\n    became\n    {after.get(key)}", file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()

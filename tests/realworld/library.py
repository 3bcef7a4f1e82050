"""Run the standard library's own tests with ``python -m test``, plain and rewritten, and compare them test by test.

Every module that is not frozen into the interpreter is rewritten, the tests included, with the names of all modules
late bound. Needs an interpreter that has the `test` package, and dyntransform's requirements.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
TIMEOUT_S = 1800
TESTS = (
    "enum dataclasses typing functools collections abc inspect pickle copy contextlib contextlib_async unittest json "
    "argparse traceback super class descr generators scope import "
    "asyncio.test_events asyncio.test_futures asyncio.test_locks asyncio.test_queues asyncio.test_runners "
    "asyncio.test_streams asyncio.test_taskgroups asyncio.test_tasks asyncio.test_timeouts asyncio.test_waitfor"
)
_VOLATILE = (
    (re.compile(r"0x[0-9a-fA-F]{6,}"), "0x"),
    (re.compile(r"/tmp/[\w./-]+"), "/tmp"),
    (re.compile(r"test_python_[\w.-]+"), "test_python_"),
    (re.compile(r'(?<=_external>", line )\d+'), ""),
    (re.compile(r"\b(in |duration: )?[\d.]+ (sec|ms)\b"), ""),
)
_RESULT = re.compile(r"Tests? result: .*|Result: .*|.* (?:failed|altered|skipped|omitted).*:")


@dataclasses.dataclass(frozen=True)
class Run:
    """What became of a test file.

    Attributes:
        outcomes: by test, what was said of it; what the whole run ended with stands under an empty name.
        modules: the modules that were rewritten, with the number of their late-bound names.
    """

    outcomes: dict[str, list[str]]
    modules: dict[str, int]


def run(python: str, mode: str, test: str, folder: Path) -> Run:
    """Run a test file in a process of its own."""
    report, modules = folder / f"{test}-{mode}.xml", folder / f"{test}-{mode}.json"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONPYCACHEPREFIX": str(folder / f"cache-{mode}"),
        "PYTHONHASHSEED": "0",
    }
    script = [python, str(HERE / "library_run.py"), mode, str(modules)]
    done = subprocess.run(
        [*script, "--junit-xml", str(report), "--randseed", "1", test],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        check=False,
    )
    if not report.exists() or not modules.exists():
        raise SystemExit(f"{test} {mode} did not finish:\n{done.stdout}")
    outcomes = {"": [f"exit {done.returncode}", *(line for line in done.stdout.splitlines() if _RESULT.match(line))]}
    for case in ET.parse(report).iter("testcase"):
        said = [case.get("result", "subtests failed"), *(_said(part) for part in case)]
        outcomes.setdefault(case.get("name", "subtests"), []).append(_stable(" ".join(said)))
    return Run(outcomes, json.loads(modules.read_text(encoding="utf-8")))


def _said(part: ET.Element) -> str:
    return f"{part.tag}: {part.text or ''}"


def _stable(text: str) -> str:
    for pattern, replacement in _VOLATILE:
        text = pattern.sub(replacement, text)
    return text


def main() -> None:
    """Run the tests that the command line names, print a table, and fail if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tests", nargs="*", metavar="TEST", help=f"default: {TESTS}")
    parser.add_argument("--python", action="append", metavar="PATH", help="interpreters (default: this one)")
    options = parser.parse_args()
    line = "{:<28} {:>7} {:>7} {:>9} {:>7} {:>6} {:>9}"
    print(line.format("test", "python", "tests", "not ok", "modules", "names", "different"), flush=True)
    failed = False
    for python in options.python or [sys.executable]:
        version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
        with tempfile.TemporaryDirectory() as name:
            for test in options.tests or TESTS.split():
                plain, rewritten = (run(python, mode, f"test_{test}", Path(name)) for mode in ("plain", "rewritten"))
                before, after = plain.outcomes, rewritten.outcomes
                different = [key for key in {**before, **after} if before.get(key) != after.get(key)]
                unwell = sum(set(said) != {"completed"} for key, said in before.items() if key)
                names = sum(rewritten.modules.values())
                numbers = (len(before) - 1, unwell, len(rewritten.modules), names, len(different))
                print(line.format(f"test_{test}", version, *numbers), flush=True)
                for key in different:
                    failed = True
                    told = (f"{before.get(key)}", "became", f"{after.get(key)}")
                    print(f"  {key or 'the run'}:", *told, sep="\n    ", file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()

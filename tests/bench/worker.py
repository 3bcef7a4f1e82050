"""One process of the measurements: ``worker.py SUITE ARGUMENTS`` prints what the suite's `measure` returns, as JSON."""

from __future__ import annotations

import importlib
import json
import sys


def main() -> None:
    """Run one measurement."""
    suite, arguments = sys.argv[1], json.loads(sys.argv[2])
    out, sys.stdout = sys.stdout, sys.stderr
    result = importlib.import_module(suite).measure(**arguments)
    json.dump(result, out)


if __name__ == "__main__":
    main()

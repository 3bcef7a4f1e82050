"""Hot loops: what a read, a call, an instance costs in code that the engine has loaded."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from engines import make

__all__ = ["LOOPS", "generate", "measure"]

PROVIDER = """
CONSTANT = 3
def function(x): return x
class Thing:
    def __init__(self, value): self.value = value
    def method(self): return self.value
"""

LOOPS = {
    "read of a from-imported global": "for _ in turns: CONSTANT",
    "call of a from-imported global": "for _ in turns: function(1)",
    "read of a name imported in the function": "from provider import CONSTANT as local\n    for _ in turns: local",
    "call of a name imported in the function": "from provider import function as local\n    for _ in turns: local(1)",
    "call of a closure over such a name": (
        "from provider import function as local\n    def inner(x): return local(x)\n    for _ in turns: inner(1)"
    ),
    "instance of a class": "for _ in turns: Thing(1)",
    "method call": "thing = Thing(1)\n    for _ in turns: thing.method()",
}
TURNS = 200_000
REPEATS = 7


def generate(folder: Path) -> Path:
    """Write the modules with the loops; return their folder."""
    root = folder / "loops"
    root.mkdir(exist_ok=True)
    (root / "provider.py").write_text(PROVIDER)
    functions = [f"def loop_{number}(turns):\n    {body}\n" for number, body in enumerate(LOOPS.values())]
    (root / "user.py").write_text("from provider import CONSTANT, function, Thing\n\n" + "\n".join(functions))
    (root / "main.py").write_text("import user\nuser.loop_0\n")
    return root


def measure(engine: str, root: str) -> dict[str, Any]:
    """Return for each loop the seconds of a turn, in several repeats."""
    tool = make(engine)
    tool.start(Path(root))
    tool.load()
    user = sys.modules["user"]
    result: dict[str, Any] = {}
    for number, name in enumerate(LOOPS):
        loop = getattr(user, f"loop_{number}")
        loop(range(1000))
        times = []
        for _ in range(REPEATS):
            start = time.process_time()
            loop(range(TURNS))
            times.append((time.process_time() - start) / TURNS)
        result[name] = times
    return result

"""Hot loops: what a read, a call, an instance costs in code that the engine loaded, beside the same code as it is."""

from __future__ import annotations

import gc
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
    kind = "thing"
    def __init__(self, value): self.value = value
    def method(self): return self.value
class Slotted:
    __slots__ = ("value",)
    def __init__(self, value): self.value = value
"""

LOOPS = {
    "read of a from-imported global": "for _ in turns: CONSTANT",
    "call of a from-imported global": "for _ in turns: function(1)",
    "read of a name imported in the function": "from {0} import CONSTANT as local\n    for _ in turns: local",
    "call of a name imported in the function": "from {0} import function as local\n    for _ in turns: local(1)",
    "call of a closure over such a name": (
        "from {0} import function as local\n    def inner(x): return local(x)\n    for _ in turns: inner(1)"
    ),
    "instance of a class": "for _ in turns: Thing(1)",
    "instance of a class with slots": "for _ in turns: Slotted(1)",
    "attribute of an instance": "thing = Thing(1)\n    for _ in turns: thing.value",
    "attribute of a class": "thing = Thing(1)\n    for _ in turns: thing.kind",
    "method call": "thing = Thing(1)\n    for _ in turns: thing.method()",
    "class statement": "for _ in turns:\n        class Made(Thing):\n            def method(self): return 1",
}
SLOW = {"class statement": 150}
TURNS = 15_000
PAIRS = 60
"""So many short runs of both, one after the other: what disturbs the machine disturbs both."""


def generate(folder: Path) -> Path:
    """Write the modules with the loops, as a project and apart from it; return the project's folder."""
    root = folder / "loops"
    for place, prefix in ((root, ""), (_apart(root), "plain_")):
        place.mkdir(exist_ok=True)
        provider = f"{prefix}provider"
        (place / f"{provider}.py").write_text(PROVIDER)
        bodies = [body.format(provider) for body in LOOPS.values()]
        functions = [f"def loop_{number}(turns):\n    {body}\n" for number, body in enumerate(bodies)]
        head = f"from {provider} import CONSTANT, function, Slotted, Thing\n\n"
        (place / f"{prefix}user.py").write_text(head + "\n".join(functions))
    (root / "main.py").write_text("import user\nuser.loop_0\n")
    return root


def _apart(root: Path) -> Path:
    return root.with_name("apart")


def measure(engine: str, root: str) -> dict[str, Any]:
    """Return for each loop the seconds of a turn in plain Python, and the ratios to it, pair by pair."""
    tool = make(engine)
    tool.start(Path(root))
    tool.load()
    sys.path.insert(0, str(_apart(Path(root))))
    import plain_user  # type: ignore[import-not-found]

    result: dict[str, Any] = {}
    gc.disable()
    for number, name in enumerate(LOOPS):
        turns = range(SLOW.get(name, TURNS))
        loops = [getattr(module, f"loop_{number}") for module in (sys.modules["user"], plain_user)]
        for loop in loops:
            loop(turns)
        pairs = [_pair(loops, turns, turn % 2) for turn in range(PAIRS)]
        gc.collect()
        result[f"plain: {name}"] = [plain / len(turns) for _, plain in pairs]
        result[name] = [took / plain for took, plain in pairs]
    return result


def _pair(loops: list[Any], turns: range, first: int) -> tuple[float, float]:
    """Return the seconds of both loops, of which one or the other goes first."""
    times = [0.0, 0.0]
    for index in (first, 1 - first):
        start = time.perf_counter()
        loops[index](turns)
        times[index] = time.perf_counter() - start
    return times[0], times[1]

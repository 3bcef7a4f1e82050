"""A project of two modules, and what a program sees of it plainly and under the hook."""

from __future__ import annotations

import re
from pathlib import Path

from hooked import run

ASKED = """
from dyntransform.runtime.lookup import replacements
replacements.add("nothing", "nothing", object()); replacements.switch()
"""

SOURCE = '''
"""The module that is imported from."""
import warnings

value = "real"

def func(*args):
    """Return the arguments."""
    return ("real", *args)

def fail():
    raise ValueError("from source")

def warn():
    warnings.warn("careful", stacklevel=2)

class Thing:
    attribute = 1
    def __repr__(self):
        return "Thing()"
'''
MODULE = '''
"""The module that imports."""
from source import value, func as function
from source import Thing

class Plain:
    from source import value as kept

    def method(self, x: int = 1) -> "Thing":
        """Return what was imported."""
        from source import Thing as thing, value as v
        return thing(), v, [v for _ in range(x)]

    @classmethod
    def create(cls): return cls()

def late(x=2, *, key="k"):
    from source import value as v, func as f  # a comment
    y = 1
    return v, f(
        x,
        key,
    ), f"{v=}", y

def factory():
    from source import func as f
    def inner(n=0):
        return f(n)
    return inner

def generator():
    from source import value as v
    yield v
    yield v

async def coroutine():
    from source import func as f
    return f("awaited")

def failing():
    from source import fail, value as v
    if v:
        return [v,
                fail()]

def unbound(flag):
    if flag:
        from source import value as v
    return v

def warned():
    from source import warn as w
    w()

def branches(n):
    from source import value as v
    for i in range(n):
        if i % 2 and v:
            continue
        try:
            v.index("x")
        except ValueError:
            pass
    else:
        return v
'''


def seen(root: Path, code: str, *, hook: bool = True, before: str = "") -> str:
    """Run a program in an interpreter of its own, and return what it writes, without addresses."""
    text = run(root, code, hook=hook, before=before, check=False)
    return re.sub(r"0x[0-9a-f]{6,}|id='\d+'", "ADDRESS", text)

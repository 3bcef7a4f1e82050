"""Reference counts, as this interpreter counts.

`sys.getrefcount` of a local variable counts the variable, and up to Python 3.13 the argument of the call too. Since
3.14 the compiler borrows references where it can (LOAD_FAST_BORROW), and each release may borrow more. So no code of
Python holds here what is counted: C code takes it from a list, and the references which that takes are counted once, on
an object that nothing else holds.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["references"]


def references(objects: Sequence[Any]) -> list[int]:
    """Count the references to objects.

    Args:
        objects: a list or tuple of objects.

    Returns:
        How many references there are to each, but the one that `objects` itself has. Variables of Python code that is
        running may count or not.
    """
    return [count - _COUNTING for count in map(sys.getrefcount, objects)]


_COUNTING: int = next(map(sys.getrefcount, [object()]))
"""References while one is counted that nothing holds but the list: of the list, and of the iterator."""

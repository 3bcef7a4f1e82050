"""Reference counts are the same on all versions."""

import functools
from types import FunctionType

from dyntransform.cpython.references import references


def test_unheld() -> None:
    """Nothing but the list holds a new object."""
    assert references([object(), object()]) == [0, 0]


def test_containers() -> None:
    """Each container counts once for each place in it."""
    one = [object()]
    holders = [one[0], (one[0],), {"name": one[0]}, functools.partial(print, one[0])]
    assert references(one) == [4]
    del holders[0]
    assert references(one) == [3]


def test_functions() -> None:
    """A function counts for its code, and so does the code around it."""
    codes = [(lambda: 0).__code__]
    assert references(codes) == [1]
    function = FunctionType(codes[0], {})
    assert references(codes) == [2]
    del function
    assert references(codes) == [1]

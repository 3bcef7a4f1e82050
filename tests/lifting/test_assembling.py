"""Compiling statements that were lifted from code."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from dyntransform.lifting.assembling import assemble
from dyntransform.lifting.statements import lift

METHODS = """
LARGE = True
class K:
    def plain(self): self.a = self.__b = 1
    if LARGE:
        def m(self):
            self.c = self.__d = 1
            def inner(): self.e = 1
        class Inner:
            def m(self): self.other = 1
    else:
        def m(self): self.f = 1
    for name in ():
        try:
            def n(self): self.g = 1
        except ValueError:
            pass
"""


@pytest.mark.skipif(sys.version_info < (3, 13), reason="classes list the attributes of self since Python 3.13")
def test_attributes_of_self_in_the_methods_of_blocks():
    """A class that is compiled again lists those of all its methods, and blocks in it bind what they did."""
    code = compile(METHODS, "m.py", "exec", dont_inherit=True)
    plain: dict[str, Any] = {"__name__": "m"}
    exec(code, plain)
    again: dict[str, Any] = {"__name__": "m"}
    for node, _ in lift(code):
        exec(assemble([node], "m.py"), again)
    assert set(again["K"].__static_attributes__) == set(plain["K"].__static_attributes__)
    assert set(again["K"].Inner.__static_attributes__) == {"other"}
    assert list(vars(again["K"])) == list(vars(plain["K"]))

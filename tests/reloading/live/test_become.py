"""Whatever refers to an object can be made to refer to another."""

from __future__ import annotations

import collections
import functools
import weakref
from types import SimpleNamespace

import pytest

from dyntransform.reloading.live.become import replace_references, replaceable
from dyntransform.reloading.live.swaps import Swaps
from dyntransform.reloading.live.transaction import Transaction


class Thing:
    """Something to be replaced."""

    def method(self):
        """Return the object."""
        return self


def live_transaction():
    """Return a transaction whose changes take effect at once."""
    transaction = Transaction()
    transaction.live = True
    return transaction


HOLDERS = {
    "list": lambda old: ([old], lambda held: held[0]),
    "dict value": lambda old: ({"k": old}, lambda held: held["k"]),
    "dict key": lambda old: ({1: 1, old: 2}, lambda held: list(held)[1]),
    "ordered dict": lambda old: (collections.OrderedDict({old: old}), lambda held: next(iter(held))),
    "set": lambda old: ({old}, lambda held: next(iter(held))),
    "deque": lambda old: (collections.deque([old]), lambda held: held[0]),
    "attribute": lambda old: (SimpleNamespace(a=old), lambda held: held.a),
    "tuples in a list": lambda old: ([(1, (old,))], lambda held: held[0][1][0]),
    "frozenset": lambda old: ([frozenset([old])], lambda held: next(iter(held[0]))),
    "bound method": lambda old: ([old.method], lambda held: held[0]()),
    "partial": lambda old: (functools.partial(print, old), lambda held: held.args[0]),
    "weak set": lambda old: (weakref.WeakSet([old]), lambda held: next(iter(held))),
    "weak key": lambda old: (weakref.WeakKeyDictionary({old: 1}), lambda held: next(iter(held))),
    "weak value": lambda old: (weakref.WeakValueDictionary({1: old}), lambda held: held[1]),
    "closure": lambda old: (lambda: old, lambda held: held()),
}


@pytest.mark.parametrize("kind", HOLDERS)
def test_holder_follows_and_goes_back(kind):
    """A holder refers to the new object, and to the old one again after a rollback."""
    old, new = Thing(), Thing()
    held, get = HOLDERS[kind](old)
    swaps, transaction = Swaps([(old, new)]), live_transaction()
    identity = id(old)
    replace_references(swaps, transaction)
    assert get(held) is new
    transaction.rollback()
    assert id(get(held)) == identity


def test_running_and_suspended_functions_follow():
    """Local variables of calls that are under way refer to the new object."""

    def suspended(thing):
        yield
        yield thing

    old, new = Thing(), Thing()
    generator = suspended(old)
    next(generator)
    swaps = Swaps([(old, new)])
    replace_references(swaps, live_transaction())
    assert old is new
    assert next(generator) is new


def test_defaults_and_annotations_follow():
    """Defaults are in a tuple, and so may annotations be."""

    class Other:
        pass

    namespace = {"Thing": Thing}
    text = "def function(a: Thing = Thing, *, b=Thing) -> Thing: return a, b"
    exec(compile(text, "text", "exec", dont_inherit=True), namespace)
    made, first = namespace["function"], Thing
    swaps = Swaps([(first, Other)])
    transaction = live_transaction()
    try:
        replace_references(swaps, transaction)
        assert made() == (Other, Other)
        assert set(made.__annotations__.values()) == {Other}
    finally:
        transaction.rollback()
    assert made()[0] is not Other


def test_unreachable_holder_is_noticed():
    """An object that C code holds by itself cannot be replaced everywhere, and that is known before anything is."""
    import itertools

    reachable, other = Swaps([(Thing(), Thing())]), Thing()
    held = [reachable.olds[0]]
    hidden = itertools.repeat(other)
    assert replaceable(reachable) == [True]
    swaps = Swaps([(other, Thing())])
    del other
    assert replaceable(swaps) == [False]
    assert isinstance(held[0], Thing)
    assert next(hidden) is swaps.olds[0]


def test_changed_copy_of_the_variables_is_dropped():
    """Looking at the variables of a running function keeps none of them alive afterwards."""
    kept = Thing()
    gone = weakref.ref(kept)
    replace_references(Swaps([(Thing(), Thing())]), live_transaction())
    del kept
    assert gone() is None

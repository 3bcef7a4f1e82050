"""The base that classes gain."""

import builtins
import pickle
import sys

from dyntransform.runtime import DynamicClass
from dyntransform.runtime.dynamic_class import BASE


class Plain:
    """A class without the base."""


class Rewritten(DynamicClass):
    """A class with it."""


def test_nothing_is_added() -> None:
    """The base has the layout of a plain class, no docstring and no methods."""
    own = {"__firstlineno__", "__static_attributes__", "__dict__", "__weakref__"}
    assert set(vars(DynamicClass)) - own == {"__module__", "__doc__"}
    assert DynamicClass.__doc__ is None
    assert type(DynamicClass) is type
    assert DynamicClass.__bases__ == (object,)
    for name in ("__basicsize__", "__dictoffset__", "__weakrefoffset__", "__itemsize__"):
        assert getattr(DynamicClass, name) == getattr(Rewritten, name) == getattr(Plain, name)


def test_objects_show_nothing() -> None:
    """An object of a class with the base has the attributes, the size and the pickles that it has without."""
    assert dir(Rewritten()) == dir(Plain())
    assert sys.getsizeof(Rewritten()) == sys.getsizeof(Plain())
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert type(pickle.loads(pickle.dumps(Rewritten(), protocol))) is Rewritten


def test_the_builtin() -> None:
    """Lowered code reads it as a builtin."""
    assert getattr(builtins, BASE) is DynamicClass


def test_bases_are_assigned() -> None:
    """What it is for: bases come and go, on the same class."""

    class Mixin:
        pass

    class Child(DynamicClass):
        pass

    child = Child()
    for bases in ((Mixin,), (DynamicClass,), (Mixin, Rewritten), (DynamicClass,)):
        Child.__bases__ = bases
        assert isinstance(child, bases)

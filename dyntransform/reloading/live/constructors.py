"""Classes that lose their ``__new__``.

CPython does not let a class go back: once ``__new__`` was set and is deleted, `object.__new__` refuses the arguments of
every call (https://github.com/python/cpython/issues/49572). Such a class gets one that passes the call on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

__all__ = ["deletion", "passing_on"]


def deletion(cls: type, name: str) -> Callable[[], None]:
    """Return what deletes an attribute of a class, without asking its metaclass or running Python code."""
    if name == "__new__":
        return functools.partial(type.__setattr__, cls, name, staticmethod(passing_on(cls)))
    return functools.partial(type.__delattr__, cls, name)


def passing_on(owner: type, then: Callable[[Any], None] | None = None) -> Callable[..., Any]:
    """Return a ``__new__`` for a class that does what the class would do without.

    Args:
        owner: the class.
        then: called with each new instance.
    """

    def __new__(cls: type, *args: Any, **kwargs: Any) -> Any:  # noqa: N807 - this is the one
        inherited: Callable[..., Any] = super(owner, cls).__new__  # type: ignore[arg-type]
        if inherited is object.__new__:
            if (args or kwargs) and cls.__init__ is object.__init__:  # type: ignore[misc]
                raise TypeError(f"{cls.__name__}() takes no arguments")
            new = inherited(cls)
        else:
            new = inherited(cls, *args, **kwargs)
        if then is not None:
            then(new)
        return new

    __new__.__qualname__ = f"{owner.__qualname__}.__new__"
    __new__.__module__ = owner.__module__
    if "__init__" in vars(owner):
        __new__.__wrapped__ = vars(owner)["__init__"]  # type: ignore[attr-defined] # for inspect.signature
    return __new__

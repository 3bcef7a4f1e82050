# A docstring on DynamicClass would be inherited by inspect.getdoc(), so there is none.
"""The base that rewritten classes without one gain."""

import builtins

__all__ = ["BASE", "DynamicClass"]

BASE = "__dyn_class__"
"""The builtins name that lowered code reads."""


class DynamicClass:  # noqa: D101 - see above
    pass


# The compiled files of a built tree import this module, and count on the builtin.
setattr(builtins, BASE, DynamicClass)

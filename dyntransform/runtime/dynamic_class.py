# A docstring on DynamicClass would be inherited by inspect.getdoc(), so there is none.
"""The base that rewritten classes without one gain."""

__all__ = ["DynamicClass"]


class DynamicClass:  # noqa: D101 - see above
    __slots__ = ()


# It has done its work, which is to add nothing to the layout; dir() of an object would show it.
del DynamicClass.__slots__

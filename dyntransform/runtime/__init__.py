"""What rewritten code needs while it runs; imports nothing else of dyntransform."""

from dyntransform.runtime.dynamic_class import DynamicClass
from dyntransform.runtime.lookup import _dyn_lookup

__all__ = ["DynamicClass", "_dyn_lookup"]

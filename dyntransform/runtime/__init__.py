"""What rewritten code needs while it runs; imports nothing else of dyntransform."""

from dyntransform.runtime.dynamic_class import DynamicClass
from dyntransform.runtime.frozen import FROZEN_AT_START
from dyntransform.runtime.lookup import _dyn_lookup

__all__ = ["FROZEN_AT_START", "DynamicClass", "_dyn_lookup"]

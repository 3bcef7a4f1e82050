"""How many objects the interpreter itself had frozen when dyntransform was imported (Python 3.12 freezes some)."""

import gc

__all__ = ["FROZEN_AT_START"]

FROZEN_AT_START = gc.get_freeze_count()

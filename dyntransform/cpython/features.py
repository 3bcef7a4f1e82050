"""What some versions of CPython have and others lack."""

from __future__ import annotations

import sys

__all__ = [
    "CLASSES_KNOW_THEIR_PLACE",
    "COUNTS_CALLS_INTO_C",
    "DEFERRED_ANNOTATIONS",
    "LAZY_IMPORTS",
    "LOCALS_WRITE_THROUGH",
    "MODULES_NAME_THEIR_CACHE",
    "MONITORING",
    "SHORT_PYC_IS_EOF",
    "START_FILES",
    "TYPED_DICTS_KNOW_THEIR_BASES",
]

_VERSION = sys.version_info[:2]

COUNTS_CALLS_INTO_C = _VERSION < (3, 12)
"""The recursion limit counts calls of C functions as well (gh-89455)."""

TYPED_DICTS_KNOW_THEIR_BASES = _VERSION >= (3, 12)
"""Typed dicts have `__orig_bases__` (gh-103699)."""

MONITORING = _VERSION >= (3, 12)
"""There is `sys.monitoring` (PEP 669)."""

LOCALS_WRITE_THROUGH = _VERSION >= (3, 13)
"""The attribute `f_locals` of a frame is a view of its variables (PEP 667); before, it is a copy."""

CLASSES_KNOW_THEIR_PLACE = _VERSION >= (3, 13)
"""Classes have `__firstlineno__` and `__static_attributes__` (gh-118465, gh-115775)."""

SHORT_PYC_IS_EOF = _VERSION >= (3, 13)
"""Running a compiled file that is shorter than its magic number is an EOFError (gh-117052)."""

DEFERRED_ANNOTATIONS = _VERSION >= (3, 14)
"""Annotations are evaluated when they are asked for (PEP 649, PEP 749)."""

MODULES_NAME_THEIR_CACHE = _VERSION < (3, 15)
"""Modules have `__cached__` (gh-97850)."""

START_FILES = _VERSION >= (3, 15)
"""`site` calls what files named ``*.start`` name (PEP 829); it leaves out lines of a .pth file of the same name."""

LAZY_IMPORTS = _VERSION >= (3, 15)
"""There are lazy imports (PEP 810)."""

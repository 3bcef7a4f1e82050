"""Which Pythons are supported, and what is said of others.

This module and `dyntransform.errors` compile on older Pythons too: there they have to say that they are not enough.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyntransform.errors import UnsupportedPythonError

__all__ = ["FREE_THREADED", "SUPPORTED", "lost", "require", "trouble", "unsupported"]

SUPPORTED = ((3, 11), (3, 12), (3, 13), (3, 14), (3, 15))
"""The versions that the tests are run with; pyproject.toml names the same."""

FREE_THREADED = "free-threading build" in sys.version
"""Whether this is a build without the global interpreter lock (PEP 703), also where the lock was switched on."""


def require() -> None:
    """Make sure that this Python is supported.

    Raises:
        UnsupportedPythonError: it is not.
    """
    wrong = trouble(sys.implementation.name, sys.version_info[:2])
    if wrong:
        raise unsupported(wrong)


def trouble(implementation: str, version: Sequence[int]) -> str:
    """Say why a Python is not supported, and what to do.

    Args:
        implementation: as in `sys.implementation.name`.
        version: at least its major and minor number.

    Returns:
        One sentence; empty if it is supported.
    """
    if implementation == "cpython" and tuple(version[:2]) in SUPPORTED:
        return ""
    name = "CPython" if implementation == "cpython" else implementation
    way_out = ", or install a newer dyntransform" if tuple(version[:2]) > SUPPORTED[-1] else ""
    return f"this is {name} {version[0]}.{version[1]}, and dyntransform needs {_described()}: use one{way_out}"


def lost(problem: object) -> UnsupportedPythonError:
    """Return the error for a Python that lacks something, or does something in another way than is known.

    Args:
        problem: what it is.
    """
    release = "{}.{}.{}".format(*sys.version_info)
    return unsupported(
        f"this Python {release} is not as dyntransform knows it ({problem}): "
        f"use another release of {_described()}, or install a newer dyntransform"
    )


def unsupported(text: str) -> UnsupportedPythonError:
    """Return the error with a text."""
    from dyntransform.errors import UnsupportedPythonError

    return UnsupportedPythonError(text)


def _described() -> str:
    (major, first), (_, last) = SUPPORTED[0], SUPPORTED[-1]
    return f"CPython {major}.{first} to {major}.{last}"

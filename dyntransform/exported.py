"""The environment variables by which a process tells those it starts to install the hook as well."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DYNAMIC_CLASS", "ENABLED", "EXCLUDE", "LATE_BIND", "ROOTS", "is_enabled", "variables"]

ROOTS = "DYNTRANSFORM_ROOTS"
"""The folders of the project, separated as in PATH; the hook is installed if it is there and not empty."""
EXCLUDE = "DYNTRANSFORM_EXCLUDE"
"""Patterns, separated as in PATH; without it those of pyproject.toml hold."""
LATE_BIND = "DYNTRANSFORM_LATE_BIND"
"""The setting of that name; without it that of pyproject.toml holds."""
DYNAMIC_CLASS = "DYNTRANSFORM_DYNAMIC_CLASS"
"""The setting of that name, "true" or "false"; without it that of pyproject.toml holds."""

ENABLED = "dyntransform_enabled"
"""Name of the files that `dyntransform enable` writes for `site`."""


def variables(
    roots: Sequence[str],
    exclude: Sequence[str],
    late_bind: str,
    dynamic_class: bool,  # noqa: FBT001 - a setting
) -> Mapping[str, str]:
    """Return the environment variables that say so."""
    return {
        ROOTS: os.pathsep.join(roots),
        EXCLUDE: os.pathsep.join(exclude),
        LATE_BIND: late_bind,
        DYNAMIC_CLASS: str(dynamic_class).lower(),
    }


def is_enabled() -> bool:
    """Whether `enable` was called in this environment; cheap, since each start of the hook asks."""
    return any(
        entry.endswith("-packages") and os.path.exists(os.path.join(entry, f"{ENABLED}.pth")) for entry in sys.path
    )

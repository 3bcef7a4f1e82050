"""The hook for every process of an environment that finds DYNTRANSFORM_ROOTS among its environment variables.

``dyntransform enable`` writes a file of one line that `site` executes when Python starts. Without the variable that
line looks it up, and that is all. Where Python has start files (PEP 829), it writes one as well: they come in place of
such lines, which a later Python will not execute any more.
"""

from __future__ import annotations

import os
import sys

from dyntransform.cpython.features import START_FILES
from dyntransform.errors import ConfigError, DyntransformError
from dyntransform.exported import DYNAMIC_CLASS, ENABLED, EXCLUDE, LATE_BIND, ROOTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["disable", "enable", "install", "start"]

_FILES = {
    f"{ENABLED}.pth": (
        f"import os; os.environ.get({ROOTS!r}) and __import__({__name__!r}, fromlist=['start']).start()\n"
    ),
    **({f"{ENABLED}.start": f"{__name__}:start\n"} if START_FILES else {}),
}
"""What `enable` writes, by name."""


def start() -> None:
    """Install the hook as the environment variables say; what is wrong with them is printed, and Python goes on."""
    if not os.environ.get(ROOTS):
        return
    given: Any = os.environ.get(DYNAMIC_CLASS)
    install(
        _split(os.environ[ROOTS]),
        _split(os.environ[EXCLUDE]) if EXCLUDE in os.environ else None,
        os.environ.get(LATE_BIND),
        _BOOLS.get(given, given),
    )


_BOOLS = {"true": True, "false": False}


def install(
    roots: Sequence[str], exclude: Sequence[str] | None = None, late_bind: Any = None, dynamic_class: Any = None
) -> None:
    """Install the hook in a process that did not ask for it.

    Args:
        roots: folders of the project.
        exclude: patterns; those of pyproject.toml if None.
        late_bind: the setting of that name; that of pyproject.toml if None.
        dynamic_class: the setting of that name; that of pyproject.toml if None.
    """
    from dyntransform import config, hook

    try:
        settings = config.Config()
        if roots and None in (exclude, late_bind, dynamic_class):
            settings = config.load(roots[0])
        late_bind = config.late_bind(ROOTS, late_bind or settings.late_bind)
        given = settings.dynamic_class if dynamic_class is None else dynamic_class
        hook.install(
            roots,
            settings.exclude if exclude is None else exclude,
            late_bind=late_bind,
            dynamic_class=config.dynamic_class(ROOTS, given),
        )
    except DyntransformError as problem:
        text = f"dyntransform: the hook is not installed: {problem}"
        if text not in _said:
            _said.append(text)
            print(text, file=sys.stderr)


_said: list[str] = []
"""What was printed: `site` executes the files of a virtual environment twice."""


def _split(text: str) -> list[str]:
    return [part for part in text.split(os.pathsep) if part]


def enable() -> list[str]:
    """Write what `site` reads.

    Returns:
        The names of the files.

    Raises:
        ConfigError: this Python is not an environment of its own, or cannot be written to.
    """
    if sys.prefix == sys.base_prefix and not os.path.isdir(os.path.join(sys.prefix, "conda-meta")):
        wrong = f"{sys.prefix} is no virtual environment: other programs use this Python too"
        raise ConfigError(f"{wrong}; make one with python -m venv, and enable dyntransform in that")
    folder = _folder()
    try:
        for name, line in _FILES.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(line)
    except OSError as problem:
        where = os.path.join(folder, name)
        raise ConfigError(
            f"{where}: {problem.strerror}; make the folder writable, or use another environment"
        ) from None
    return [os.path.join(folder, name) for name in _FILES]


def disable() -> list[str]:
    """Remove what `enable` wrote.

    Returns:
        The names of the files; none if it was not called.

    Raises:
        ConfigError: it cannot be removed.
    """
    folder = _folder()
    removed = []
    for name in _FILES:
        path = os.path.join(folder, name)
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
        except OSError as problem:
            raise ConfigError(f"{path}: {problem.strerror}; make the folder writable, or remove the file") from None
        removed.append(path)
    return removed


def _folder() -> str:
    import sysconfig

    return sysconfig.get_path("purelib")

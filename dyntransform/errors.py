"""The exceptions of dyntransform.

DyntransformError
├── ConfigError (also ValueError)       an option or a table in pyproject.toml is not usable
├── TransformError (also ValueError)    a file cannot be rewritten; the message names file, line and reason
├── NotInstalledError (also RuntimeError)  reload() or watch() without install()
├── ReloadError (also RuntimeError)     an edit cannot be applied for a reason that is not an exception of the program
└── UnsupportedPythonError (also SystemExit)  this Python is not supported; uncaught, its sentence ends the program
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "DyntransformError",
    "NotInstalledError",
    "ReloadError",
    "TransformError",
    "UnsupportedPythonError",
]


class DyntransformError(Exception):
    """Base class of every error that dyntransform itself raises."""


class ConfigError(DyntransformError, ValueError):
    """An option or a value in ``[tool.dyntransform]`` cannot be used."""


class TransformError(DyntransformError, ValueError):
    """A file cannot be rewritten."""


class NotInstalledError(DyntransformError, RuntimeError):
    """An operation needs the import hook, and `dyntransform.install()` was not called."""


class ReloadError(DyntransformError, RuntimeError):
    """An edit cannot be applied to the running program; nothing was changed."""


class UnsupportedPythonError(SystemExit, DyntransformError):
    """This Python, or this build or part of it, is not one that dyntransform can work in.

    Where nobody catches it, Python prints the message alone and ends with status 1, as for any SystemExit.
    """

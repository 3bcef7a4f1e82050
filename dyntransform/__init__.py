"""Hot reload for Python: edit a running program, and it goes on with the new code.

PYTEST_DONT_REWRITE: there are no assertions here, and pytest would warn that this was imported before the plugin.
"""

from __future__ import annotations

from dyntransform.cpython.versions import require

require()  # before anything else: what follows need not compile on other Pythons

TYPE_CHECKING = False  # as type checkers read it: importing typing takes longer than everything here
if TYPE_CHECKING:
    from typing import Any

    from dyntransform.errors import (
        ConfigError,
        DyntransformError,
        NotInstalledError,
        ReloadError,
        TransformError,
        UnsupportedPythonError,
    )
    from dyntransform.executor import DynamicModeExecutor
    from dyntransform.hook import Hook, install, reload, undo, unwatch, watch
    from dyntransform.reloading.model.report import Action, Change, Place, ReloadEvent, Report
    from dyntransform.runtime import DynamicClass
    from dyntransform.runtime.hooks import after_reload, before_reload

__version__ = "0.1.0"

_HOMES = {
    "Action": "reloading.model.report",
    "Change": "reloading.model.report",
    "ConfigError": "errors",
    "DynamicClass": "runtime",
    "DynamicModeExecutor": "executor",
    "DyntransformError": "errors",
    "Hook": "hook",
    "NotInstalledError": "errors",
    "Place": "reloading.model.report",
    "ReloadError": "errors",
    "ReloadEvent": "reloading.model.report",
    "Report": "reloading.model.report",
    "TransformError": "errors",
    "UnsupportedPythonError": "errors",
    "after_reload": "runtime.hooks",
    "before_reload": "runtime.hooks",
    "install": "hook",
    "reload": "hook",
    "undo": "hook",
    "unwatch": "hook",
    "watch": "hook",
}

__all__ = [
    "Action",
    "Change",
    "ConfigError",
    "DynamicClass",
    "DynamicModeExecutor",
    "DyntransformError",
    "Hook",
    "NotInstalledError",
    "Place",
    "ReloadError",
    "ReloadEvent",
    "Report",
    "TransformError",
    "UnsupportedPythonError",
    "after_reload",
    "before_reload",
    "install",
    "reload",
    "undo",
    "unwatch",
    "watch",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: importing dyntransform costs a program nothing (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""The pytest plugin: ``pytest --dyn`` rewrites the project, its tests and its conftest files.

It does nothing, and imports nothing of dyntransform, unless it is asked to or the import hook is installed already
(``python -m dyntransform -m pytest``, ``dyntransform.install()`` in a conftest file).

PYTEST_DONT_REWRITE: there are no assertions here, and the command line of dyntransform imports parts of it first.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dyntransform.hook import Hook

__all__ = ["pytest_addoption", "pytest_configure", "pytest_load_initial_conftests"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("dyntransform", "hot reload (dyntransform)")
    group.addoption(
        "--dyn",
        action="store_true",
        help="rewrite the project's modules, tests and conftest files while they are imported, so that they can be "
        "reloaded",
    )
    group.addoption(
        "--dyn-root",
        action="append",
        metavar="DIR",
        help="folder of the project (repeatable); default: rootdir, and roots of [tool.dyntransform]",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Install the import hook before the first conftest file is imported."""
    if early_config.known_args_namespace.dyn:
        _attach(_install(early_config), early_config)
    else:
        _attach_to_installed(early_config)


def pytest_configure(config: pytest.Config) -> None:
    """Join a hook that a conftest file installed."""
    _attach_to_installed(config)


def _attach_to_installed(config: pytest.Config) -> None:
    hook = sys.modules.get("dyntransform.hook")
    installed: Hook | None = hook.current() if hook is not None else None
    if installed is not None:
        _attach(installed, config)


def _attach(hook: Hook, config: pytest.Config) -> None:
    """Rewrite test modules and conftest files, too."""
    # Workers of pytest-xdist get the options of this process.
    config.option.dyn = True
    config.option.dyn_root = list(hook.roots.paths)
    from dyntransform.integrations import assertions

    assertions.attach(config)


def _install(config: pytest.Config) -> Hook:
    from dyntransform import config as settings
    from dyntransform import hook
    from dyntransform.errors import ConfigError

    try:
        found = settings.load(config.rootpath)
    except ConfigError as problem:
        raise pytest.UsageError(f"--dyn: {problem}") from problem
    named = config.known_args_namespace.dyn_root
    roots = [config.invocation_params.dir / root for root in named or ()]
    for root in roots:
        if not root.is_dir():
            raise pytest.UsageError(f"--dyn-root {root}: no such folder")
    was_there = hook.current()
    installed = hook.install(roots or [config.rootpath, *found.roots], found.exclude, late_bind=found.late_bind)
    if was_there is None:
        config.add_cleanup(installed.uninstall)
    return installed

"""The pytest plugin: ``pytest --dyn`` rewrites the project, its tests and its conftest files.

It does nothing, and imports nothing of dyntransform, unless it is asked to or the import hook is installed already
(``python -m dyntransform -m pytest``, ``dyntransform.install()`` in a conftest file).

PYTEST_DONT_REWRITE: there are no assertions here, and the command line of dyntransform imports parts of it first.
"""

from __future__ import annotations

import sys

import pytest

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
    group.addoption(
        "--dyn-watch",
        action="store_true",
        help="--dyn, and stay after the run: apply each save, and run the tests again that it can affect",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Install the import hook before the first conftest file is imported."""
    if early_config.known_args_namespace.dyn or early_config.known_args_namespace.dyn_watch:
        _install(early_config)


def pytest_configure(config: pytest.Config) -> None:
    """Have workers of pytest-xdist do as this process does: they get its options."""
    module = sys.modules.get("dyntransform.hook")
    installed = module.current() if module is not None else None
    if installed is None:
        return
    config.option.dyn = True
    config.option.dyn_root = list(installed.roots.paths)
    config.option.dyn_settings = (installed.roots.exclude, installed.late_bind, installed.dynamic_class)
    if config.option.dyn_watch:
        if getattr(config.option, "numprocesses", None):
            raise pytest.UsageError("--dyn-watch runs all tests in one process: leave out -n")
        from dyntransform.integrations.pytest_watch import WatchSession

        config.pluginmanager.register(WatchSession(config, installed), "dyntransform-watch")


def _install(config: pytest.Config) -> None:
    from dyntransform import config as settings
    from dyntransform import hook
    from dyntransform.errors import ConfigError

    try:
        found = settings.load(config.rootpath)
    except ConfigError as problem:
        raise pytest.UsageError(f"--dyn: {problem}") from problem
    roots = [config.invocation_params.dir / root for root in config.known_args_namespace.dyn_root or ()]
    for root in roots:
        if not root.is_dir():
            raise pytest.UsageError(f"--dyn-root {root}: no such folder")
    was_there = hook.current()
    own = (found.exclude, found.late_bind, found.dynamic_class)
    exclude, late_bind, dynamic_class = getattr(config.option, "dyn_settings", own)
    installed = hook.install(
        roots or [config.rootpath, *found.roots], exclude, late_bind=late_bind, dynamic_class=dynamic_class
    )
    if was_there is None:
        config.add_cleanup(installed.uninstall)

"""Children of `multiprocessing` have the hook of their parent.

A forked child has it anyway. One that is spawned, or forked from a fork server, gets data to prepare itself, and what
we add to these installs the hook while it is read: before the child imports anything of the program. The main module,
which multiprocessing runs again in the child under another name, is loaded as any module of the project is.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from dyntransform.exported import variables
from dyntransform.importing.loader import DynLoader, Project, expect_main, project

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["attach", "detach"]

_SPAWN = "multiprocessing.spawn"
_SERVER = "multiprocessing.forkserver"
_BOOT = "dyntransform.integrations.fork_server"
_KEY = "dyntransform"
_HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_MAIN = "__mp_main__"

_originals: dict[tuple[Any, str], Any] = {}


def attach() -> None:
    """Have the parts of multiprocessing that are loaded hand on the hook, for as long as it is installed."""
    spawn: Any = sys.modules.get(_SPAWN)
    if spawn is not None:
        _replace(spawn, "get_preparation_data", _with_settings)
        _replace(spawn, "_fixup_main_from_path", _main_from_path)
        _replace(spawn, "_fixup_main_from_name", _main_from_name)
    server = getattr(sys.modules.get(_SERVER), "ForkServer", None)  # it imports spawn, and is not complete before
    if server is not None:
        _replace(server, "ensure_running", _with_hooked_server)


def detach() -> None:
    """Leave multiprocessing as it was."""
    for (owner, name), original in _originals.items():
        setattr(owner, name, original)
    _originals.clear()


def _replace(owner: Any, name: str, wrapped: Callable[[Callable[..., Any]], Any]) -> None:
    if (owner, name) not in _originals:
        _originals[owner, name] = original = getattr(owner, name)
        setattr(owner, name, wrapped(original))


class _Settings:
    """What a child needs to install the hook; reading it from a pickle does so."""

    def __init__(self, owner: Project) -> None:
        roots = owner.roots
        self._arguments = (tuple(roots.paths), tuple(roots.exclude), owner.late_bind, owner.dynamic_class)

    def __reduce__(self) -> tuple[Any, ...]:
        # The child may not have the parent's sys.path yet, which multiprocessing sets right afterwards.
        code = (
            f"import sys; sys.path.append({_HERE!r})\n"
            f"from dyntransform.integrations.environment import install\n"
            f"install(*{self._arguments!r}); sys.path.remove({_HERE!r})\n"
        )
        return exec, (code, {})


def _with_settings(original: Callable[[str], dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    def get_preparation_data(name: str) -> dict[str, Any]:
        data = original(name)
        owner = project()
        if owner is not None:
            data[_KEY] = _Settings(owner)
        return data

    return get_preparation_data


def _with_hooked_server(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def ensure_running(self: Any) -> None:
        owner = project()
        if owner is None:
            original(self)
            return
        modules = self._preload_modules
        before = dict(os.environ)
        # Its children import the main module themselves, with the hook: see `_main_from_path`.
        self._preload_modules = [_BOOT, *(name for name in modules if name != "__main__")]
        os.environ.update(variables(owner.roots.paths, owner.roots.exclude, owner.late_bind, owner.dynamic_class))
        try:
            original(self)
        finally:
            self._preload_modules = modules
            for name in set(os.environ) - set(before):
                del os.environ[name]
            os.environ.update(before)

    return ensure_running


def _main_from_path(original: Callable[[str], None]) -> Callable[[str], None]:
    def fixup_main_from_path(main_path: str) -> None:
        owner = project()
        current = getattr(sys.modules["__main__"], "__file__", None)
        if owner is None or not owner.roots.owns(os.path.abspath(main_path)) or current == main_path:
            original(main_path)
            return
        _run_main(DynLoader(_MAIN, main_path), None)

    return fixup_main_from_path


def _main_from_name(original: Callable[[str], None]) -> Callable[[str], None]:
    def fixup_main_from_name(name: str) -> None:
        from importlib.util import find_spec

        current = getattr(sys.modules["__main__"].__spec__, "name", None)
        spec = None if name == "__main__" or name.endswith(".__main__") or current == name else find_spec(name)
        if spec is None or type(spec.loader) is not DynLoader:
            original(name)
            return
        _run_main(spec.loader, spec)

    return fixup_main_from_name


def _run_main(loader: DynLoader, spec: ModuleSpec | None) -> None:
    """Do what the functions of multiprocessing do that are replaced: run the main module under its other name."""
    import runpy

    spawn: Any = sys.modules[_SPAWN]
    spawn.old_main_modules.append(sys.modules["__main__"])
    module = ModuleType(_MAIN)
    expect_main(module)
    code = loader.get_code(spec.name if spec is not None else _MAIN)
    package = spec.parent if spec is not None else ""
    module.__dict__.update(
        __builtins__=__builtins__,
        __cached__=spec.cached if spec is not None else None,
        __file__=loader.path,
        __loader__=loader,
        __package__=package,
        __spec__=spec,
    )
    sys.modules[_MAIN] = module
    assert code is not None
    with runpy._ModifiedArgv0(loader.path):  # as runpy does, which they call
        exec(code, vars(module))
    sys.modules["__main__"] = module

"""Run a program as ``python main.py`` or ``python -m module`` does, as a project module named ``__main__``."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType, TracebackType
from typing import Any

from dyntransform.importing.loader import DynLoader, project, register_main

__all__ = ["run_module", "run_script"]


def run_script(path: str, arguments: Sequence[str]) -> None:
    """Run a script, or a folder or archive with a ``__main__.py``.

    Args:
        path: the script, as it was typed.
        arguments: what the program finds in ``sys.argv[1:]``.

    Raises:
        SystemExit: the program ended that way, or the script cannot be read.
        BaseException: what the program raises; tracebacks leave out the frames of dyntransform.
    """
    sys.argv[:] = [path, *arguments]
    if os.path.isdir(path) or _is_archive(path):
        _set_first_path(path)
        _run_in_path()
        return
    _set_first_path(os.path.dirname(os.path.realpath(path)))
    file = os.path.abspath(path)
    loader = DynLoader("__main__", file)
    owned = project()
    if owned is None or not owned.roots.owns(file):
        loader = SourceFileLoader("__main__", file)  # type: ignore[assignment]
    main = _new_main()
    main.__dict__.update(__loader__=loader, __file__=file, __cached__=None)
    try:
        loader.get_data(file)
    except OSError as problem:
        print(
            f"{sys.executable}: can't open file {file!r}: [Errno {problem.errno}] {problem.strerror}", file=sys.stderr
        )
        raise SystemExit(2) from None
    code = _compiled(loader, "__main__")
    register_main(main, loader)
    _execute(code, main)


def run_module(name: str, arguments: Sequence[str]) -> None:
    """Run a module, or the ``__main__`` of a package, of the project or not.

    Args:
        name: dotted name.
        arguments: what the program finds in ``sys.argv[1:]``.

    Raises:
        SystemExit: the program ended that way, or there is no such module.
        BaseException: what the program raises; tracebacks leave out the frames of dyntransform.
    """
    sys.argv[:] = ["-m", *arguments]
    _set_first_path(os.getcwd())
    main = _new_main()
    _run_details(main, _details("_get_module_details", name), alter_argv=True)


def _run_in_path() -> None:
    main = _new_main()
    _run_details(main, _details("_get_main_module_details"), alter_argv=False)


def _details(function: str, *arguments: str) -> tuple[str, ModuleSpec, CodeType]:
    """Ask runpy which module that is; its own errors end the program with its own words."""
    import runpy

    error: type[Exception] = runpy._Error  # type: ignore[attr-defined]
    try:
        found: tuple[str, ModuleSpec, CodeType] = getattr(runpy, function)(*arguments, error)
    except error as problem:
        sys.exit(f"{sys.executable}: {problem}")
    except BaseException:
        _hide_frames(None)
        raise
    return found


def _run_details(main: ModuleType, details: tuple[str, ModuleSpec, CodeType], *, alter_argv: bool) -> None:
    _, spec, code = details
    if alter_argv:
        sys.argv[0] = spec.origin or spec.name
    main.__dict__.update(
        __cached__=spec.cached,
        __file__=spec.origin,
        __loader__=spec.loader,
        __package__=spec.parent,
        __spec__=spec,
    )
    if isinstance(spec.loader, DynLoader):
        register_main(main, spec.loader)
    _execute(code, main)


def _new_main() -> ModuleType:
    main = ModuleType("__main__")
    main.__dict__.update(__annotations__={}, __builtins__=builtins)
    sys.modules["__main__"] = main
    return main


def _set_first_path(folder: str) -> None:
    """Put the program's folder where Python put ours, unless it was told not to (-P, -I)."""
    if not sys.flags.safe_path:
        sys.path[0] = folder


def _is_archive(path: str) -> bool:
    if not os.path.isfile(path) or path.endswith(".py"):
        return False
    import zipfile

    return zipfile.is_zipfile(path)


def _compiled(loader: SourceFileLoader, name: str) -> CodeType:
    try:
        code = loader.get_code(name)
    except BaseException:
        _hide_frames(None)
        raise
    assert code is not None
    return code


def _execute(code: CodeType, main: ModuleType) -> None:
    try:
        exec(code, vars(main))
    except BaseException:
        _hide_frames(code)
        raise


def _hide_frames(code: CodeType | None) -> None:
    """Have the hook that Python calls for an uncaught error see the frames from `code` on, and none before."""
    shown = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> Any:
        while at is not None and at.tb_frame.f_code is not code:
            at = at.tb_next
        return shown(kind, error.with_traceback(at), at)

    sys.excepthook = hook

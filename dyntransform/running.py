"""Run a program as ``python main.py`` or ``python -m module`` does, as a project module named ``__main__``.

The parts that Python has in Python are Python's own: ``-m``, folders and archives go through `runpy`.
"""

from __future__ import annotations

import builtins
import marshal
import os
import sys
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from types import CodeType, ModuleType

from dyntransform.cpython.features import (
    COUNTS_CALLS_INTO_C,
    DEFERRED_ANNOTATIONS,
    MODULES_NAME_THEIR_CACHE,
    SHORT_PYC_IS_EOF,
)
from dyntransform.cpython.internals import MAGIC_NUMBER, path_importer
from dyntransform.importing.compiling import HEADER_BYTES
from dyntransform.importing.loader import DynLoader, DynSourcelessLoader, expect_main, project

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

__all__ = ["run_module", "run_script"]


def run_script(path: str, arguments: Sequence[str]) -> None:
    """Run a script, a compiled one, or a folder or archive with a ``__main__.py``.

    Args:
        path: the script, as it was typed.
        arguments: what the program finds in ``sys.argv[1:]``.

    Raises:
        SystemExit: the program ended that way, or the script cannot be read.
        BaseException: what the program raises; tracebacks leave out the frames of dyntransform.
    """
    sys.argv[:] = [path, *arguments]
    file = _absolute(path)
    main = _new_main()
    if _holds_modules(file):
        if sys.flags.safe_path:
            sys.path.insert(0, file)
        else:
            sys.path[0] = file
        expect_main(main)
        _run_as_main("__main__", alter_argv=False)
        return
    _set_first_path(os.path.dirname(os.path.realpath(path)))
    owned = project()
    is_ours = owned is not None and owned.roots.owns(os.path.abspath(path))
    try:
        with open(file, "rb") as opened:
            is_compiled = path.endswith(".pyc") or opened.read(2) == MAGIC_NUMBER[:2]
    except OSError as problem:
        print(
            f"{sys.executable}: can't open file {file!r}: [Errno {problem.errno}] {problem.strerror}", file=sys.stderr
        )
        raise SystemExit(2) from None
    loader: SourceFileLoader | SourcelessFileLoader
    if is_compiled:
        loader = (DynSourcelessLoader if is_ours and path.endswith(".pyc") else SourcelessFileLoader)("__main__", file)
    else:
        loader = (DynLoader if is_ours else SourceFileLoader)("__main__", file)
    main.__dict__.update(__loader__=loader, __file__=file)
    if MODULES_NAME_THEIR_CACHE:
        main.__dict__.update(__cached__=None)
    expect_main(main)
    code = _code_of(loader)
    _enter(exec, code, vars(main))


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
    expect_main(_new_main())
    _run_as_main(name, alter_argv=True)


def _run_as_main(name: str, *, alter_argv: bool) -> None:
    """Let `runpy` do what the C code of ``python -m`` asks it for: its frames and its words are those of Python."""
    import runpy

    _enter(runpy._run_module_as_main, name, alter_argv)  # type: ignore[attr-defined]


def _absolute(path: str) -> str:
    """Make a path absolute as Python does for the file it runs: it leaves ``..`` and ``//`` as they were typed."""
    if os.name == "nt" or path == ".":
        return os.path.abspath(path)
    return os.path.join(os.getcwd(), path)


def _holds_modules(file: str) -> bool:
    """Whether modules can be imported from it: a folder, or an archive, whatever its name."""
    return path_importer(file) is not None


def _new_main() -> ModuleType:
    main = ModuleType("__main__")
    if not DEFERRED_ANNOTATIONS:
        main.__dict__.update(__annotations__={})
    main.__dict__.update(__builtins__=builtins)
    sys.modules["__main__"] = main
    return main


def _set_first_path(folder: str) -> None:
    """Put the program's folder where Python put ours, unless it was told not to (-P, -I)."""
    if not sys.flags.safe_path:
        sys.path[0] = folder


def _code_of(loader: SourceFileLoader | SourcelessFileLoader) -> CodeType:
    try:
        if isinstance(loader, SourcelessFileLoader):
            _check_compiled(loader.get_data(loader.path))
        code = loader.get_code("__main__")
    except (
        SyntaxError,
        ValueError,
        RecursionError,
        MemoryError,
        RuntimeError,
        EOFError,
    ):  # what is wrong with the file
        _show_frames(lambda _: None)
        raise
    assert code is not None
    return code


def _check_compiled(data: bytes) -> None:
    """Say of a compiled file what Python itself says when it runs one; an import has other words for it."""
    if len(data) < len(MAGIC_NUMBER) and SHORT_PYC_IS_EOF:
        raise EOFError("EOF read where not expected")
    if not data.startswith(MAGIC_NUMBER):
        raise RuntimeError("Bad magic number in .pyc file")
    try:
        is_code = isinstance(marshal.loads(data[HEADER_BYTES:]), CodeType)  # noqa: S302 - it is the program
    except (EOFError, TypeError, ValueError):
        is_code = False
    if not is_code:
        raise RuntimeError("Bad code object in .pyc file")


def _enter(program: Callable[..., object], *arguments: object) -> None:
    """Run the program; it can nest its calls as deeply as if it had been started by Python alone."""
    # Where calls into C count, there are the two of exec.
    sys.setrecursionlimit(sys.getrecursionlimit() + _depth() + (2 if COUNTS_CALLS_INTO_C else 0))
    try:
        program(*arguments)
    except BaseException:
        _show_frames(_without_ours)
        raise


def _depth() -> int:
    """Count the frames of the caller and its callers."""
    frame, depth = sys._getframe(1), 1
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def _show_frames(of_program: Callable[[TracebackType | None], TracebackType | None]) -> None:
    """Have the hook that Python calls for an uncaught error see the frames of the program, and no others."""
    shown = getattr(sys, "excepthook", sys.__excepthook__)

    def hook(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
        sys.excepthook = shown
        at = of_program(at)
        sys.last_traceback = at
        try:
            shown(kind, error.with_traceback(at), at)
        except Exception as failure:  # noqa: BLE001 - the border to the program: its own hook failed
            _say("Error in sys.excepthook:")
            inner = failure.__traceback__.tb_next if failure.__traceback__ is not None else None
            sys.__excepthook__(type(failure), failure.with_traceback(inner), inner)
            _say("\nOriginal exception was:")
            sys.__excepthook__(kind, error, at)

    sys.excepthook = hook


def _without_ours(at: TracebackType | None) -> TracebackType | None:
    """Cut off a traceback after the last frame of this file."""
    rest = at
    while at is not None:
        if at.tb_frame.f_code.co_filename == __file__:
            rest = at.tb_next
        at = at.tb_next
    return rest


def _say(text: str) -> None:
    if sys.stderr is not None:
        print(text, file=sys.stderr)

"""The loop that runs a file again after each fix, with everything reloaded.

Name, signature and behaviour are those of dynamic-executor 1.2.6, from which this project grew. What is different: only
what changed is reloaded, live instances need no base class, names imported in functions are current, and an interrupt
from the keyboard ends the loop.
"""

from __future__ import annotations

import dis
import linecache
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, TracebackType
from typing import Any

from dyntransform import hook
from dyntransform.console import show_report
from dyntransform.cpython.opcodes import NO_VALUE, constant
from dyntransform.runtime.names import absolute_name

__all__ = ["DynamicModeExecutor"]


class DynamicModeExecutor:
    """Run a file in the namespaces of the caller, again and again, until it succeeds.

    ::

        for error in DynamicModeExecutor().execute(locals(), globals()):
            pass

    Args:
        executor_path: the file to run; it is created if it does not exist.
        finish_upon_success: end after a run without an error; otherwise go on for ever.
        supress_print: do not print the traceback of a failed run. (The spelling is part of the interface.)
    """

    def __init__(
        self,
        executor_path: Path = Path("executor.py"),
        finish_upon_success: bool = True,  # noqa: FBT001, FBT002 - the signature of 1.2.6
        supress_print: bool = False,  # noqa: FBT001, FBT002 - the signature of 1.2.6
    ) -> None:
        self.executor_path = executor_path
        self.finish_upon_success = finish_upon_success
        self.supress_print = supress_print

    def execute(
        self,
        local_vars: dict[str, Any] | None = None,
        global_vars: dict[str, Any] | None = None,
        executor_path: Path | None = None,
        finish_upon_success: bool | None = None,  # noqa: FBT001 - the signature of 1.2.6
        supress_print: bool | None = None,  # noqa: FBT001 - the signature of 1.2.6
    ) -> Iterator[str | None]:
        """Run the file; before each further turn apply the edits of the project's modules.

        Args:
            local_vars: local names of the file, usually ``locals()``; those of the caller if None.
            global_vars: its global names, usually ``globals()``; those of the caller if None.
            executor_path: the file, if not the one given to the constructor.
            finish_upon_success: as in the constructor.
            supress_print: as in the constructor.

        Returns:
            An iterator over the turns: the traceback of each failed one, None for one that succeeded, and at first a
            message if the file had to be created.
        """
        caller = sys._getframe(1)
        if hook.current() is None:
            file = caller.f_globals.get("__file__")
            hook.install([Path(file).absolute().parent if file else Path.cwd()])
        return self._turns(
            Names(
                caller.f_locals if local_vars is None else local_vars,
                caller.f_globals if global_vars is None else global_vars,
                _imported(caller.f_code, caller.f_globals),
            ),
            Path(self.executor_path if executor_path is None else executor_path),
            finish=self.finish_upon_success if finish_upon_success is None else finish_upon_success,
            quiet=self.supress_print if supress_print is None else supress_print,
        )

    def _turns(self, names: Names, path: Path, *, finish: bool, quiet: bool) -> Iterator[str | None]:
        if not path.exists():
            path.write_text("# Save mode executor", encoding="utf-8")
            yield f"Created an executor file in {path.absolute()}"
        while True:
            names.refresh()
            failure = _run(path, names.of_locals, names.of_globals)
            if failure is not None and not quiet:
                print(failure, end="", file=sys.stderr)
            if failure is None and finish:
                return
            names.note()
            yield failure
            _apply_edits()


class Names:
    """The namespaces of the caller; names that came from modules of the project are kept current.

    Who applied the edit does not matter: a value that is still held is compared with what its module has now.

    Args:
        of_locals: the local namespace.
        of_globals: the global one.
        imported: names that the caller's code binds with from-imports: their modules and attributes.
    """

    def __init__(
        self, of_locals: dict[str, Any], of_globals: dict[str, Any], imported: dict[str, tuple[str, str]]
    ) -> None:
        self.of_locals = of_locals
        self.of_globals = of_globals
        self._imported = imported
        self._held: list[tuple[dict[str, Any], str, Any, str, str]] = []
        self.note()

    def note(self) -> None:
        """Remember which names hold what modules of the project have now."""
        origins = _origins()
        self._held.clear()
        for namespace in (self.of_locals, self.of_globals):
            for name, value in list(namespace.items()):
                module, attribute = self._imported.get(name, ("", ""))
                if getattr(sys.modules.get(module), "__dict__", {}).get(attribute, _MISSING) is not value:
                    module, attribute = origins.get(id(value), ("", ""))
                if module:
                    self._held.append((namespace, name, value, module, attribute))

    def refresh(self) -> None:
        """Bind names that hold a value of then to the value of now."""
        for namespace, name, value, module, attribute in self._held:
            if namespace.get(name, _MISSING) is value and module in sys.modules:
                namespace[name] = vars(sys.modules[module]).get(attribute, value)


_MISSING: Any = object()


def _origins() -> dict[int, tuple[str, str]]:
    """Return where the objects that modules of the project define are found, by identity.

    Equal small numbers and strings are one object, so objects of builtin types do not count: only an import tells
    where they are from. Functions and classes do.
    """
    installed = hook.current()
    found: dict[int, tuple[str, str]] = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if installed is None or not isinstance(path, str) or not installed.roots.owns(os.path.abspath(path)):
            continue
        for attribute, value in list(vars(module).items()):
            kind = type(value)
            if kind is FunctionType or isinstance(value, type) or kind.__module__ != "builtins":
                found.setdefault(id(value), (name, attribute))
    return found


def _run(path: Path, local_vars: dict[str, Any], global_vars: dict[str, Any]) -> str | None:
    """Run the file once; return the traceback if it fails."""
    name = str(path.absolute())
    linecache.cache.pop(name, None)
    try:
        code = compile(path.read_bytes(), name, "exec", dont_inherit=True)
        exec(code, global_vars, local_vars)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - the border to the program: exit() is a failed turn too
        at: TracebackType | None = error.__traceback__
        return "".join(traceback.format_exception(type(error), error, at.tb_next if at is not None else None))
    return None


def _imported(code: CodeType, namespace: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the names that the caller's code binds with from-imports, and what they are imported from."""
    found: dict[str, tuple[str, str]] = {}
    module, attribute = "", ""
    levels: list[Any] = [0, 0]
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME":
            module = absolute_name("." * int(levels[-2]) + str(instruction.argval), namespace)
        elif instruction.opname == "IMPORT_FROM":
            attribute = str(instruction.argval)
        elif instruction.opname.startswith("STORE_") and attribute:
            found[str(instruction.argval)] = (module, attribute)
            attribute = ""
        else:
            value = constant(instruction.opname, instruction.arg, code.co_consts)
            if value is not NO_VALUE:
                levels.append(value)
    return found


def _apply_edits() -> None:
    installed = hook.current()
    if installed is not None:
        report = installed.reload()
        if report.error is not None:
            show_report(report)

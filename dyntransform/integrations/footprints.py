"""Which code of the project each test executed, and which tests an edit can therefore affect.

A function starts before it does anything, so recording each code object once per test, when it first starts, is
enough: `sys.monitoring` (PEP 669) does that almost for nothing, on Python 3.11 a profile function does it.
"""

from __future__ import annotations

import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, ModuleType
from typing import Any, TypeAlias

from dyntransform.cpython.features import MONITORING
from dyntransform.importing.loader import Project
from dyntransform.reloading.model.report import Action, Change
from dyntransform.runtime.names import absolute_name

__all__ = ["Footprint", "Recorder", "affects"]

Footprint: TypeAlias = set[tuple[str, str]]
"""File and qualified name of the code that was executed."""

_TOOL_IDS = (4, 3)
"""Those that PEP 669 gives no one by name; hypothesis takes 3, and warns if it is not free."""


class Recorder:
    """Records what is executed, in all threads.

    Args:
        owns: tells whether code of a file counts.
    """

    def __init__(self, owns: Callable[[str], bool]) -> None:
        self._owns = owns
        self._into: list[set[CodeType]] = []

    @contextmanager
    def recording(self, footprint: Footprint) -> Iterator[None]:
        """Add what is executed meanwhile to `footprint`; these can be nested, and the outer one gets all."""
        seen: set[CodeType] = set()
        self._into.append(seen)
        if len(self._into) == 1:
            _start(self._note)
        else:
            _again()
        try:
            yield
        finally:
            self._into.remove(seen)
            if not self._into:
                _stop()
            own = {
                (os.path.abspath(code.co_filename), code.co_qualname) for code in seen if self._owns(code.co_filename)
            }
            footprint |= own

    def _note(self, code: CodeType) -> None:
        for seen in self._into:
            seen.add(code)


def affects(change: Change, footprint: Footprint, project: Project) -> bool:
    """Whether a test that executed this can come out differently after a change.

    A function that changed in place matters to who executed it. Anything else, such as a constant or a base class, can
    matter to whoever executed code of that module, or of one that imports from it.
    """
    record = project.loaded.get(change.module)
    module = record.module() if record is not None else None
    path = os.path.abspath(record.path) if record is not None else ""
    if change.action is Action.UPDATED and _is_function(module, change.name):
        inner = f"{change.name}."
        return any(file == path and (name == change.name or name.startswith(inner)) for file, name in footprint)
    files = {path, *_importers(change.module, module, project)}
    return any(file in files for file, _ in footprint)


def _is_function(module: Any, name: str) -> bool:
    found = module
    for part in name.split("."):
        if part == "<locals>":
            return True
        found = inspect.getattr_static(found, part, None)
        if isinstance(found, (staticmethod, classmethod)):
            found = found.__func__
    return not isinstance(found, type) and callable(found)


def _importers(name: str, wanted: ModuleType | None, project: Project) -> Iterator[str]:
    """Yield the files of modules that import from, or hold, a module."""
    for record in project.loaded.snapshot().values():
        module = record.module()
        if module is None:
            continue
        compiled = record.compiled
        sources = [*(source for source, _ in compiled.lookups), *(source for _, source, _ in compiled.links)]
        if any(absolute_name(source, vars(module)) == name for source in sources) or _holds(module, wanted):
            yield os.path.abspath(record.path)


def _holds(module: Any, wanted: Any) -> bool:
    return any(value is wanted for value in list(vars(module).values()))


if MONITORING:
    _monitoring = sys.monitoring  # type: ignore[attr-defined]  # it is there

    def _start(note: Callable[[CodeType], None]) -> None:
        def started(code: CodeType, _offset: int) -> object:
            note(code)
            return _monitoring.DISABLE

        tool = next(tool for tool in _TOOL_IDS if _monitoring.get_tool(tool) in {None, "dyntransform"})
        if _monitoring.get_tool(tool) is None:
            _monitoring.use_tool_id(tool, "dyntransform")
        _monitoring.register_callback(tool, _monitoring.events.PY_START, started)
        _monitoring.set_events(tool, _monitoring.events.PY_START)
        _again()

    def _again() -> None:
        _monitoring.restart_events()

    def _stop() -> None:
        for tool in _TOOL_IDS:
            if _monitoring.get_tool(tool) == "dyntransform":
                _monitoring.set_events(tool, _monitoring.events.NO_EVENTS)
                _monitoring.register_callback(tool, _monitoring.events.PY_START, None)
                _monitoring.free_tool_id(tool)

else:

    def _start(note: Callable[[CodeType], None]) -> None:
        def profile(frame: FrameType, event: str, _argument: object) -> None:
            if event == "call":
                note(frame.f_code)

        threading.setprofile(profile)
        sys.setprofile(profile)

    def _again() -> None:
        pass

    def _stop() -> None:
        threading.setprofile(None)
        sys.setprofile(None)

"""``__on_reload__``: live instances are told, once, that their class changed."""

from __future__ import annotations

import traceback
import weakref
from typing import Any

from dyntransform.reloading.live.derived import with_subclasses
from dyntransform.reloading.model.report import Action
from dyntransform.reloading.planning.module_diff import ModuleEdit
from dyntransform.reloading.session import Session

__all__ = ["Arrivals"]


class Arrivals:
    """The classes that an edit changed.

    Args:
        session: the edit that is being applied.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._changed: dict[int, tuple[weakref.ref[type], ModuleEdit, str, int]] = {}

    def mark(self, cls: type, module: ModuleEdit, name: str, line: int) -> None:
        """Have the instances of a class told, those of its subclasses too."""
        self._changed[id(cls)] = weakref.ref(cls), module, name, line

    def deliver(self) -> None:
        """Call the hooks. What they raise is reported: the edit is done, and other instances want to know."""
        changed = [cls for reference, *_ in self._changed.values() if (cls := reference()) is not None]
        classes = {id(each): each for cls in changed for each in with_subclasses(cls)}
        told = [each for each in classes.values() if hasattr(each, "__on_reload__")]
        if not told:
            return
        from dyntransform.reloading.classes.kinds.fields import instances_of  # for edits of classes only

        for instance in instances_of(told):
            try:
                instance.__on_reload__()
            except BaseException as error:  # noqa: BLE001 - the border to the edited program
                self._report(instance, error)

    def _report(self, instance: Any, error: BaseException) -> None:
        cls = next(each for each in type(instance).__mro__ if id(each) in self._changed)
        _, module, name, line = self._changed[id(cls)]
        what = "".join(traceback.format_exception_only(error)).strip()
        self._session.note(module, f"{name}.__on_reload__", Action.REFUSED, line, f"raised {what}", again=True)

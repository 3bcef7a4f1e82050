"""Late binding of names imported with ``from``: what an imported value has been replaced by.

Until an edit replaces a value that a running frame or a closure may still hold, the table is empty, the builtin that
lowered code tests is None, and nothing of this is called.
"""

from __future__ import annotations

import builtins
import sys

from dyntransform.runtime.names import absolute_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any

__all__ = ["REPLACED", "Replacements", "_dyn_lookup", "looks_up", "replacements"]

REPLACED = "__dyn_replaced__"
"""The builtins name that lowered code reads; `transform.lowering` writes the same name."""


_OPTIMIZED = 0x01
"""CO_OPTIMIZED: the code of a function, as `inspect` names the flag."""


def looks_up(code: CodeType) -> bool:
    """Whether a function in code, or the code as one, asks what has replaced a value.

    What a module or its classes ask does not count: they ask once, behind an import.
    """
    in_function = code.co_flags & _OPTIMIZED or "<locals>" in code.co_qualname
    if in_function and REPLACED in code.co_names:
        return True
    return any(type(one) is type(code) and looks_up(one) for one in code.co_consts)


class Replacements:
    """The values that edits replaced, by module and attribute."""

    def __init__(self) -> None:
        self._old: dict[tuple[str, str], dict[int, object]] = {}

    def __bool__(self) -> bool:
        return bool(self._old)

    def add(self, module: str, attribute: str, old: object) -> None:
        """Remember that `attribute` of `module` was `old` before an edit."""
        self._old.setdefault((module, attribute), {})[id(old)] = old

    def discard(self, module: str, attribute: str) -> None:
        """Forget the old values of an attribute that nothing can hold any more."""
        self._old.pop((module, attribute), None)

    def attributes(self) -> list[tuple[str, str]]:
        """Return the attributes that have old values."""
        return list(self._old)

    def snapshot(self) -> dict[tuple[str, str], dict[int, object]]:
        """Return a copy of the table, for `restore`."""
        return {key: dict(old) for key, old in self._old.items()}

    def restore(self, saved: dict[tuple[str, str], dict[int, object]]) -> None:
        """Put back what `snapshot` gave."""
        self._old = saved
        self.switch()

    def switch(self) -> None:
        """Tell lowered code whether it has to ask."""
        setattr(builtins, REPLACED, self._ask if self._old else None)

    def current(self, module: str, attribute: str, value: Any) -> Any:
        """Return what has replaced `value`, or `value` itself."""
        old = self._old.get((module, attribute))
        if old is None or id(value) not in old:
            return value
        return getattr(sys.modules.get(module), attribute, value)

    def _ask(self, sources: tuple[tuple[str, str], ...], value: Any) -> Any:
        """Answer for lowered code: `sources` are the modules and attributes that the name was imported from."""
        for module, attribute in sources:
            found = self.current(_absolute(module, sys._getframe(1)), attribute, value)
            if found is not value:
                return found
        return value


replacements = Replacements()
replacements.switch()  # the compiled files of a built tree import this module, and count on the builtin


def _dyn_lookup(module: str, attribute: str, value: Any, *more: Any) -> Any:
    """Return `value`, or what has replaced it if it is what ``module.attribute`` was before an edit.

    Args:
        module: name of the module imported from, with leading dots if relative to the caller's package.
        attribute: name imported from it.
        value: what the imported name holds.
        *more: further pairs of module and attribute that may have bound the name.
    """
    if not replacements:
        return value
    sources = [module, attribute, *more]
    frame = sys._getframe(1)
    for source, name in zip(sources[::2], sources[1::2], strict=True):
        found = replacements.current(_absolute(source, frame), name, value)
        if found is not value:
            return found
    return value


def _absolute(module: str, frame: FrameType) -> str:
    if not module.startswith("."):
        return module
    return absolute_name(module, frame.f_globals)

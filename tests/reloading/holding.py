"""References to functions, classes and instances that are taken before edits."""

from __future__ import annotations

import sys
import types
from typing import Any

from reloading.observing import describe, differences

__all__ = ["Held"]


class Held:
    """Holds what a version made, and checks it against what later versions made."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Any] = {}

    def check(self, identities: dict[str, str]) -> list[str]:
        """Say where held objects differ from current ones, and hold what is new.

        Args:
            identities: what makes each definition the one it is, by path.
        """
        found = []
        for path, identity in identities.items():
            current = _find(path)
            if not isinstance(current, (type, types.FunctionType, types.MethodType)):
                continue
            held = self._held.setdefault((path, identity), current)
            if held is current:
                continue
            if isinstance(held, type):
                found.append(f"{path} is another class now")
            found += [f"held {text}" for text in differences(describe(held), describe(current), path)]
        for key in [key for key in self._held if identities.get(key[0]) != key[1]]:
            del self._held[key]
        return found


def _find(path: str) -> Any:
    module, _, names = path.partition(":")
    value: Any = sys.modules[module]
    for name in names.split("."):
        value = vars(value).get(name)
    return value

"""Keep names that functions imported current: which values running code may still hold."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FunctionType

from dyntransform.reloading.live import heap
from dyntransform.reloading.live.transaction import MISSING
from dyntransform.reloading.session import Session
from dyntransform.runtime.lookup import looks_up, replacements

__all__ = ["follow"]


def follow(session: Session, is_looked_up: Callable[[str, str], bool]) -> None:
    """Have lowered code look up the names whose value the edit changed, as long as it may hold the old one.

    Args:
        session: the edit, committed.
        is_looked_up: whether a function may look up an attribute of a module late.
    """
    if replacements:
        _forget_unused()
    for (module, attribute), changed in session.rebound.items():
        if changed.old is not MISSING and is_looked_up(module, attribute):
            provider = sys.modules.get(module)
            if provider is not None and vars(provider).get(attribute, MISSING) is not changed.old:
                replacements.add(module, attribute, changed.old)
    replacements.switch()


def _forget_unused() -> None:
    """Forget old values once no function that looks anything up is running, suspended, or a closure."""
    if not any(True for _ in _holders()):
        for key in replacements.attributes():
            replacements.discard(*key)


def _holders() -> Iterator[object]:
    for frame in heap.active_frames():
        if looks_up(frame.f_code):
            yield frame
    for candidate in heap.objects():
        kind = type(candidate)
        if kind is FunctionType:
            if candidate.__closure__ and looks_up(candidate.__code__):
                yield candidate
        else:
            frame_of = heap.FRAME_OF.get(kind)
            suspended = frame_of(candidate) if frame_of is not None else None
            if suspended is not None and looks_up(suspended.f_code):
                yield candidate

"""Single keys from a terminal, and a way to be woken from another thread."""

from __future__ import annotations

import os
import select
import sys
from types import TracebackType
from typing import Any

__all__ = ["Keys"]


class Keys:
    """Waits for a key or a wake-up; the terminal is as it was outside of `wait`.

    Without a terminal the same letters are read from standard input; its end, and Ctrl-C, mean ``q``.
    """

    def __init__(self) -> None:
        self._woken, self._wake = os.pipe()

    def __enter__(self) -> Keys:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._woken)
        os.close(self._wake)

    def wake(self) -> None:
        """Make `wait` return an empty string."""
        os.write(self._wake, b"!")

    def wait(self) -> str:
        """Return the next key, or an empty string if `wake` was called."""
        saved = _single_keys()
        try:
            ready, _, _ = select.select([0, self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, 4096)
                return ""
            return os.read(0, 1).decode("latin-1") or "q"
        except KeyboardInterrupt:
            return "q"
        finally:
            _restore(saved)


def _single_keys() -> list[Any] | None:
    """Have the terminal give each key at once; return how it was."""
    if sys.platform == "win32" or not os.isatty(0):
        return None
    import termios
    import tty

    saved = termios.tcgetattr(0)
    tty.setcbreak(0, termios.TCSADRAIN)  # what was typed meanwhile counts
    return saved


def _restore(saved: list[Any] | None) -> None:
    if saved is not None:
        import termios

        termios.tcsetattr(0, termios.TCSADRAIN, saved)

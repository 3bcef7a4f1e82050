"""Exchange two folders in one step, where the operating system can."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from typing import Any

__all__ = ["exchange"]

_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2 (Linux 3.15), RENAME_SWAP of renamex_np (macOS 10.12)
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def exchange(one: str, other: str) -> bool:
    """Exchange two folders of one file system, so that there is no moment at which either is missing.

    Returns:
        Whether that is possible here; if not, nothing was done.

    Raises:
        OSError: it is, and failed.
    """
    names = os.fsencode(one), os.fsencode(other)
    library: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        result = library.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE)
    elif sys.platform == "darwin" and hasattr(library, "renamex_np"):
        result = library.renamex_np(*names, _EXCHANGE)
    else:
        return False
    if result == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), one, None, other)

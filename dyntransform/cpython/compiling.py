"""What compiling as an import does beyond `compile` with a file's name."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["of_module"]


def of_module(name: str | None) -> dict[str, Any]:
    """Return the arguments by which `compile` knows the module that warnings are filtered by (Python 3.15).

    Args:
        name: of the module; None if it is not known.
    """
    return {"module": name} if _KNOWS_MODULE and name is not None else {}


def _knows_module() -> bool:
    try:
        compile("0", "<probe>", "eval", module="probe")  # type: ignore[call-overload]
    except TypeError:
        return False
    return True


_KNOWS_MODULE = _knows_module()

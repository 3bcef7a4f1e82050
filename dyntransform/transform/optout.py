"""The comment by which a file or a class asks to be left alone."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MARK", "opted_out_classes", "opts_out"]

MARK = "dyntransform: off"
"""What the comment says. This module is part of the start of every program: it imports nothing."""

_MARK = MARK.encode()
_BOM = b"\xef\xbb\xbf"


def opts_out(data: bytes) -> bool:
    """Whether a file is to be left alone: one of the comments before its first statement is the mark.

    Args:
        data: the source.
    """
    start, size = len(_BOM) if data.startswith(_BOM) else 0, len(data)
    while start < size:  # line by line: most files have no such comments, and are not looked at any further
        end = data.find(b"\n", start) + 1 or size
        for line in data[start:end].split(b"\r"):
            text = line.strip()
            if text and not text.startswith(b"#"):
                return False
            if text.rpartition(b"#")[2].strip() == _MARK:
                return True
        start = end
    return False


def opted_out_classes(lines: Sequence[str]) -> frozenset[int]:
    """Return the numbers of the lines that end in the mark; a class statement on one of them is to be left alone.

    Args:
        lines: the lines of a source file, as the parser counts them.
    """
    return frozenset(number for number, line in enumerate(lines, 1) if _says_off(line))


def _says_off(line: str) -> bool:
    _, comment, text = line.rpartition("#")
    return bool(comment) and text.strip() == MARK

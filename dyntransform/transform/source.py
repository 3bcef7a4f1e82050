"""Text of a source file from its bytes."""

from __future__ import annotations

import io
import tokenize

__all__ = ["decode"]


def decode(data: bytes) -> str:
    """Decode as the compiler does: byte order mark, coding cookie (PEP 263); line ends stay as they are.

    Raises:
        SyntaxError: the cookie names an unknown encoding, or the text is not in that encoding.
    """
    lines = io.BytesIO(data)
    encoding, _ = tokenize.detect_encoding(lines.readline)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as problem:
        message = f"(unicode error) {problem}"
        raise SyntaxError(message) from problem

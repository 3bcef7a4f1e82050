"""Text of a source file from its bytes."""

from __future__ import annotations

import io
import tokenize

__all__ = ["decode"]


def decode(data: bytes, path: str = "<unknown>") -> str:
    """Decode as the compiler does: byte order mark, coding cookie (PEP 263); line ends stay as they are.

    Args:
        data: content of a file.
        path: its name, for the error.

    Raises:
        SyntaxError: the cookie names an unknown encoding, or the text is not in that encoding.
    """
    lines = io.BytesIO(data)
    try:
        encoding, _ = tokenize.detect_encoding(lines.readline)
        return data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as problem:
        raise _in_the_words_of_the_compiler(data, path, problem) from problem


def _in_the_words_of_the_compiler(data: bytes, path: str, problem: Exception) -> SyntaxError:
    """Return what Python says of text that cannot be decoded, with the line."""
    try:
        compile(data, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        return SyntaxError(error.msg, (path, error.lineno or 1, None, None))
    return SyntaxError(f"(unicode error) {problem}", (path, 1, None, None))

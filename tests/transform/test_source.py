"""Text from bytes."""

from __future__ import annotations

import pytest

from dyntransform.transform.source import decode


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"x = 1\r\ny\rz\n", "x = 1\r\ny\rz\n"),
        ("é".encode(), "é"),
        ("\ufeffé\n".encode(), "é\n"),
        (b"# -*- coding: latin-1 -*-\n\xe9\n", "# -*- coding: latin-1 -*-\né\n"),
        (b"#!/bin/x\n# vim: set fileencoding=cp1252 :\n\x80", "#!/bin/x\n# vim: set fileencoding=cp1252 :\n€"),
        (b"\n\n# coding: latin-1\n", "\n\n# coding: latin-1\n"),
    ],
)
def test_decode(data: bytes, text: str) -> None:
    """Byte order marks and coding cookies are heeded; line ends stay."""
    assert decode(data) == text


@pytest.mark.parametrize(
    "data", [b"# coding: nonsense\n", b"\xff\n", b"# coding: ascii\n\xe9", b"\xef\xbb\xbf# coding: latin-1\n"]
)
def test_refused(data: bytes) -> None:
    """What the compiler cannot decode is a SyntaxError here as well."""
    with pytest.raises(SyntaxError):
        compile(data, "file.py", "exec")
    with pytest.raises(SyntaxError):
        decode(data)


def test_the_file_and_line_of_text_that_cannot_be_decoded():
    """The error names them, and is in the words of the compiler."""
    data = b'x = 1\n\ny = "\xe9"\n'
    with pytest.raises(SyntaxError) as plain:
        compile(data, "m.py", "exec")
    with pytest.raises(SyntaxError) as caught:
        decode(data, "m.py")
    assert (caught.value.filename, caught.value.lineno) == ("m.py", 3)
    assert caught.value.msg == plain.value.msg

"""Files that are encoded, divided into lines, or nested in unusual ways."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from file_check import check

from dyntransform.importing import compiling
from dyntransform.transform.decide import Options
from dyntransform.transform.text import rewrite

BODY = """\
'''doc é'''
from m import y, été as z
class A:
\tdef f(self):
\t\tfrom m import y as é
\t\tx = "éé" + é; return é(é, f"é{é}")
"""
NORMALIZED = """\
def f():
    from m import \ufb01, \u2115 as \u212c
    \U0001d54f = \ufb01; return fi, \ufb01(\u212c), B, {\ufb01: B}
class \ufb01: pass
"""
IN_FUNCTION = b"def f():\n  from m import y\n  "

ENCODED = {
    "byte order mark": b"\xef\xbb\xbf" + BODY.encode(),
    "byte order mark and cookie": b"\xef\xbb\xbf# coding: utf-8\n" + BODY.encode(),
    "byte order mark and another cookie": b"\xef\xbb\xbf# coding: latin-1\n" + BODY.encode(),
    "latin-1": b"# -*- coding: latin-1 -*-\n" + BODY.encode("latin-1"),
    "cookie in line 2": b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n" + BODY.encode("cp1252"),
    "shift_jis": ("# coding: shift_jis\n" + IN_FUNCTION.decode() + "s = '表示'; return s, y\n").encode("shift_jis"),
    "utf-7": b"# coding: utf-7\nfrom m import y\nx = '+AOk-'\n",
    "unknown cookie": b"# coding: nonsense\nfrom m import y\n",
    "not utf-8": b"from m import y\nx = '\xff'\n",
    "normalized names": NORMALIZED.encode(),
    "beyond the basic plane": IN_FUNCTION + "'😀'; return '😀', y\n".encode(),
    "null": b"from m import y\nx = '\0'\n",
    "invalid escapes": IN_FUNCTION + b"return '\\d', y, b'\\q', f'\\w{y}', '\\777'\n",
}
DIVIDED = {
    "carriage returns": BODY.replace("\n", "\r").encode(),
    "both": BODY.replace("\n", "\r\n").encode(),
    "mixed": BODY.replace("\n", "\r\n", 2).replace("\t\tx", "\t\tx = 1\r\t\tx").encode(),
    "form feeds": ("\f" + BODY.replace("class", "\fclass").replace("\t\tx", "\f\t\tx")).encode(),
    "form feeds in lines": b"from m import y \f\nclass A\f:\f pass\ndef f():\f from m import z; \freturn z\n",
    "other separators": "x = '\x0b\x1c\x85\u2028'\ndef f():\n  from m import y; s = '\u2028'; return y\n".encode(),
    "tabs": b"if 1:\n\tfrom m import y\n\tclass A:\n\t    def f(self):\n\t    \tfrom m import z\n\t    \treturn z\n",
    "no end": IN_FUNCTION + b"return y",
    "comment at the end": b"from m import y # c",
    "continued": b"from m \\\n import \\\n y\nclass \\\n A \\\n : pass\n",
    "control-z": b"from m import y\n\x1a",
    "empty": b"",
    "form feed": b"\f",
    "mark alone": b"\xef\xbb\xbf",
    "many statements in a line": b"; ".join([b"from m import y"] * 1_000) + b"\n",
    "many names": b"from m import " + b", ".join(b"y%d" % i for i in range(3_000)) + b"\n",
    "10,000 lines": b"".join(b"def f%d():\n  from m%d import y\n  return y\n" % (i, i % 7) for i in range(3_400)),
}
NESTED = {
    "brackets": IN_FUNCTION + b"return " + b"(" * 80 + b"y" + b")" * 80 + b"\n",
    "calls": IN_FUNCTION + b"return " + b"y(" * 80 + b"y" + b")" * 80 + b"\n",
    "lambdas": IN_FUNCTION + b"return " + b"lambda: " * 80 + b"y\n",
    "classes": b"".join(b" " * i + b"class A:\n" for i in range(80)) + b" " * 80 + b"from m import y\n",
    "blocks": b"def f():\n from m import y\n"
    + b"".join(b" " * i + b"if y:\n" for i in range(1, 80))
    + b" " * 80
    + b"y()\n",
}
TOO_DEEP = {
    "terms": IN_FUNCTION + b"return " + b"+".join([b"y"] * 3_000) + b"\n",
    "attributes": IN_FUNCTION + b"return y" + b".a" * 3_000 + b"\n",
    "operators": IN_FUNCTION + b"return " + b"not " * 3_000 + b"y\n",
    "branches": IN_FUNCTION + b"if y: pass\n" + b"  elif y: pass\n" * 2_000,
    "very many operators": IN_FUNCTION + b"return " + b"-" * 100_000 + b"y\n",
}


@pytest.mark.parametrize("name", [*ENCODED, *DIVIDED, *NESTED])
def test_odd_files(tmp_path: Path, name: str) -> None:
    """In both forms it is the program that it was, or refused as Python refuses it."""
    path = tmp_path / "odd.py"
    path.write_bytes({**ENCODED, **DIVIDED, **NESTED}[name])
    outcome = check(str(path))
    assert not outcome.problems
    assert not outcome.reason


@pytest.mark.parametrize("name", TOO_DEEP)
def test_too_deep(tmp_path: Path, name: str) -> None:
    """What is nested too deeply is left as it is, with the reason, or refused as Python refuses it."""
    path = tmp_path / "deep.py"
    path.write_bytes(TOO_DEEP[name])
    assert not check(str(path)).problems


@pytest.mark.parametrize("size", [256 * 1024, 512 * 1024])
@pytest.mark.parametrize("name", [*NESTED, *TOO_DEEP])
def test_small_stacks(name: str, size: int) -> None:
    """In a thread with a small stack it ends as in the main thread: with code or a reason, never with a crash."""
    data = {**NESTED, **TOO_DEEP}[name]

    def outcomes() -> list[str]:
        found = [rewrite(data.decode(), "deep.py", Options()).reason]
        try:
            found.append(compiling._compile("deep.py", data, lambda _name: True).reason)
        except (RecursionError, MemoryError) as problem:
            found.append(type(problem).__name__)
        return found

    found: list[list[str]] = []
    before = threading.stack_size(size)
    try:
        thread = threading.Thread(target=lambda: found.append(outcomes()))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert found
    assert (found[0] == ["", ""]) is (name in NESTED)

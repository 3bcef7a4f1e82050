"""The comment by which a file or a class asks to be left alone."""

from __future__ import annotations

import pytest

from dyntransform.transform.optout import opted_out_classes, opts_out


@pytest.mark.parametrize(
    "text",
    [
        "# dyntransform: off",
        "# dyntransform: off\nx = 1\n",
        "#dyntransform: off\n",
        '#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n\n  # dyntransform: off\n"""Doc."""\n',
        "\ufeff# dyntransform: off\n",
        "# licence\r# dyntransform: off\rx = 1\r",
        "\f# ruff: noqa  # dyntransform: off\r\nx = 1\r\n",
    ],
)
def test_a_file_opts_out(text: str) -> None:
    """The mark is a comment of its own, or the last part of one, before the first statement."""
    assert opts_out(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = 1\n",
        "x = 1  # dyntransform: off\n",
        '"""Doc."""\n# dyntransform: off\n',
        '"""\n# dyntransform: off\n"""\n',
        "class A:  # dyntransform: off\n    pass\n",
        "# dyntransform: offline\n",
        "# say dyntransform: off\n",
        "# dyntransform: off # or not\n",
        "dyntransform: off\n",
    ],
)
def test_a_file_does_not(text: str) -> None:
    """Below the first statement, in a string or with more words it is no mark."""
    assert not opts_out(text.encode())


def test_lines_of_classes() -> None:
    """Lines that end in the mark are counted from 1."""
    lines = ["class A:  # dyntransform: off", "class B: pass", "class C(  # noqa: X  # dyntransform: off ", "off"]
    assert opted_out_classes(lines) == {1, 3}

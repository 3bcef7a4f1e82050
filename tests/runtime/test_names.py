"""Absolute names of modules in relative imports."""

from __future__ import annotations

import importlib.util

import pytest

from dyntransform.runtime.names import absolute_name


@pytest.mark.parametrize(
    ("module", "package", "name"),
    [
        ("os.path", "pkg", "os.path"),
        (".", "pkg", "pkg"),
        (".mod", "pkg", "pkg.mod"),
        (".a.b", "pkg.sub", "pkg.sub.a.b"),
        ("..", "pkg.sub", "pkg"),
        ("..mod", "pkg.sub", "pkg.mod"),
        ("...mod", "a.b.c", "a.mod"),
    ],
)
def test_as_python_does(module: str, package: str, name: str) -> None:
    """Names are resolved as importlib resolves them."""
    assert absolute_name(module, {"__package__": package}) == name == importlib.util.resolve_name(module, package)


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ({"__name__": "pkg.mod"}, "pkg.x"),
        ({"__name__": "pkg", "__path__": []}, "pkg.x"),
        ({"__name__": "pkg.mod", "__package__": None}, "pkg.x"),
        ({"__name__": "__main__", "__package__": None}, "x"),
        ({"__name__": "__main__", "__package__": ""}, "x"),
        ({}, "x"),
    ],
)
def test_without_package(namespace: dict[str, object], name: str) -> None:
    """Where ``__package__`` does not say, ``__name__`` and ``__path__`` do (PEP 366)."""
    assert absolute_name(".x", namespace) == name

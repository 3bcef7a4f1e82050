"""Which files are project code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hooked import write

import dyntransform
from dyntransform.importing.roots import Roots


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with all that may be in one."""
    write(
        tmp_path,
        {
            "mod.py": "",
            "pkg/__init__.py": "",
            "pkg/deep/er/mod.py": "",
            "venv/pyvenv.cfg": "",
            "venv/lib/mod.py": "",
            "lib/site-packages/mod.py": "",
            ".hidden/mod.py": "",
        },
    )
    return tmp_path


@pytest.mark.parametrize(
    ("path", "owned"),
    [
        ("mod.py", True),
        ("pkg/__init__.py", True),
        ("pkg/deep/er/mod.py", True),
        ("venv/lib/mod.py", False),
        ("lib/site-packages/mod.py", False),
        ("lib/other.py", True),
        (".hidden/mod.py", False),
        ("pkg/__pycache__/mod.py", False),
    ],
)
def test_owns(root: Path, path: str, owned: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Virtual environments, site-packages and hidden folders below a root are not project code."""
    assert Roots([root]).owns(str(root / path)) is owned
    assert not Roots([root / "other"]).owns(str(root / path))


def test_named_folder(root: Path) -> None:
    """A folder that is itself named as a root is project code, whatever it is called."""
    assert Roots([root / ".hidden"]).owns(str(root / ".hidden/mod.py"))
    assert Roots([root / "lib/site-packages"]).owns(str(root / "lib/site-packages/mod.py"))


def test_neighbour_with_the_same_beginning(root: Path) -> None:
    """A folder whose name begins like the root's is another one."""
    assert not Roots([root / "pkg"]).owns(str(root / "pkg2/mod.py"))


def test_ourselves() -> None:
    """Dyntransform is never project code, also where its own folder is a root."""
    folder = Path(dyntransform.__file__).parent
    assert not Roots([folder.parent]).owns(str(folder / "hook.py"))
    assert not Roots([folder]).owns(str(folder / "hook.py"))


def test_links(root: Path) -> None:
    """A root that is reached through a symbolic link owns its files by both names."""
    link = root.with_name("link")
    link.symlink_to(root)
    for named in (root, link):
        roots = Roots([link])
        assert roots.owns(str(named / "mod.py"))


@pytest.mark.parametrize(
    "pattern", ["pkg", "./pkg", "pkg/", "./pkg/*", "pkg/*", "*/deep/*", "*mod.py", "{root}/pkg/deep"]
)
def test_exclude(root: Path, pattern: str) -> None:
    """Patterns are matched with the path below the root, with the whole path, and with the folders above."""
    roots = Roots([root], [pattern.format(root=root)])
    assert not roots.owns(str(root / "pkg/deep/er/mod.py"))
    assert roots.owns(str(root / "main.py"))


def test_is_project(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of the standard library and of installed packages are not project code, unless the project has them."""
    roots = Roots([root])
    answers = {
        name: roots.is_project(name) for name in ("mod", "pkg", "anything", "json", "pytest", "sys", "dyntransform")
    }
    assert answers == {
        "mod": True,
        "pkg": True,
        "anything": True,
        "json": False,
        "pytest": False,
        "sys": False,
        "dyntransform": False,
    }
    write(root, {"json.py": ""})
    assert not roots.is_project("json")
    roots.forget_names()
    assert roots.is_project("json")
    monkeypatch.setattr(sys, "path", ["/does/not/exist/site-packages"])
    roots.forget_names()
    assert roots.is_project("pytest")


def test_root_inside_a_package(root: Path) -> None:
    """The packages that a root is in count as well."""
    write(root, {"pkg/deep/__init__.py": ""})
    assert Roots([root / "pkg/deep"]).is_project("pkg")


def test_extend(root: Path) -> None:
    """Roots and patterns can be added."""
    roots = Roots([root / "pkg"])
    assert not roots.owns(str(root / "mod.py"))
    roots.extend([root], ["pkg/deep"])
    assert roots.owns(str(root / "mod.py"))
    assert not roots.owns(str(root / "pkg/deep/er/mod.py"))
    assert roots.paths == (str(root / "pkg"), str(root))

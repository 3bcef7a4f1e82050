"""What a built tree consists of."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from built import build, differences, python, write

from dyntransform.building.inventory import Kind, take_inventory
from dyntransform.errors import ConfigError
from dyntransform.importing.roots import Roots


def kinds(*sources: Path, out: Path, exclude: tuple[str, ...] = ()) -> dict[str, str]:
    """Return what becomes of each entry."""
    roots = Roots(sources, exclude)
    inventory = take_inventory([str(source) for source in sources], str(out), roots)
    return {path: item.kind.value for path, item in inventory.items.items()}


def test_kinds_of_files(tmp_path: Path) -> None:
    """Modules are built, other files copied, empty folders made; hidden folders do not belong to it."""
    files = {
        "a.py": "",
        "b.txt": "",
        ".env": "",
        ".git/c.py": "",
        "__pycache__/a.pyc": "",
        "d/e.so": b"\0",
        "f.pyc": b"",
    }
    source = write(tmp_path / "src", files)
    (source / "empty").mkdir()
    (source / "venv").mkdir()
    write(source, {"venv/pyvenv.cfg": "", "lib/site-packages/g.py": "", "old/dyntransform-build.json": ""})
    inventory = take_inventory([str(source)], str(tmp_path / "out"), Roots([source]))
    assert {path: item.kind for path, item in inventory.items.items()} == {
        ".env": Kind.COPY,
        "a.py": Kind.MODULE,
        "b.txt": Kind.COPY,
        "d/e.so": Kind.COPY,
        "empty": Kind.FOLDER,
        "f.pyc": Kind.COPY,
    }
    assert inventory.skipped == {
        ".git": "a hidden folder",
        "lib/site-packages": "installed packages",
        "old": "a built tree",
        "venv": "a virtual environment",
    }
    assert {"a", "d", "f"} <= inventory.names


def test_where_sources_stand(tmp_path: Path) -> None:
    """The content of a single folder stands at the top; a package, and each of several sources, under its name."""
    one = write(tmp_path / "one", {"a.py": "", "b/c.txt": ""})
    package = write(tmp_path / "two", {"__init__.py": ""})
    script = write(tmp_path, {"run.py": ""}) / "run.py"
    out = tmp_path / "out"
    assert kinds(one, out=out) == {"a.py": "module", "b/c.txt": "copy"}
    assert kinds(package, out=out) == {"two/__init__.py": "module"}
    assert kinds(script, out=out) == {"run.py": "module"}
    assert set(kinds(one, package, script, out=out)) == {"one/a.py", "one/b/c.txt", "two/__init__.py", "run.py"}


def test_excluded_modules_are_copied(tmp_path: Path) -> None:
    """Patterns are matched with the path below the source, and the module is part of the tree as it is."""
    source = write(tmp_path / "src", {"a/gen/x.py": "class A: pass\n", "b_pb2.py": "class B: pass\n", "c.py": ""})
    assert kinds(source, out=tmp_path / "out", exclude=("./a/gen/", "*_pb2.py")) == {
        "a/gen/x.py": "copy",
        "b_pb2.py": "copy",
        "c.py": "module",
    }
    build(source, out=tmp_path / "out", exclude=("a/gen",))
    assert (tmp_path / "out/a/gen/x.py").read_text() == "class A: pass\n"
    assert (tmp_path / "out/b_pb2.py").read_text() != "class B: pass\n"


@pytest.mark.parametrize("inside", ["build/out", "."])
def test_tree_inside_its_sources(tmp_path: Path, inside: str) -> None:
    """A tree below the sources is no part of them; one that holds the sources is refused."""
    source = write(tmp_path / "src", {"a.py": "x = 1\n", "b/c.py": ""})
    if inside == ".":
        for each in (source / "b", source):
            with pytest.raises(ConfigError, match=r"lies in .*, where the built tree is to stand; name another"):
                build(each, out=source)
        return
    for _ in range(2):
        build(source, out=source / inside)
        write(source, {"a.py": "x = 2\n"})
    assert sorted(path.name for path in (source / "build").iterdir()) == ["out"]
    assert sorted(path.name for path in (source / inside).iterdir() if path.suffix) == [
        "a.py",
        "dyntransform-build.json",
    ]


def test_clashes(tmp_path: Path) -> None:
    """Two sources that would stand at one place are refused, and both are named."""
    for folder in ("x", "y"):
        write(tmp_path / folder / "shop", {"__init__.py": ""})
    with pytest.raises(ConfigError, match=r"x/shop/__init__\.py and .*/y/shop/__init__\.py would both become shop/"):
        build(tmp_path / "x/shop", tmp_path / "y/shop", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "src: no such file or folder; name the files and folders"),
        ({"src/a.py": "", "out": ""}, "out is a file; name a folder for the built tree"),
        ({"src/a.py": "", "out/mine.txt": ""}, "was not built: it has no dyntransform-build.json; name another folder"),
        ({"src/a.py": "", "out/dyntransform-build.json": "{"}, "it is damaged, or another version"),
        ({"src/a.py": "", "out/dyntransform-build.json": '{"format": 99}'}, "it is damaged, or another version"),
        ({"src/dyntransform-build.json": "{}"}, "is the manifest of a built tree; build its sources"),
    ],
)
def test_refusals(tmp_path: Path, files: dict[str, str], words: str) -> None:
    """What cannot be built, or not there, is said with the way out, and nothing is touched."""
    write(tmp_path, files)
    with pytest.raises(ConfigError, match=words):
        build(tmp_path / "src", out=tmp_path / "out")
    for name, text in files.items():
        assert (tmp_path / name).read_text() == text


def test_links(tmp_path: Path) -> None:
    """Links within a source stay links, loops too; a file outside is taken in, a folder outside is linked to."""
    source = write(tmp_path / "src", {"a.py": "class A: pass\n", "d/x.txt": "x"})
    outside = write(tmp_path / "outside", {"m.py": "class M: pass\n", "e/y.txt": "y"})
    links = {
        "b.py": "a.py",
        "d2": "d",
        "d/up": "..",
        "m.py": str(outside / "m.py"),
        "e": str(outside / "e"),
        "nowhere": "gone.txt",
    }
    for name, target in links.items():
        (source / name).symlink_to(target)
    out = tmp_path / "out"
    build(source, out=out)
    assert {name: os.readlink(out / name) for name in ("b.py", "d2", "d/up", "e", "nowhere")} == {
        "b.py": "a.py",
        "d2": "d",
        "d/up": "..",
        "e": str(outside / "e"),
        "nowhere": "gone.txt",
    }
    assert not (out / "m.py").is_symlink()
    assert "DynamicClass" in (out / "m.py").read_text()
    assert differences(source, out=out) == []
    (source / "d2").unlink()
    (source / "d2").symlink_to("d/..")
    build(source, out=out)
    assert os.readlink(out / "d2") == "d/.."


def test_modes(tmp_path: Path) -> None:
    """Permissions are those of the sources: scripts can be run, and read-only files do not hinder the next build."""
    source = write(tmp_path / "src", {"run.py": "#!/usr/bin/env python3\nclass A: pass\n", "data.txt": "x", "m.py": ""})
    for name, mode in (("run.py", 0o755), ("data.txt", 0o440), ("m.py", 0o444)):
        (source / name).chmod(mode)
    out = tmp_path / "out"
    for _ in range(2):
        build(source, out=out)
        modes = [stat.S_IMODE((out / name).stat().st_mode) for name in ("run.py", "data.txt", "m.py")]
        assert modes == [0o755, 0o440, 0o444]
        (source / "m.py").chmod(0o644)
        write(source, {"m.py": "class B: pass\n"})
        (source / "m.py").chmod(0o444)
    (source / "data.txt").chmod(0o644)
    assert differences(source, out=out) == [f"data.txt: the permissions of {source / 'data.txt'} were changed"]


def test_encodings_and_line_ends(tmp_path: Path) -> None:
    """A module is written in its own encoding, with its own line ends."""
    text = "# coding: latin-1\r\n'''\xe9'''\r\nclass A:\r\n    name = '\xe9'\r\n"
    files = {"latin.py": text.encode("latin-1"), "mark.py": b"\xef\xbb\xbf'''d'''\nclass A: pass\n"}
    source = write(tmp_path / "src", files)
    build(source, out=tmp_path / "out")
    latin = (tmp_path / "out/latin.py").read_bytes()
    assert b"'''\xe9'''; from dyntransform.runtime import DynamicClass\r\nclass A(DynamicClass):\r\n" in latin
    assert (tmp_path / "out/mark.py").read_bytes().startswith(b"\xef\xbb\xbf'''d'''; from")
    assert python(tmp_path / "out", "-c", "import latin, mark; print(ascii(latin.A.name))") == "'\\xe9'\n"


def test_what_is_no_regular_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets and the like have no place in a tree."""
    source = write(tmp_path / "s", {"a.py": ""})
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(source)  # the name of a socket must be short
        server.bind("socket")
        inventory = take_inventory([str(source)], str(tmp_path / "out"), Roots([source]))
    assert inventory.skipped == {"socket": "not a regular file"}

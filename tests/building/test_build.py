"""Building a tree: what it consists of, what is built again, and what stays whole."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from built import PRINTS, PROJECT, build, content, differences, python, write

import dyntransform
from dyntransform.building import draft
from dyntransform.building.manifest import MANIFEST, hash_of
from dyntransform.errors import ConfigError, TransformError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A project."""
    return write(tmp_path / "src", PROJECT)


@pytest.fixture
def out(source: Path, tmp_path: Path) -> Path:
    """The project, built."""
    build(source, out=tmp_path / "out")
    return tmp_path / "out"


def manifest(out: Path) -> dict[str, dict[str, dict[str, object]]]:
    """Return the manifest of a tree."""
    found: dict[str, dict[str, dict[str, object]]] = json.loads((out / MANIFEST).read_text())
    return found


def test_text_is_readable_and_line_for_line(source: Path, out: Path) -> None:
    """Each line of a rewritten module stands beside its original; lookups and bases are written out."""
    lines = (out / "shop/basket.py").read_text().splitlines()
    original = (source / "shop/basket.py").read_text().splitlines()
    assert len(lines) == len(original)
    changed = [new for old, new in zip(original, lines, strict=True) if old != new]
    assert changed == [
        '"""A basket."""; from dyntransform.runtime import DynamicClass, _dyn_lookup',
        "class Basket(DynamicClass):",
        '        return sum(map(_dyn_lookup(".prices", "rounded", rounded), self.prices))',
    ]


def test_runs_with_the_runtime_alone(source: Path, out: Path) -> None:
    """The tree runs as its sources do; nothing but the runtime is imported (and the check of the version)."""
    assert python(source, "main.py") == python(out, "main.py") == PRINTS
    probe = (
        "import sys; sys.meta_path.insert(0, __import__('no_rewriter').Finder())\n"
        "import main; main.main()\n"
        "print(sorted(name for name in sys.modules if name.startswith('dyntransform')))\n"
    )
    finder = (
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('libcst', 'bytecode', 'watchfiles', 'rich', 'ast', 'symtable'):\n"
        "            raise ImportError(name)\n"
    )
    write(out.parent / "probe", {"probe.py": probe, "no_rewriter.py": finder})
    path = os.pathsep.join([str(out), str(Path(dyntransform.__file__).parents[1])])
    said = python(out, "-v", str(out.parent / "probe/probe.py"), environment={"PYTHONPATH": path})
    lines = said.splitlines()
    assert PRINTS.strip().removesuffix(" []") in said
    runtime = [f".runtime{part}" for part in ("", ".dynamic_class", ".frozen", ".lookup", ".names")]
    ours = [f"dyntransform{part}" for part in ("", ".cpython", ".cpython.versions", *runtime)]
    assert str(ours) in lines
    for name in ("main", "shop/__init__", "shop/basket", "shop/prices"):
        folder, module = os.path.split(name)
        cached = out / folder / "__pycache__" / f"{module}.{sys.implementation.cache_tag}.pyc"
        assert any(line.startswith("# code object from") and str(cached) in line for line in lines), name
    assert not any(line.startswith("# wrote") and str(out) in line for line in lines)


def test_compiled_lookup_asks_only_after_an_edit(out: Path) -> None:
    """The compiled form of a lookup is a question that costs no call; it is asked where a value was replaced."""
    code = (
        "import dis, io, main, builtins\n"
        "text = io.StringIO(); dis.dis(main.main, file=text)\n"
        "print('__dyn_replaced__' in text.getvalue(), '_dyn_lookup' in text.getvalue(), builtins.__dyn_replaced__)\n"
    )
    assert python(out, "-c", code) == "True False None\n"


def test_compiled_files_follow_an_edit(out: Path) -> None:
    """Compiled files are valid for the content they were made from: an edit of the tree counts without a build."""
    path = out / "shop/prices.py"
    status = path.stat()
    path.write_text(path.read_text().replace("1.25", "2.25"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert python(out, "main.py") == "6.8 thank you []\n"


def test_can_be_moved(out: Path, tmp_path: Path) -> None:
    """A tree can stand anywhere, without its sources; tracebacks name the file that is there."""
    moved = out.rename(tmp_path / "elsewhere")
    (moved / "shop/note.txt").unlink()
    said = python(moved, "main.py", code=1)
    assert f'File "{moved / "shop/basket.py"}", line 4' in said
    assert str(out) not in said


def test_tracebacks_point_into_the_tree(out: Path) -> None:
    """A traceback of compiled code shows the line, and carets under what failed, as one of the text itself does."""
    code = "from shop import basket; basket.Basket([1, None]).total()"
    compiled = python(out, "-c", code, code=1)
    assert f'File "{out / "shop/basket.py"}", line 12, in total' in compiled
    assert 'return sum(map(_dyn_lookup(".prices", "rounded", rounded), self.prices))' in compiled
    for path in out.rglob("*.pyc"):
        path.unlink()
    assert python(out, "-B", "-c", code, code=1) == compiled


def test_manifest(source: Path, out: Path) -> None:
    """The manifest tells what was built, from which content, how, and what was left."""
    write(source, {"gen.py": "x = 1\n", "venv/pyvenv.cfg": ""})
    build(source, out=out, exclude=("gen*",))
    found = manifest(out)
    assert found["dyntransform"] == dyntransform.__version__
    assert found["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert (found["late_bind"], found["exclude"]) == ("project", ["gen*"])
    record = found["files"]["main.py"]
    assert record["source"] == hash_of((source / "main.py").read_bytes())
    assert record["built"] == hash_of((out / "main.py").read_bytes())
    assert record["asked"] == {"shop": True}
    for name, value in record["compiled"].items():  # type: ignore[attr-defined]
        assert hash_of((out / name).read_bytes()) == value
    assert found["left"] == {"gen.py": "excluded"}
    assert found["skipped"] == {"venv": "a virtual environment"}
    assert (out / "gen.py").read_bytes() == b"x = 1\n"


def test_module_that_cannot_be_rewritten(source: Path, out: Path) -> None:
    """A module that the rewriter leaves as it is is copied, and the manifest says why."""
    deep = "def f():\n    from shop import y\n\n    return " + "-" * 3000 + "y\n"
    write(source, {"deep.py": deep})
    build(source, out=out)
    assert "nested" in str(manifest(out)["left"]["deep.py"])
    assert (out / "deep.py").read_text() == deep


def test_class_whose_namespace_refuses(source: Path, out: Path) -> None:
    """In the body of a class that takes each name once, as an enumeration does, no lookup is written."""
    text = (
        "import enum\nclass Rate(enum.Enum):\n    from shop.prices import VAT\n    HALF = VAT / 2\nprint(list(Rate))\n"
    )
    write(source, {"rates.py": text})
    build(source, out=out)
    assert (out / "rates.py").read_text().count("VAT") == text.count("VAT")
    assert python(source, "rates.py") == python(out, "rates.py") == "[<Rate.VAT: 1.25>, <Rate.HALF: 0.625>]\n"


def test_module_that_opts_out(source: Path, out: Path) -> None:
    """A module that asks to be left alone is copied, and the manifest says so."""
    text = "# dyntransform: off\nclass A:\n    pass\n"
    write(source, {"off.py": text})
    assert "dyntransform: off" in build(source, out=out).left["off.py"]
    assert "dyntransform: off" in str(manifest(out)["left"]["off.py"])
    assert (out / "off.py").read_text() == text
    assert differences(source, out=out) == []


def test_unchanged_tree_is_left_alone(source: Path, out: Path) -> None:
    """A build of unchanged sources writes nothing."""
    before = {path: path.stat().st_ino for path in out.rglob("*")}
    done = build(source, out=out)
    assert (done.written, done.kept) == (False, 5)
    assert {path: path.stat().st_ino for path in out.rglob("*")} == before
    (source / "main.py").touch()
    assert not build(source, out=out).written, "a new time stamp is no change"


def test_only_what_changed_is_built(source: Path, out: Path) -> None:
    """Changed and new files are built, removed ones go, and the rest stays the same files."""
    text = (source / "shop/prices.py").read_text()
    write(source, {"shop/prices.py": text.replace("1.25", "2"), "shop/new.py": "class New: pass\n", "d.txt": ""})
    (source / "shop/note.txt").unlink()
    kept = (out / "shop/basket.py").stat().st_ino
    done = build(source, out=out)
    assert (done.built, done.made, done.kept, done.removed) == (2, 1, 3, 1)
    assert (out / "shop/basket.py").stat().st_ino == kept
    assert not (out / "shop/note.txt").exists()
    assert differences(source, out=out) == []


def test_incremental_build_equals_a_fresh_one(source: Path, out: Path, tmp_path: Path) -> None:
    """What is built step by step is what is built at once, byte for byte, but for the marshalled code."""
    write(source, {"shop/prices.py": "VAT = 3\n", "shop/more/__init__.py": "from ..prices import VAT\n"})
    (source / "main.py").unlink()
    build(source, out=out)
    build(source, out=tmp_path / "fresh")
    texts = [
        {name: data for name, data in content(folder).items() if not name.endswith((".pyc", MANIFEST))}
        for folder in (out, tmp_path / "fresh")
    ]
    assert texts[0] == texts[1]
    assert set(content(out)) == set(content(tmp_path / "fresh"))


def test_name_that_becomes_project_code(source: Path, out: Path) -> None:
    """A module is built again if a name that it imports from comes into the project, or goes."""
    write(source, {"uses.py": "from json import loads\n"})
    build(source, out=out)
    assert (out / "uses.py").read_text() == "from json import loads\n"
    write(source, {"json.py": "loads = 1\n"})
    assert differences(source, out=out) == [
        "uses.py: modules of json now are part of the project",
        "json.py: it was not built",
    ]
    build(source, out=out)
    assert '_dyn_lookup("json", "loads", loads)' in (out / "uses.py").read_text()


def test_check(source: Path, out: Path) -> None:
    """The check finds whatever is not as the sources would give it, on both sides."""
    assert differences(source, out=out) == []
    write(source, {"main.py": "print(1)\n", "more.py": ""})
    (source / "shop/note.txt").unlink()
    (out / "shop/basket.py").write_text("edited = True\n")
    write(out, {"strange.txt": "", ".pytest_cache/x": "", "shop/__pycache__/other.pyc": ""})
    compiled = f"shop/__pycache__/prices.{sys.implementation.cache_tag}.pyc"
    (out / compiled).unlink()
    other = f"shop/__pycache__/__init__.{sys.implementation.cache_tag}.pyc"
    (out / other).write_bytes(b"")
    assert differences(source, out=out) == [
        f"main.py: {source / 'main.py'} was changed",
        f"shop/__init__.py: {other} is another file than was built",
        "shop/basket.py: somebody changed it after it was built",
        "shop/note.txt: the sources no longer have it",
        f"shop/prices.py: {compiled} is missing",
        "more.py: it was not built",
        "strange.txt: the sources do not have it",
    ]
    assert differences(source, out=out.parent / "nowhere") == ["it was not built yet"]


def test_check_of_another_maker(source: Path, out: Path) -> None:
    """A tree of another version, or with other options, is not what would be built, though its text may be."""
    text = (out / MANIFEST).read_text()
    (out / MANIFEST).write_text(
        text.replace(f'"dyntransform": "{dyntransform.__version__}"', '"dyntransform": "0.0.1"')
    )
    (said,) = differences(source, out=out)
    assert said.startswith("it was built by dyntransform 0.0.1, Python")
    assert build(source, out=out).built == 4
    assert differences(source, out=out, exclude=("x",)) == ["it was built with exclude = []; now it is ['x']"]


def test_edits_of_the_tree_are_not_overwritten(source: Path, out: Path) -> None:
    """A build stops at files that somebody edited in the tree, and says where the edits belong."""
    path = out / "main.py"
    path.write_text(path.read_text() + "# mine\n")
    write(source, {"shop/prices.py": "VAT = 3\n"})
    before = content(out)
    with pytest.raises(ConfigError, match="edited; nothing was written: carry the edits over to the sources") as caught:
        build(source, out=out)
    assert f"{path} (from {source / 'main.py'})" in str(caught.value)
    assert content(out) == before
    path.unlink()
    build(source, out=out)
    assert differences(source, out=out) == []


def test_edits_that_were_carried_over(source: Path, out: Path) -> None:
    """An edit of the tree that its source has as well is no edit any more."""
    for folder in (source, out):
        path = folder / "shop/basket.py"
        path.write_text(path.read_text().replace("self.prices = prices", "self.prices = list(prices)"))
    assert differences(source, out=out) != []
    assert build(source, out=out).built == 1
    assert differences(source, out=out) == []


def test_files_of_others_stay(source: Path, out: Path) -> None:
    """What programs wrote into the tree is still there after a build; compiled files of modules that went are not."""
    write(out, {"log/run.txt": "ran", "__pycache__/main.x-pytest-1.pyc": "", "__pycache__/gone.x.pyc": ""})
    write(source, {"shop/prices.py": "VAT = 3\n"})
    build(source, out=out)
    assert (out / "log/run.txt").read_text() == "ran"
    assert (out / "__pycache__/main.x-pytest-1.pyc").exists()
    assert not (out / "__pycache__/gone.x.pyc").exists()


def test_syntax_errors_are_told_together(source: Path, out: Path) -> None:
    """All modules that are not valid Python are told, each with its line, and nothing is written."""
    before = content(out)
    write(
        source,
        {
            "a.py": "x = (\n",
            "shop/b.py": "def f():\n    return 1\n  x\n",
            "c.py": b"\xff\n",
            "d.py": "return 1\n",
            "e.py": b"x = 1\0\n",
            "fine.py": "x = 1\n",
        },
    )
    with pytest.raises(TransformError) as caught:
        build(source, out=out)
    said = str(caught.value)
    assert said.startswith("5 modules cannot be built; nothing was written: correct them, or")
    for text in (
        f'File "{source}/a.py", line 1',
        f'File "{source}/shop/b.py", line 3',
        f'File "{source}/d.py", line 1',
    ):
        assert text in said
    assert str(source / "c.py") in said
    assert str(source / "e.py") in said
    assert content(out) == before
    assert sorted(path.name for path in out.parent.iterdir()) == ["out", "src"]
    assert build(source, out=out, exclude=("*a.py", "*/b.py", "c.py", "d.py", "e.py")).written
    assert (out / "c.py").read_bytes() == b"\xff\n"


def test_failed_build_leaves_the_old_tree(source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails, and whenever: the tree is the old one, whole, and nothing lies beside it."""
    write(source, {"main.py": "print(2)\n"})
    before = content(out)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for owner, name in ((draft.Draft, "keep"), (draft.Draft, "publish"), (draft, "exchange")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, full)
            with pytest.raises(OSError, match="No space left"):
                build(source, out=out)
        assert content(out) == before
        assert sorted(path.name for path in out.parent.iterdir()) == ["out", "src"]


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_killed_build_leaves_the_old_tree(source: Path, out: Path) -> None:
    """A build that is killed leaves the old tree as it was; the next one clears away what it had begun."""
    before = content(out)
    os.mkfifo(source / "wait")
    write(source, {"zzz.txt": "new", "main.py": "print(2)\n"})
    # The build is held up while it reads a file: the last one, which is a pipe in disguise.
    code = (
        "import sys\n"
        "from dyntransform.building import draft\n"
        "make = draft.Draft.make\n"
        "def slow(self, item):\n"
        "    if item.path == 'zzz.txt': print('there', flush=True); open('wait').read()\n"
        "    return make(self, item)\n"
        "draft.Draft.make = slow\n"
        f"from dyntransform.commands.build import build; build([{str(source)!r}, '-o', {str(out)!r}, '--jobs', '1'])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=source, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (source / "wait").unlink()
    assert content(out) == before
    assert len(list(out.parent.iterdir())) == 3
    build(source, out=out)
    assert sorted(path.name for path in out.parent.iterdir()) == ["out", "src"]
    assert (out / "main.py").read_text() == "print(2)\n"


def test_without_an_exchange_in_one_step(source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where folders cannot be exchanged, the old one is put aside first; a build that is killed then is mended."""
    monkeypatch.setattr(draft, "exchange", lambda *_: False)
    write(source, {"main.py": "print(2)\n"})
    build(source, out=out)
    assert (out / "main.py").read_text() == "print(2)\n"
    assert sorted(path.name for path in out.parent.iterdir()) == ["out", "src"]
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    out.rename(out.parent / f".out.{dead.pid}.old")
    assert differences(source, out=out) == []


def test_tree_that_cannot_be_exchanged(source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mount point stays as it is, and the message says what to do."""

    def busy(one: str, other: str) -> bool:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), one, None, other)

    before = content(out)
    write(source, {"main.py": "x = 1\n"})
    monkeypatch.setattr(draft, "exchange", busy)
    with pytest.raises(ConfigError, match="if it is a mount point, name a folder in it"):
        build(source, out=out)
    assert content(out) == before
    assert [path.name for path in out.parent.iterdir() if path.name.startswith(".")] == []


def test_many_modules_use_all_cores(source: Path, tmp_path: Path) -> None:
    """With enough to do, modules are rewritten in several processes, and come to be the same."""
    text = "".join(f"def f{n}():\n    from shop.prices import VAT\n    return VAT * {n}\n\n\n" for n in range(400))
    write(source, {f"many/m{n}.py": '"""Doc."""\n' + text for n in range(8)})
    write(source, {"many/broken.py": "x = (\n"})
    with pytest.raises(TransformError, match=r"many/broken\.py"):
        build(source, out=tmp_path / "two", jobs=2)
    (source / "many/broken.py").unlink()
    build(source, out=tmp_path / "two", jobs=2)
    build(source, out=tmp_path / "one", jobs=1)
    texts = [
        {name: data for name, data in content(tmp_path / each).items() if name.endswith(".py")}
        for each in ("one", "two")
    ]
    assert texts[0] == texts[1]
    assert b"_dyn_lookup" in texts[0]["many/m7.py"]

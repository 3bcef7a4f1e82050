"""``dyntransform compile`` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from side_by_side import ours, write

PROJECT = {
    "src/main.py": """\
        import sys
        from shop.prices import VAT
        import left, plain

        def main():
            from shop.prices import VAT
            return VAT

        print(main(), VAT, sorted({"bytecode", "libcst", "dyntransform.transform.decide"} & set(sys.modules)))
        """,
    "src/shop/__init__.py": "",
    "src/shop/prices.py": "from os import path\nVAT = 1\n\nclass Price:\n    pass\n",
    "src/left.py": "# dyntransform: off\nfrom shop.prices import VAT\n",
    "src/plain.py": "x = 1\n",
    "src/generated/big.py": "from shop.prices import VAT\n",
    "src/.hidden/module.py": "from shop.prices import VAT\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the sources in ``src``."""
    write(tmp_path, PROJECT)
    return tmp_path


def stored(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the compiled files below a folder, with what tells whether they were written again."""
    found = {path: path.stat() for path in folder.rglob("*.pyc")}
    return {str(path.relative_to(folder)): (status.st_ino, status.st_mtime_ns) for path, status in found.items()}


@pytest.mark.parametrize("settings", ["", "late_bind = 'all'", "exclude = ['generated']", "roots = ['src']"])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_start_after_it_is_warm(project: Path, settings: str, jobs: str) -> None:
    """The start finds the code of each module, writes nothing, and has neither libcst nor the rewriter."""
    write(project, {"pyproject.toml": f"[tool.dyntransform]\n{settings}\n"})
    got = ours(project, ["compile", "src", "--jobs", jobs])
    assert (got.code, got.errors) == (0, "")
    before = stored(project)
    assert "src/shop/__pycache__" in {str(Path(name).parent) for name in before}
    assert not any("hidden" in name for name in before)
    assert any("generated" in name for name in before) is ("exclude" not in settings)
    assert ours(project, ["--no-watch", "src/main.py"]).output == "1 1 []\n"
    assert stored(project) == before


def test_only_what_changed(project: Path) -> None:
    """What is in the cache is kept; an edited file is compiled again."""
    assert ours(project, ["compile", "src"]).output.startswith("5 compiled, 1 as they were in ")
    write(project, {"src/plain.py": "x = 2\n"})
    assert ours(project, ["compile", "src"]).output.startswith("1 compiled, 5 as they were in ")
    assert ours(project, ["compile", "src/plain.py", "src/shop"]).output.startswith("0 compiled, 3 as they were in ")


def test_modules_without_source(project: Path) -> None:
    """A compiled file that stands in place of its source is stored, too."""
    code = "import py_compile, os; py_compile.compile('src/plain.py', 'src/plain.pyc'); os.remove('src/plain.py')"
    from side_by_side import plain

    assert plain(project, ["-c", code]).code == 0
    assert ours(project, ["compile", "src"]).output.startswith("5 compiled, ")
    before = stored(project)
    assert ours(project, ["--no-watch", "src/main.py"]).output == "1 1 []\n"
    assert stored(project) == before


def test_invalid_files(project: Path) -> None:
    """Files that are not valid Python are told with file and line, and the others are compiled."""
    write(project, {"src/bad.py": "x = 1\ny = (\n", "src/worse.py": "\nreturn\n"})
    got = ours(project, ["compile", "src", "--jobs", "1"])
    assert got.code == 1
    assert got.output.startswith("5 compiled, 1 as they were, 2 failed in ")
    assert f'File "{project / "src/bad.py"}", line 2' in got.errors
    assert f'File "{project / "src/worse.py"}", line 2' in got.errors
    assert "Traceback" not in got.errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "the following arguments are required: SRC"),
        (["nope"], "dyntransform: nope: no such file or folder; "),
        (["src/.hidden"], "no modules of the project; its roots are "),
        (["src", "--jobs", "0"], "argument --jobs: 0: a number, at least 1"),
    ],
)
def test_refusals(project: Path, arguments: list[str], words: str) -> None:
    """What cannot be done is said in a sentence."""
    write(project, {"pyproject.toml": "[tool.dyntransform]\nroots = ['src']\n"})
    got = ours(project, ["compile", *arguments])
    assert got.code != 0
    assert words in got.errors
    assert "Traceback" not in got.errors


def test_cache_that_cannot_be_written(project: Path) -> None:
    """A module whose code cannot be stored is told."""
    write(project, {"src/__pycache__": "a file where the folder would be"})
    got = ours(project, ["compile", "src/plain.py"])
    assert got.code == 1
    assert f"{project / 'src/plain.py'}: the cache cannot be written; make " in got.errors


def test_no_compiled_files_are_wanted(project: Path) -> None:
    """Where Python is told to write none, it says so."""
    got = ours(project, ["compile", "src"], environment={"PYTHONDONTWRITEBYTECODE": "1"})
    assert got.code == 1
    assert "run this without -B" in got.errors

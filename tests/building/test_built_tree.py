"""A built tree under the hook: it reloads like any other, and what was built is used."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from built import PROJECT, build, python, write
from live import replace, running

import dyntransform

LOOP = """
    import os, time, traceback
    from shop.prices import VAT
    from shop import basket

    def loop():
        from shop.prices import rounded
        mine = basket.Basket([1])
        while True:
            try:
                line = f"{VAT} {rounded(1.26)} {mine.total()}"
            except ZeroDivisionError as error:
                line = "|".join(traceback.format_exception(error)).replace(chr(10), "|")
            os.write(1, (line + chr(10)).encode())
            time.sleep(0.02)

    loop()
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A built tree with a program that goes on."""
    write(tmp_path / "src", {**PROJECT, "loop.py": LOOP})
    build(tmp_path / "src", out=tmp_path / "out")
    return tmp_path / "out"


def test_edits_of_the_tree(out: Path) -> None:
    """Edits of the tree are applied while it runs, in a loop that never ends as well; tracebacks name its files."""
    with running(out, ["loop.py"]) as program:
        program.until("1.25 1.3 1")
        replace(out / "shop/prices.py", "round(amount, 1)", "round(amount, 2)")
        program.until("1.25 1.26 1")
        replace(out / "shop/prices.py", "VAT = 1.25", "VAT = 2")
        program.until("2 1.26 1")
        replace(out / "shop/basket.py", "sum(", "10 + sum(")
        program.until("2 1.26 11")
        replace(out / "shop/prices.py", "return round(amount, 2)", "return amount / 0")
        line = program.until("ZeroDivisionError")
        assert f'File "{out / "shop/prices.py"}", line 5, in rounded|    return amount / 0' in line


def test_reports_of_edits(out: Path) -> None:
    """An edit of the tree does what the same edit of its sources does, and the report says the same."""
    code = (
        "import pathlib, re, dyntransform\n"
        "dyntransform.install(['.'])\n"
        "import shop.more as more\n"
        "path = pathlib.Path('shop/prices.py')\n"
        "for old, new in (('1.25', '2'), ('amount, 1', 'amount, 3'), ('VAT = 2', 'VAT, NET = 3, 4')):\n"
        "    path.write_text(path.read_text().replace(old, new))\n"
        "    print(re.sub(r'in .* ms', '', str(dyntransform.reload())), more.TWICE, more.late())\n"
    )
    source = out.parent / "src"
    text = "from shop.prices import VAT, rounded\nTWICE = 2 * VAT\nclass C:\n    from shop.prices import VAT\n"
    late = "def late():\n    from shop.prices import VAT as late\n    return late, rounded(C.VAT / 7)\n"
    write(source, {"shop/more.py": "'Doc.'\n" + text + late})
    build(source, out=out)
    said = [python(folder, "-c", code) for folder in (source, out)]
    assert said[0] == said[1]
    assert "ran again shop.more.TWICE" in said[0]


def test_build_while_the_tree_runs(out: Path) -> None:
    """A build of edited sources is an edit of the tree: the program that runs takes it."""
    with running(out, ["loop.py"]) as program:
        program.until("1.25 1.3 1")
        for old, new in (("1.25", "3"), ("VAT = 3", "VAT = 4")):
            replace(out.parent / "src/shop/prices.py", old, new)
            build(out.parent / "src", out=out)
            program.until(f"{new.removeprefix('VAT = ')} 1.3 1")


def test_installed_in_the_program(out: Path) -> None:
    """The hook takes its compiled files from the tree, and needs no rewriter before the first edit."""
    code = (
        "import sys, pathlib, dyntransform\n"
        "dyntransform.install(['.'])\n"
        "from shop import basket\n"
        "from dyntransform.importing.loader import project\n"
        "loaded = project().loaded.snapshot()\n"
        "print(sorted(loaded), loaded['shop.basket'].compiled.lookups)\n"
        "print([name for name in ('ast', 'symtable', 'libcst', 'rich') if name in sys.modules])\n"
        "path = pathlib.Path('shop/prices.py')\n"
        "path.write_text(path.read_text().replace('1.25', '7'))\n"
        "report = dyntransform.reload()\n"
        "print(report.error, basket.rate())\n"
    )
    write(
        out.parent / "src", {"shop/basket.py": "'''B.'''\n\ndef rate():\n    from .prices import VAT\n    return VAT\n"}
    )
    build(out.parent / "src", out=out)
    assert python(out, "-c", code).splitlines() == ["['shop', 'shop.basket'] (('.prices', 'VAT'),)", "[]", "None 7"]


def test_names_imported_before_the_hook(out: Path) -> None:
    """Modules that Python itself loaded from the tree before the hook was there read their names late as well."""
    code = (
        "import pathlib, threading\n"
        "from shop import turns\n"
        "import dyntransform\n"
        "dyntransform.install(['.'])\n"
        "turn = turns.turns()\n"
        "print(next(turn))\n"
        "path = pathlib.Path('shop/prices.py')\n"
        "path.write_text(path.read_text().replace('1.25', '7.5'))\n"
        "print(dyntransform.reload().error, next(turn))\n"
    )
    text = "'''T.'''\n\ndef turns():\n    from .prices import VAT\n    while True:\n        yield VAT\n"
    write(out.parent / "src", {"shop/turns.py": text})
    build(out.parent / "src", out=out)
    assert python(out, "-c", code) == "1.25\nNone 7.5\n"


SUITE = {
    "shop/__init__.py": "",
    "shop/prices.py": "'''P.'''\n\ndef total(prices):\n    from .rates import RATE\n    return sum(prices) * RATE\n",
    "shop/rates.py": "RATE = 2\n",
    "tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef three():\n    return 3\n",
    "tests/test_shop.py": """
        from shop.prices import total

        class TestTotal:
            def test_total(self, three):
                from shop.prices import total as late
                assert late([three]) == total([three]) == 6

            def test_wrong(self):
                assert total([1]) == 3
    """,
    "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n",
}
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "-W", "error"]


def test_suite(tmp_path: Path) -> None:
    """A suite has the same outcomes from its sources and from a built tree, plainly and with --dyn."""
    source = write(tmp_path / "src", SUITE)
    out = tmp_path / "out"
    build(source, out=out)
    summaries = []
    for folder, words in ((source, []), (out, []), (out, ["--dyn"]), (out, ["--dyn"]), (out, ["--dyn", "-n2"])):
        said = python(folder, *PYTEST, *words, code=1)
        summaries.append(re.findall(r"^FAILED .*? - |\d+ failed, \d+ passed", said, re.MULTILINE))
        assert "assert 2 == 3" in said
    assert summaries == [["FAILED tests/test_shop.py::TestTotal::test_wrong - ", "1 failed, 1 passed"]] * 5


def test_suite_uses_what_was_built(tmp_path: Path) -> None:
    """With --dyn, modules of a built tree are not compiled again."""
    source = write(tmp_path / "src", SUITE)
    out = tmp_path / "out"
    build(source, out=out)
    cached = sorted(out.glob("shop/__pycache__/*.opt-dyn*.pyc"))
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in cached}
    assert len(before) == 3
    python(out, *PYTEST, "--dyn", "-k", "test_total", environment={"PYTHONDONTWRITEBYTECODE": ""})
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in cached} == before
    assert os.path.exists(out / "tests/__pycache__")


TURNS = {
    "shop/__init__.py": "",
    "shop/rates.py": "RATE = 2.5\n",
    "shop/hooks.py": "import shop.turns\n",
    "shop/turns.py": """
        '''Turns.'''

        def turns():
            from .rates import RATE
            while True:
                yield RATE
    """,
    "test_turns.py": """
        import pathlib
        import dyntransform
        from shop.turns import turns

        def test_turns():
            turn = turns()
            assert next(turn) == 2.5
            path = pathlib.Path("shop/rates.py")
            path.write_text(path.read_text().replace("2.5", "7.5"))
            assert dyntransform.reload().error is None
            assert next(turn) == EXPECTED
    """,
}


@pytest.mark.parametrize(("is_built", "expected"), [(True, "7.5"), (False, "2.5")], ids=["built", "sources"])
def test_names_of_modules_that_pytest_imports_first(
    tmp_path: Path,
    is_built: bool,  # noqa: FBT001 - a parameter of the test
    expected: str,
) -> None:
    """Modules that pytest imports before its plugins read their names late if they are those of a built tree."""
    source = write(tmp_path / "src", {**TURNS, "test_turns.py": TURNS["test_turns.py"].replace("EXPECTED", expected)})
    folder = tmp_path / "out" if is_built else source
    if is_built:
        build(source, out=folder)
    path = os.pathsep.join([str(folder), str(Path(dyntransform.__file__).parents[1])])
    assert "1 passed" in python(folder, *PYTEST, "-p", "shop.hooks", "--dyn", environment={"PYTHONPATH": path})

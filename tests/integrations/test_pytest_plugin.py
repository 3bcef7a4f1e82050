"""``pytest --dyn``: what it changes, and what it must not change."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

SUITE = Path(__file__).parents[2] / "fixtures" / "suite"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with tests of every kind, some of which fail."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    shutil.copytree(SUITE, pytester.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return pytester


def run(pytester: pytest.Pytester, *arguments: str, before: Sequence[str] = ()) -> str:
    """Run pytest in a process of its own, and return what it prints, without what differs between any two runs.

    Nor with the frame of Python's importer that asks for the code of a module that is no Python: there are two.
    """
    blocked = ["cacheprovider", "hypothesispytest", "anyio", *([] if "asyncio_mode=auto" in arguments else ["asyncio"])]
    options = [word for name in blocked for word in ("-p", f"no:{name}")]
    result = pytester.run(sys.executable, *before, "-m", "pytest", *options, "-W", "error", *arguments)
    text = "\n".join([*result.outlines, *result.errlines])
    return re.sub(r"in \d+\.\d+s|0x[0-9a-f]+|=====+|<frozen importlib.*>:\d+: in get_code\n    \?\?\?\n", "", text)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--import-mode=prepend"],
        ["--import-mode=append", "-rA"],
        ["--import-mode=importlib", "--tb=native"],
        ["--assert=plain"],
    ],
    ids=["prepend", "append", "importlib", "plain assertions"],
)
def test_prints_what_plain_pytest_prints(suite: pytest.Pytester, arguments: list[str]) -> None:
    """Collection, outcomes, assertion messages and tracebacks are equal."""
    arguments += ["--continue-on-collection-errors"]
    plain = run(suite, *arguments)
    assert re.search(r"\d+ failed, \d+ passed, 1 skipped, 1 xfailed, \d errors", plain), plain
    assert run(suite, *arguments, "--dyn") == plain


def test_compiled_files_are_its_own(suite: pytest.Pytester) -> None:
    """With compiled files everything is as it was without them, and pytest's own files are left alone."""
    plain = run(suite, "tests")
    before = {path: path.read_bytes() for path in suite.path.rglob("*-pytest-*.pyc")}
    assert before
    assert run(suite, "tests", "--dyn") == plain
    assert run(suite, "tests", "--dyn") == plain
    assert run(suite, "tests") == plain
    assert {path: path.read_bytes() for path in suite.path.rglob("*-pytest-*.pyc")} == before


def test_does_nothing_unless_asked(suite: pytest.Pytester) -> None:
    """Without the option only the plugin module is loaded, and what checks the version of Python."""
    suite.makeconftest(
        "import sys\n"
        "loaded = sorted(name for name in sys.modules if name.split('.')[0] in {'dyntransform', 'libcst', 'rich'})\n"
        "ours = ['', '.cpython', '.cpython.versions', '.integrations', '.integrations.pytest_plugin']\n"
        "ours = ['dyntransform' + name for name in ours]\n"
        "assert loaded == ours, loaded\n"
    )
    assert "1 passed" in run(suite, "tests/test_basket.py::TestUnit::test_passes")


PROBE = """
    import sys
    import dyntransform.hook
    from dyntransform.importing.loader import project

    def names():
        return {name for name, each in project().loaded.snapshot().items() if each.compiled.lookups}
"""


def test_modules_conftest_files_and_tests_are_project_modules(suite: pytest.Pytester) -> None:
    """All of them are rewritten, and known to the engine; the default root is rootdir."""
    suite.makepyfile(
        test_probe=PROBE
        + """
    def test_probe(request):
        from shop.prices import total
        assert total([2]) == 3
        assert {"shop.prices", "conftest", "test_probe"} <= names()
        roots = dyntransform.hook.current().roots
        assert roots.paths == (str(request.config.rootpath),)
    """
    )
    assert "2 passed" in run(suite, "--dyn", "tests/test_basket.py::TestUnit::test_passes", "test_probe.py::test_probe")


def test_workers_of_xdist(suite: pytest.Pytester) -> None:
    """Workers rewrite as well, with the roots of the first process."""
    suite.makepyfile(
        test_probe=PROBE
        + """
    def test_worker(worker_id):
        from shop.prices import total
        assert total([2]) == 3
        assert worker_id.startswith("gw")
        assert "test_probe" in names()
        assert [root.rsplit("/", 1)[-1] for root in dyntransform.hook.current().roots.paths] == ["src", "here"]
    """
    )
    (suite.path / "test_probe.py").rename(suite.mkdir("here") / "test_probe.py")
    text = run(
        suite, "--dyn", "--dyn-root=src", "--dyn-root=here", "-n2", "--dist=loadfile", "here", "tests/test_basket.py"
    )
    plain = run(suite, "tests/test_basket.py")
    counts = re.search(r"(\d+) failed, (\d+) passed", plain)
    assert counts is not None
    assert f"{counts[1]} failed, {int(counts[2]) + 1} passed" in text, text


@pytest.mark.parametrize("way", ["settings", "command line", "conftest"])
def test_patterns_reach_workers(pytester: pytest.Pytester, way: str) -> None:
    """What is excluded in the first process is excluded in workers, however it was told."""
    settings = '[tool.dyntransform]\nexclude = ["gen*"]\nlate_bind = "all"\n' if way == "settings" else ""
    pytester.makepyprojecttoml(settings)
    if way == "conftest":
        pytester.makeconftest("import dyntransform\ndyntransform.install(exclude=['gen*'], late_bind='all')\n")
    pytester.makepyfile(
        generated="def f():\n    from late import x\n    return x\n",
        late="x = 1\ndef f():\n    from json import loads\n    return loads\n",
        test_probe="""
        def test_worker(worker_id):
            import generated, late
            assert worker_id.startswith("gw")
            assert "__dyn_replaced__" not in generated.f.__code__.co_names
            assert LATE == ("__dyn_replaced__" in late.f.__code__.co_names)
        """.replace("LATE", str(way != "command line")),
    )
    before = ["-m", "dyntransform", "--exclude", "gen*"] if way == "command line" else []
    dyn = ["--dyn"] if way == "settings" else []
    assert "1 passed" in run(pytester, *dyn, "-n1", "test_probe.py", before=before)


def test_asyncio_and_coverage(suite: pytest.Pytester) -> None:
    """Coroutine tests run as ever, and lines and branches are counted as ever."""
    suite.makepyfile(
        test_async="""
        import pytest

        @pytest.fixture
        async def five():
            from shop.prices import total
            yield total([2]) + 2

        @pytest.mark.asyncio
        async def test_five(five):
            from shop.prices import total as add
            assert five == add([2]) + 2
            assert five == add([1])
        """
    )
    arguments = [
        "-o",
        "asyncio_mode=auto",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
        "--cov=src",
        "--cov=.",
        "--cov-branch",
        "--cov-report=term-missing",
        "test_async.py",
        "tests/test_basket.py",
    ]
    plain = run(suite, *arguments)
    assert "assert 5.0 == 1.5" in plain
    assert re.search(r"prices\.py\s+\d+\s+\d+", plain)
    assert run(suite, *arguments, "--dyn") == plain


def test_pytest_under_the_command_line(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules that pytest imports before plugins load are rewritten too, and pytest has nothing to warn of."""
    monkeypatch.setenv("PYTHONPATH", str(suite.path / "src"), prepend=os.pathsep)
    suite.makepyfile(
        test_probe=PROBE
        + """
    def test_probe():
        from shop.prices import total
        assert total([2]) == 3
        assert {"shop.hooks", "shop.prices", "test_probe"} <= names()
    """
    )
    text = run(suite, "-p", "shop.hooks", "test_probe.py", before=["-m", "dyntransform", "--root", "."])
    assert "rate: 1.5" in text
    assert "1 passed" in text


def test_hook_installed_by_conftest(suite: pytest.Pytester) -> None:
    """A conftest file can install the hook: the modules and tests that are imported after it are rewritten."""
    suite.makeconftest("import dyntransform\ndyntransform.install()\n")
    suite.makepyfile(
        test_probe=PROBE
        + """
    def test_probe():
        from shop.prices import total
        assert {"shop.prices", "test_probe"} <= names()
        assert total([1]) == 2
    """
    )
    assert "assert 1.5 == 2" in run(suite, "test_probe.py")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dyn", "--dyn-root", "nowhere"], "nowhere: no such folder"),
        (["--dyn", "-c", "other/pyproject.toml"], "late_bind: 'never' must be one of 'project', 'all'"),
    ],
)
def test_wrong_options(pytester: pytest.Pytester, arguments: list[str], message: str) -> None:
    """What cannot be used is said in one line, as pytest says it."""
    (pytester.mkdir("other") / "pyproject.toml").write_text('[tool.dyntransform]\nlate_bind = "never"\n')
    text = run(pytester, *arguments)
    assert text.startswith("ERROR: ")
    assert message in text
    assert "Traceback" not in text


RELOAD = """
    import pathlib
    import dyntransform
    import conftest
    import helper
    from helper import LIMIT

    def replace(module, old, new):
        path = pathlib.Path(module)
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
        report = dyntransform.reload()
        if report.error is not None:
            raise report.error

    def test_module():
        from helper import size
        replace("helper.py", "return 1", "return 2")
        assert size() == 2
        replace("helper.py", "LIMIT = 10", "LIMIT = 20")
        assert LIMIT == 20

    def test_conftest(request):
        replace("conftest.py", "return 'old'", "return 'new'")
        assert request.getfixturevalue("word") == "new"

    def checked():
        from helper import size
        assert size() > 0

    def test_tests():
        replace(__file__, "assert size() > " + "0", "assert [size()] == ['two']\\n    assert size() > 5")
        checked()
"""


def test_live_edits_of_conftest_files_of_one_name(pytester: pytest.Pytester) -> None:
    """Where folders are no packages, all conftest files have one name; each can be edited."""
    pytester.makepyfile(
        test_names="""
        import pathlib
        import dyntransform

        def test_names(upper, lower):
            assert (upper(), lower()) == ("upper", "lower")
            for path in map(pathlib.Path, ["conftest.py", "below/conftest.py"]):
                path.write_text(path.read_text().replace("er'", "er!'"))
                report = dyntransform.reload()
                assert report.error is None
                assert {change.place.path for change in report.changes} == {str(path.absolute())}
            assert (upper(), lower()) == ("upper!", "lower!")
        """
    )
    text = "import pytest\n@pytest.fixture\ndef {0}():\n    def inner():\n        return '{0}'\n    return inner\n"
    below = pytester.mkdir("below")
    (pytester.path / "conftest.py").write_text(text.format("upper"))
    (below / "conftest.py").write_text(text.format("lower"))
    (pytester.path / "test_names.py").rename(below / "test_names.py")
    assert "1 passed" in run(pytester, "--dyn")


def test_live_edits(pytester: pytest.Pytester) -> None:
    """Modules, fixtures and tests can be edited while tests run; edited assertions are explained as others are."""
    pytester.makepyfile(helper="LIMIT = 10\ndef size():\n    return 1\n", test_reload=RELOAD)
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef word():\n    return 'old'\n")
    text = run(pytester, "--dyn")
    assert "assert [2] == ['two']" in text
    assert "At index 0 diff: 2 != 'two'" in text
    assert "1 failed, 2 passed" in text

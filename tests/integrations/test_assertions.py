"""pytest's assertion rewriting as a stage before the lowering, at import and at an edit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import dyntransform
from dyntransform.importing.compiling import compile_file
from dyntransform.importing.loader import project
from dyntransform.integrations.assertions import Assertions

HELPER = "def size():\n    return 1\n"
TESTS = """\
def test_size():
    from helper_of_assertions import size
    assert size() == 1

class TestGroup:
    def test_size(self):
        assert [1] == [1]
"""


class TestModule:
    """A test module as pytest would load it."""

    __test__ = False

    def __init__(self, path: Path, config: pytest.Config) -> None:
        self._path = path
        self._config = config
        self.module = ModuleType(path.stem)

    def load(self, text: str) -> ModuleType:
        """Write and execute it."""
        owner = project()
        assert owner is not None
        self._path.write_text(text)
        self.module.__file__ = str(self._path)
        sys.modules[self._path.stem] = self.module
        data = self._path.read_bytes()
        compiled = compile_file(str(self._path), data, owner.is_late_bound, Assertions(self._config))
        owner.loaded.add(self.module, str(self._path), compiled)
        exec(compiled.code, vars(self.module))
        return self.module

    def edit(self, text: str) -> dyntransform.Report:
        """Write it, and reload."""
        self._path.write_text(text)
        return dyntransform.reload()


@pytest.fixture
def tests(tmp_path: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestModule]:
    """A test module that is not loaded yet, beside a helper."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "helper_of_assertions.py").write_text(HELPER)
    with dyntransform.install(roots=[tmp_path]):
        yield TestModule(tmp_path / "test_of_assertions.py", pytestconfig)
    for name in ("helper_of_assertions", "test_of_assertions"):
        sys.modules.pop(name, None)


def message(function: object) -> str:
    """Return what a failing test says."""
    assert callable(function)
    with pytest.raises(AssertionError) as caught:
        function()
    return str(caught.value)


def test_an_edited_test_explains_itself(tests: TestModule) -> None:
    """New code of functions and methods of a test module goes through pytest's rewriting as well."""
    module = tests.load(TESTS)
    module.test_size()
    report = tests.edit(TESTS.replace("size() == 1", "size() == 2").replace("[1] == [1]", "[1] == ['one']"))
    assert report.error is None
    assert message(module.test_size).startswith("assert 1 == 2\n +  where 1 = <function size at")
    assert message(module.TestGroup().test_size).startswith("assert [1] == ['one']")


def test_a_check_at_module_level_explains_itself(tests: TestModule) -> None:
    """So does an assertion that an edit executes, among other statements."""
    tests.load(TESTS)
    report = tests.edit(TESTS + "\nassert len('abc') == 3\nassert len('abc') == 4, 'too short'\n")
    assert str(report.error) == "too short\nassert 3 == 4\n +  where 3 = len('abc')"
    assert report.place is not None
    assert report.place.line == 10


def test_the_first_test_of_an_empty_file(tests: TestModule) -> None:
    """A module that had no statements has what rewritten assertions need after an edit."""
    module = tests.load("")
    assert tests.edit(TESTS).error is None
    assert tests.edit(TESTS.replace("size() == 1", "size() == 2")).error is None
    assert message(module.test_size).startswith("assert 1 == 2")


def test_a_module_that_refuses(tests: TestModule) -> None:
    """The word that pytest documents for the docstring holds for edits too."""
    text = '"""PYTEST_DONT_REWRITE"""\n' + TESTS
    module = tests.load(text)
    assert tests.edit(text.replace("size() == 1", "size() == 2")).error is None
    assert message(module.test_size) == ""


def test_a_module_that_opted_out(tests: TestModule) -> None:
    """Pytest rewrites the assertions of a test module that opted out; nothing else is done, and edits are refused."""
    text = "# dyntransform: off\n" + TESTS
    module = tests.load(text.replace("size() == 1", "size() == 2"))
    assert "__dyn_replaced__" not in module.test_size.__code__.co_names
    assert message(module.test_size).startswith("assert 1 == 2")
    assert [change.action for change in tests.edit(text).changes] == [dyntransform.Action.REFUSED]
    assert message(module.test_size).startswith("assert 1 == 2")

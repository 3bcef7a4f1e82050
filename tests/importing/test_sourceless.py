"""Modules that are there as ``.pyc`` files alone."""

from __future__ import annotations

import importlib
import importlib.util
import marshal
import os
import py_compile
import shutil
import sys
from pathlib import Path

import pytest
from hooked import importing, run, write

import dyntransform
from dyntransform.importing.loader import DynLoader, DynSourcelessLoader
from dyntransform.runtime.lookup import replacements

FILES = {
    "lib.py": "value = 1\ndef func(): return value\n",
    "user.py": """
        from lib import value as kept
        def late():
            from lib import value, func
            return value, [func() for _ in "a"]
        def fail():
            from lib import value
            return value.missing
        def factory():
            from lib import func
            return lambda: func()
        """,
    "pkg/__init__.py": "from .inner import name\ndef late():\n from .inner import name as n\n return n\n",
    "pkg/inner.py": "name = 'inner'\n",
}


def strip(root: Path) -> None:
    """Compile all sources below a folder, each to a file beside it, and remove them."""
    for source in sorted(root.rglob("*.py")):
        compile_beside(source)
        source.unlink()
    for folder in sorted(root.rglob("__pycache__")):
        shutil.rmtree(folder)


def compile_beside(source: Path) -> Path:
    """Compile a source to the file beside it that is imported where there is no source."""
    compiled = source.with_suffix(".pyc")
    py_compile.compile(str(source), str(compiled), doraise=True)
    return compiled


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a project without sources."""
    write(tmp_path, FILES)
    strip(tmp_path)
    return tmp_path


def test_modules_and_packages_are_loaded_and_recorded(project: Path) -> None:
    """Both have our loader, and records with their links, lookups and the bytes of the file."""
    with importing(project):
        user, pkg = importlib.import_module("user"), importlib.import_module("pkg")
        hook = dyntransform.hook.current()
        assert hook is not None
        record, package = hook._project.loaded.get("user"), hook._project.loaded.get("pkg")
        assert user.late() == (1, [1])
        assert pkg.late() == "inner"
    for module in (user, pkg):
        assert type(module.__loader__) is DynSourcelessLoader
        assert module.__file__ is not None
        assert module.__file__.endswith(".pyc")
    assert record is not None
    assert record.path == str(project / "user.pyc")
    assert record.compiled.data == (project / "user.pyc").read_bytes()
    assert record.compiled.links == (("", "lib", (("value", "kept"),)),)
    assert set(record.compiled.lookups) == {("lib", "value"), ("lib", "func")}
    assert package is not None
    assert package.compiled.links == (("", ".inner", (("name", "name"),)),)


def test_names_are_read_late(project: Path) -> None:
    """A closure that was made before an edit calls what has replaced the function it imported."""
    with importing(project):
        user, lib = importlib.import_module("user"), importlib.import_module("lib")
        held = user.factory()
        saved = replacements.snapshot()
        replacements.add("lib", "func", lib.func)
        replacements.switch()
        lib.func = lambda: "new"
        try:
            assert held() == "new"
        finally:
            replacements.restore(saved)
        assert held() == 1


def test_source_wins_as_in_python(project: Path) -> None:
    """Where a source appears beside the compiled file, the next import takes it; where it goes, the compiled file."""
    with importing(project):
        assert type(importlib.import_module("lib").__loader__) is DynSourcelessLoader
        (project / "lib.py").write_text("value = 'source'\n")
        importlib.invalidate_caches()
        del sys.modules["lib"]
        lib = importlib.import_module("lib")
        assert (type(lib.__loader__), lib.value) == (DynLoader, "source")
        (project / "lib.py").unlink()
        importlib.invalidate_caches()
        del sys.modules["lib"]
        lib = importlib.import_module("lib")
        assert (type(lib.__loader__), lib.value) == (DynSourcelessLoader, 1)


def test_files_that_are_no_project_code_stay_python_s_own(project: Path) -> None:
    """The loader of a compiled file outside of the roots is not ours."""
    shutil.move(project / "lib.pyc", project / ".venv.pyc")
    (project / "site-packages").mkdir()
    shutil.move(project / ".venv.pyc", project / "site-packages" / "lib.pyc")
    with importing(project):
        sys.path.insert(0, str(project / "site-packages"))
        try:
            lib = importlib.import_module("lib")
        finally:
            sys.path.remove(str(project / "site-packages"))
    assert type(lib.__loader__) is importlib.machinery.SourcelessFileLoader


def test_a_warm_start_imports_no_bytecode(project: Path) -> None:
    """The rewritten code is cached as that of sources is, and the package is not needed again."""
    code = "import sys, user, pkg; print(user.late(), pkg.late(), 'bytecode' in sys.modules, 'ast' in sys.modules)"
    assert run(project, code) == "(1, [1]) inner True True\n"
    assert run(project, code) == "(1, [1]) inner False False\n"
    names = [path.name for path in (project / "__pycache__").iterdir()]
    assert sorted(name.split(".")[0] for name in names) == ["lib", "user"]
    assert all(name.endswith("pyc.pyc") for name in names)


def test_the_cache_tells_source_and_compiled_file_apart(project: Path) -> None:
    """A source beside the compiled file has an entry of its own, and both stay valid."""
    write(project, {"user.py": "def late():\n from lib import value\n return 'source', value\n"})
    code = "import sys, user; print(user.late(), 'ast' in sys.modules)"
    assert run(project, code) == "('source', 1) True\n"
    (project / "user.py").rename(project / "user.txt")
    assert run(project, code).startswith("(1, [1])")
    assert run(project, code) == "(1, [1]) False\n"
    (project / "user.txt").rename(project / "user.py")
    assert run(project, code) == "('source', 1) False\n"


def test_a_new_file_is_not_taken_from_the_cache(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The entry belongs to the content."""
    assert run(project, "import user; print(user.late())") == "(1, [1])\n"
    other = tmp_path_factory.mktemp("other")
    write(other, {"user.py": "def late():\n from lib import value\n return 'new', value\n"})
    strip(other)
    os.replace(other / "user.pyc", project / "user.pyc")
    assert run(project, "import user; print(user.late())") == "('new', 1)\n"


def test_tracebacks_and_names_are_those_of_plain_python(project: Path) -> None:
    """What a program sees of an error, of code and of modules is what it sees without the hook."""
    code = """
    import inspect, pickle, traceback, user
    try:
        user.fail()
    except AttributeError:
        traceback.print_exc()
    print(user.__file__, getattr(user, "__cached__", None), user.__spec__.origin, user.__spec__.cached)
    print(user.late.__code__.co_filename, user.late.__code__.co_firstlineno, user.late.__code__.co_varnames)
    print(user.__loader__.get_source("user"), user.__loader__.is_package("user"))
    print(pickle.loads(pickle.dumps(user.late)) is user.late, inspect.getmodule(user.late))
    """
    assert run(project, code) == run(project, code, hook=False)


def _magic_of(version: int) -> bytes:
    return (2900 + 50 * version).to_bytes(2, "little") + b"\r\n"


def _bad_files() -> dict[str, bytes]:
    good = importlib.util.MAGIC_NUMBER + bytes(12)
    code = marshal.dumps(compile("a = [1, 2, 3]", "user.py", "exec"))
    return {
        "empty": b"",
        "short": good[:3],
        "header alone": good[:10],
        "no code": good,
        "truncated": good + code[: len(code) // 2],
        "garbage": good + b"\xff" * 50,
        "text": b"print('a source of that name')\n",
        "not code": good + marshal.dumps([1, 2]),
        "flags": importlib.util.MAGIC_NUMBER + b"\xff" * 12 + code,
        "other version": _magic_of(4) + bytes(12) + code,
        "next version": _magic_of(sys.version_info[1] + 1) + bytes(12) + code,
    }


@pytest.mark.parametrize("kind", list(_bad_files()))
def test_bad_files_fail_as_in_python(project: Path, kind: str) -> None:
    """The error, its text and its traceback are those of Python's own import; the next good file is imported."""
    (project / "user.pyc").write_bytes(_bad_files()[kind])
    code = """
    import sys, traceback
    for _ in range(2):
        try:
            import user
        except Exception as problem:
            traceback.print_exc()
            print(type(problem), problem.args, vars(problem), getattr(problem, "path", None), "user" in sys.modules)
    """
    plain = run(project, code, hook=False)
    assert "Error" in plain
    assert run(project, code) == plain
    write(project, {"user.py": "def late(): return 'good'\n"})
    compile_beside(project / "user.py")
    (project / "user.py").unlink()
    assert run(project, "import user; print(user.late())") == "good\n"


def test_a_folder_of_that_name_is_no_module(project: Path) -> None:
    """Python does not import it, and neither do we."""
    (project / "user.pyc").unlink()
    (project / "user.pyc").mkdir()
    code = "import user"
    plain = run(project, code, hook=False, check=False)
    assert "ModuleNotFoundError: No module named 'user'" in plain
    assert run(project, code, check=False) == plain


def test_modules_loaded_before_are_taken_in(project: Path) -> None:
    """A compiled module that was imported before the hook is known with its links and the code its functions have."""
    with importing(project, hook=False):
        user = importlib.import_module("user")
        with dyntransform.install([project]) as hook:
            hook._project.adopt_found()
            record = hook._project.loaded.get("user")
    assert record is not None
    assert record.compiled.links == (("", "lib", (("value", "kept"),)),)
    assert record.compiled.data == (project / "user.pyc").read_bytes()
    assert any(constant is user.late.__code__ for constant in record.compiled.code.co_consts)


def test_a_damaged_file_is_not_taken_in(project: Path) -> None:
    """A file that is not what was loaded is no reason to fail."""
    with importing(project, hook=False):
        importlib.import_module("user")
        (project / "user.pyc").write_bytes(b"damaged")
        with dyntransform.install([project]) as hook:
            hook._project.adopt_found()
            assert hook._project.loaded.get("user") is None

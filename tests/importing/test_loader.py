"""Modules that come through the hook, beside the same modules imported by plain Python."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.resources
import importlib.util
import pickle
import pkgutil
import runpy
import sys
import textwrap
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hooked import importing, run, write

import dyntransform
from dyntransform.importing.finder import DynFinder
from dyntransform.importing.loader import DynLoader, project
from dyntransform.transform.lowering import REPLACED

LATE = "def f():\n    from other import a\n    return a\n"
OTHER = "a = 1\n"


def is_rewritten(function: object) -> bool:
    """Whether a function looks its imported names up."""
    return REPLACED in function.__code__.co_names  # type: ignore[attr-defined]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project: a module, a package with data, a namespace package, and a script."""
    write(
        tmp_path,
        {
            "mod.py": LATE,
            "other.py": OTHER,
            "pkg/__init__.py": "from .inner import f\n",
            "pkg/inner.py": "def f():\n    from .value import a\n    return a\n",
            "pkg/value.py": OTHER,
            "pkg/data.txt": "data",
            "pkg/__main__.py": LATE + "print(f(), __name__, __package__, __spec__.name)\n",
            "space/part.py": LATE,
        },
    )
    return tmp_path


def test_modules_and_packages(root: Path) -> None:
    """Modules, packages and the parts of namespace packages are rewritten."""
    with importing(root):
        for name in ("mod", "pkg.inner", "space.part"):
            module = importlib.import_module(name)
            assert type(module.__loader__) is DynLoader
            assert is_rewritten(module.f)
            assert module.f() == 1
            assert project().loaded.get(name).path == module.__file__  # type: ignore[union-attr]
        assert type(sys.modules["space"].__loader__).__name__ in ("NamespaceLoader", "_NamespaceLoader")


def _attributes(name: str) -> dict[str, object]:
    module = importlib.import_module(name)
    spec = module.__spec__
    return {
        **{key: value for key, value in vars(module).items() if type(value) in (str, int, list)},
        "names": [name for name in vars(module) if name not in ("__loader__", "__spec__")],
        "spec": [getattr(spec, field) for field in ("name", "origin", "cached", "parent", "has_location")],
        "search": list(spec.submodule_search_locations or ()),
    }


@pytest.mark.parametrize("name", ["mod", "pkg", "pkg.inner", "space.part", "space"])
def test_module_attributes(root: Path, name: str) -> None:
    """All attributes of a module and its spec are plain Python's, but for the loader."""
    with importing(root, hook=False):
        plain = _attributes(name)
    with importing(root):
        assert _attributes(name) == plain


def test_outside_the_project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A module elsewhere on the path stays with Python's own loader."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(elsewhere, {"foreign.py": LATE})
    with importing(elsewhere, hook=False), importing(root):
        import foreign  # type: ignore[import-not-found]

        assert type(foreign.__loader__) is importlib.machinery.SourceFileLoader
        assert not is_rewritten(foreign.f)


def test_opted_out(root: Path) -> None:
    """A module that opted out is as plain Python loads it: its code, its loader, its compiled file."""
    write(root, {"alone.py": f"# dyntransform: off\n{LATE}", "wrong.py": "# dyntransform: off\ndef\n"})
    code = """
        import importlib.machinery, os, traceback
        import alone
        print(alone.f(), alone.f.__code__.co_names, type(alone.__loader__), alone.__loader__ is alone.__spec__.loader)
        print(alone.__loader__ == importlib.machinery.SourceFileLoader("alone", alone.__file__), alone.__spec__.origin)
        print(os.path.exists(alone.__spec__.cached), [name for name in os.listdir("__pycache__") if "alone" in name])
        importlib.reload(alone)
        try: import wrong
        except SyntaxError: traceback.print_exc()
    """
    plain = run(root, code, hook=False)
    assert "1 ('other', 'a')" in plain
    assert run(root, code) == plain


def test_archives(root: Path) -> None:
    """A module in a zip archive stays with its loader."""
    with zipfile.ZipFile(root / "archive.zip", "w") as archive:
        archive.writestr("zipped.py", LATE)
    with importing(root), importing(root / "archive.zip", hook=False):
        import zipped  # type: ignore[import-not-found]

        assert type(zipped.__loader__).__name__ == "zipimporter"
        assert zipped.f() == 1


def test_extension_modules(root: Path) -> None:
    """An extension module below a root stays with its loader."""
    (root / f"native{importlib.machinery.EXTENSION_SUFFIXES[0]}").write_bytes(b"")
    with importing(root):
        spec = importlib.util.find_spec("native")
        assert spec is not None
        assert type(spec.loader) is importlib.machinery.ExtensionFileLoader


def test_other_loaders(root: Path) -> None:
    """A file that another path hook loads stays with its loader."""

    class Other(importlib.machinery.SourceFileLoader):
        pass

    hook = importlib.machinery.FileFinder.path_hook((Other, [".py"]))
    sys.path_hooks.insert(0, hook)
    try:
        with importing(root):
            spec = importlib.util.find_spec("mod")
            assert spec is not None
            assert type(spec.loader) is Other
    finally:
        sys.path_hooks.remove(hook)
        sys.path_importer_cache.clear()


def test_excluded_files(root: Path) -> None:
    """Excluded files are loaded as plain Python does."""
    with dyntransform.install([root], exclude=["pkg/*"]), importing(root, hook=False):
        assert is_rewritten(importlib.import_module("mod").f)
        assert not is_rewritten(importlib.import_module("pkg.inner").f)


def test_without_the_hook(root: Path) -> None:
    """A loader that outlives its hook loads plain code."""
    with importing(root):
        spec = importlib.util.find_spec("mod")
        assert spec is not None
        assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert not is_rewritten(module.f)


def test_reload(root: Path) -> None:
    """`importlib.reload` runs the rewritten code again in the same module."""
    with importing(root):
        module = importlib.import_module("mod")
        (root / "mod.py").write_text(LATE.replace("return a", "return a + 1"))
        assert importlib.reload(module) is module
        assert module.f() == 2
        assert is_rewritten(module.f)


def test_resources(root: Path) -> None:
    """Data of a package is found in each of the usual ways."""
    with importing(root):
        assert importlib.resources.files("pkg").joinpath("data.txt").read_text() == "data"
        assert pkgutil.get_data("pkg", "data.txt") == b"data"
        assert importlib.import_module("pkg").__loader__.get_resource_reader("pkg") is not None
        assert {info.name for info in pkgutil.iter_modules([str(root / "pkg")])} == {"inner", "value", "__main__"}


def test_pickle(root: Path) -> None:
    """Specs and functions can be pickled."""
    with importing(root):
        module = importlib.import_module("mod")
        spec = pickle.loads(pickle.dumps(module.__spec__))
        assert spec == module.__spec__
        assert spec.loader == module.__loader__
        assert pickle.loads(pickle.dumps(module.f)) is module.f


def test_get_source_and_code(root: Path) -> None:
    """The loader's other methods are Python's own."""
    with importing(root):
        loader = importlib.import_module("mod").__loader__
        assert loader.get_source("mod") == LATE
        assert loader.get_filename("mod") == str(root / "mod.py")
        assert not loader.is_package("mod")
        with pytest.raises(ImportError):
            loader.get_code("other")


def test_run_module(root: Path) -> None:
    """`runpy` and ``python -m`` run rewritten code."""
    with importing(root):
        result = runpy.run_module("mod", {}, "__main__", alter_sys=True)
        assert is_rewritten(result["f"])
    assert run(root, "import runpy; runpy.run_module('pkg', run_name='__main__', alter_sys=True)") == (
        "1 __main__ pkg pkg.__main__\n"
    )


def test_spec_from_file_location(root: Path) -> None:
    """A spec that a program makes itself keeps the loader that it names; there is none of ours in it."""
    with importing(root):
        spec = importlib.util.spec_from_file_location("mine", root / "mod.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.f() == 1
        assert not is_rewritten(module.f)


def test_lazy_loader(root: Path) -> None:
    """`importlib.util.LazyLoader` works on top of the loader."""
    with importing(root):
        spec = importlib.util.find_spec("mod")
        assert spec is not None
        assert spec.loader is not None
        spec.loader = importlib.util.LazyLoader(spec.loader)
        module = importlib.util.module_from_spec(spec)
        sys.modules["mod"] = module
        spec.loader.exec_module(module)
        assert is_rewritten(module.f)


BROKEN = {
    "syntax": "x = 1\ny = = 2\n",
    "symbols": "from other import a\ndef f(a):\n    global a\n",
    "compiler": "from other import a\nreturn a\n",
    "encoding": "# coding: nonsense\n",
    "null": "x = '\0'\n",
    "indent": "if 1:\n  x\n y\n",
    "raises": "from other import a\n\n1 / 0\n",
    "name": "from other import missing\n",
    "module": "from nowhere import missing\n",
    "exit": "raise SystemExit(3)\n",
}
IMPORTS: dict[str, Callable[[], object]] = {
    "statement": lambda: exec("import broken", {}),
    "function": lambda: importlib.import_module("broken"),
    "runpy": lambda: runpy.run_module("broken"),
}


def _failure(work: Callable[[], object]) -> str:
    try:
        work()
    except BaseException:  # noqa: BLE001 - the traceback is compared
        return traceback.format_exc()
    raise AssertionError("it did not fail")


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("way", ["statement", "function", "runpy"])
def test_failing_import(root: Path, kind: str, way: str) -> None:
    """A module that cannot be imported fails with plain Python's traceback, frames of importlib included."""
    (root / "broken.py").write_text(BROKEN[kind])
    with importing(root, hook=False):
        plain = _failure(IMPORTS[way])
    with importing(root):
        assert _failure(IMPORTS[way]) == plain
        assert "broken" not in sys.modules


def test_file_that_vanished(root: Path) -> None:
    """So does one whose file vanishes between finding and loading it."""

    def vanish() -> str:
        (root / "broken.py").write_text("x = 1\n")
        importlib.invalidate_caches()
        spec = importlib.util.find_spec("broken")
        assert spec is not None
        assert spec.loader is not None
        (root / "broken.py").unlink()
        return _failure(lambda: importlib._bootstrap._load(spec))  # type: ignore[attr-defined]

    with importing(root, hook=False):
        plain = vanish()
    with importing(root):
        assert vanish() == plain


def test_finder_stands_before_path_finder(root: Path) -> None:
    """Finders that stand before Python's own, such as pytest's, keep what is theirs."""
    with dyntransform.install([root]):
        position = next(index for index, finder in enumerate(sys.meta_path) if isinstance(finder, DynFinder))
        assert sys.meta_path[position + 1] is importlib.machinery.PathFinder
    assert not any(isinstance(finder, DynFinder) for finder in sys.meta_path)


def test_deep_expression_in_a_small_thread(root: Path) -> None:
    """A deeply nested expression, imported on a thread with little stack, runs as it is."""
    depth = 900
    write(
        root,
        {"deep.py": f"def f():\n    from other import a as b\n    return {'+'.join(['b'] * depth)}\n"},
    )
    code = """
        import threading
        def work():
            import deep
            print(deep.f())
        threading.stack_size(512 * 1024)
        thread = threading.Thread(target=work); thread.start(); thread.join()
    """
    assert run(root, code) == f"{depth}\n"


def test_imports_in_many_threads(root: Path) -> None:
    """Threads that import at once, cold, each get the module whole."""
    write(root, {f"part{index}.py": f"from other import a\nimport part{index + 1}\n" + LATE for index in range(8)})
    write(root, {"part8.py": LATE})
    code = """
        import importlib, threading
        results = []
        def work(index):
            results.append(importlib.import_module(f"part{index}").f())
        threads = [threading.Thread(target=work, args=[index % 9]) for index in range(18)]
        [thread.start() for thread in threads]; [thread.join() for thread in threads]
        print(results == [1] * 18)
    """
    assert run(root, code) == "True\n"


def test_subinterpreters(root: Path) -> None:
    """A subinterpreter imports as plain Python does; the hook is the main interpreter's."""
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    code = f"""
        import {name} as interpreters, mod
        inner = interpreters.create()
        program = "import sys; sys.path.insert(0, '.'); import mod; print(mod.f(), flush=True)"
        result = interpreters.run_string(inner, program)
        interpreters.destroy(inner)
        print(result, mod.f())
    """
    assert run(root, code) == "1\nNone 1\n"


def test_hook_in_a_subinterpreter(root: Path) -> None:
    """A subinterpreter is told that it cannot have a hook; it imports plain modules, and goes on."""
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    program = """
        import sys; sys.path.insert(0, '.')
        import dyntransform
        try: dyntransform.install()
        except dyntransform.UnsupportedPythonError as error: print(str(error).partition(',')[0])
        import mod
        print(mod.f(), '__dyn_replaced__' in mod.f.__code__.co_names, flush=True)
    """
    code = f"""
        import {name} as interpreters
        inner = interpreters.create()
        print(interpreters.run_string(inner, {textwrap.dedent(program)!r}))
        interpreters.destroy(inner)
    """
    assert run(root, code, hook=False) == "this is a subinterpreter\n1 False\nNone\n"

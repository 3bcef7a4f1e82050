"""Children of multiprocessing have the hook of their parent."""

from __future__ import annotations

from pathlib import Path

import pytest
from side_by_side import Outcome, ours, plain, write

METHODS = ["fork", "spawn", "forkserver"]
FILES = {
    "work.py": """
        def step(n):
            from helper import f
            return f(n)
    """,
    "helper.py": "def f(n):\n    return n * 2\n",
    "generated.py": "",
    "main.py": """
        import multiprocessing, os, sys

        def told(n):
            from dyntransform.importing.loader import project
            import generated, work
            result = work.step(n)
            if project() is None:
                return result, "no hook"
            loaded = project().loaded.snapshot()
            return result, sorted(loaded), loaded["work"].compiled.lookups

        def edited(n):
            import dyntransform, pathlib, work
            before = work.step(n), late()
            file = pathlib.Path(__file__).with_name("helper.py")
            file.write_text(file.read_text().replace("n * 2", "n * 3"))
            main = pathlib.Path(__file__)
            main.write_text(main.read_text().replace("return 'old'", "return 'new'"))
            report = dyntransform.reload()
            return before, report.error, work.step(n), late()

        def late():
            return 'old'

        if __name__ == "__main__":
            method, function, *rest = sys.argv[1:]
            if rest == ["install"]:
                import dyntransform
                dyntransform.install(["."], exclude=["generated.py"])
            if rest == ["preload"]:
                multiprocessing.set_forkserver_preload(["work"])
            with multiprocessing.get_context(method).Pool(1) as pool:
                print(*pool.map(globals()[function], [2]))
    """,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A program that asks a child what it knows."""
    write(tmp_path, FILES)
    return tmp_path


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("way", [["main.py"], ["-m", "main"]], ids=["script", "module"])
def test_children_of_a_program(project: Path, way: list[str], method: str) -> None:
    """Under the command line, the main module, which children run again, and what it imports are project modules."""
    main = "__main__" if method == "fork" else "__mp_main__"
    known = sorted([main, "generated", "helper", "work"])
    expected = Outcome(0, f"(4, {known}, (('helper', 'f'),))\n", "")
    assert ours(project, ["--no-watch", *way, method, "told"]) == expected


@pytest.mark.parametrize("method", METHODS)
def test_children_of_a_process_that_installed_the_hook(project: Path, method: str) -> None:
    """A program that installs the hook itself hands it on as well, with its patterns."""
    known = [] if method == "fork" else ["__mp_main__"]
    expected = f"(4, {[*known, 'helper', 'work']}, (('helper', 'f'),))\n"
    assert plain(project, ["main.py", method, "told", "install"]) == Outcome(0, expected, "")
    assert plain(project, ["main.py", method, "told"]) == Outcome(0, "(4, 'no hook')\n", "")


@pytest.mark.parametrize("method", METHODS)
def test_children_reload(project: Path, method: str) -> None:
    """A child can apply edits, of the main module too, while it lives."""
    got = ours(project, ["--no-watch", "main.py", method, "edited"])
    assert got == Outcome(0, "((4, 'old'), None, 6, 'new')\n", "")


def test_preloaded_by_the_fork_server(project: Path) -> None:
    """Modules that the fork server imports for its children are project modules in it."""
    got = ours(project, ["--no-watch", "main.py", "forkserver", "told", "preload"])
    assert got == Outcome(0, "(4, ['__mp_main__', 'generated', 'helper', 'work'], (('helper', 'f'),))\n", "")


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_package_that_only_the_parent_can_find(project: Path, method: str) -> None:
    """A child of a parent that found dyntransform through its own sys.path finds it as well."""
    import libcst

    import dyntransform

    folders = [str(Path(package.__file__).parents[1]) for package in (dyntransform, libcst)]
    text = (project / "main.py").read_text()
    (project / "main.py").write_text(f"import sys\nsys.path += {folders!r}\n{text}")
    got = plain(project, ["main.py", method, "told", "install"], flags=["-S"], environment={"PYTHONPATH": ""})
    assert got == Outcome(0, "(4, ['__mp_main__', 'helper', 'work'], (('helper', 'f'),))\n", "")


def test_multiprocessing_as_it_was(project: Path) -> None:
    """Once the hook is uninstalled, multiprocessing is what it was."""
    write(
        project,
        {
            "uninstall.py": """
                import multiprocessing.spawn as spawn, multiprocessing.forkserver as server
                def parts():
                    names = ("get_preparation_data", "_fixup_main_from_path", "_fixup_main_from_name")
                    return [*(getattr(spawn, name) for name in names), server.ForkServer.ensure_running]
                before = parts()
                import dyntransform
                with dyntransform.install():
                    print([one is not other for one, other in zip(before, parts())])
                print(parts() == before, "dyntransform" in spawn.get_preparation_data("x"))
            """
        },
    )
    assert plain(project, ["uninstall.py"]).output == "[True, True, True, True]\nTrue False\n"

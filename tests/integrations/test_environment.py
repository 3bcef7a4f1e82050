"""``dyntransform enable``: the hook for processes that find DYNTRANSFORM_ROOTS."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest
from side_by_side import write

import dyntransform
from dyntransform.cpython.features import START_FILES
from dyntransform.errors import ConfigError
from dyntransform.exported import DYNAMIC_CLASS, EXCLUDE, LATE_BIND, ROOTS
from dyntransform.integrations import environment

TIMEOUT_S = 60
PROBE = """
import os, sys
hook = sys.modules.get("dyntransform.hook")
roots = hook.current().roots if hook is not None and hook.current() is not None else None
print(roots and [os.path.basename(path) for path in roots.paths], roots and list(roots.exclude))
"""
CHILD = "import subprocess, sys; subprocess.run([sys.executable, 'probe.py'], cwd={!r}, check=True)"


class Environment:
    """A virtual environment, whose packages are those of the one that runs the tests."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        self.python = folder / "bin" / "python"
        self.folder = folder

    def run(self, cwd: Path, *words: str, variables: Mapping[str, str] | None = None) -> str:
        """Run Python, and return what it prints and says."""
        ours = {ROOTS, EXCLUDE, LATE_BIND, DYNAMIC_CLASS}
        inherited = {name: value for name, value in os.environ.items() if name not in ours}
        path = [str(Path(dyntransform.__file__).parents[1]), sysconfig.get_path("purelib")]
        done = subprocess.run(
            [self.python, *words],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env={**inherited, "PYTHONPATH": os.pathsep.join(path), **(variables or {})},
        )
        return done.stdout + done.stderr

    @property
    def files(self) -> list[str]:
        """Names of the files that Python executes when it starts."""
        found = [*self.folder.rglob("*.pth"), *self.folder.rglob("*.start")]
        return sorted(path.name for path in found)


FILES = ["dyntransform_enabled.pth", *(["dyntransform_enabled.start"] if START_FILES else [])]


@pytest.fixture(scope="module")
def enabled(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment in which ``enable`` was called."""
    made = Environment(tmp_path_factory.mktemp("enabled"))
    said = made.run(made.folder, "-m", "dyntransform", "enable")
    assert said.startswith(f"wrote {made.folder}"), said
    return made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with settings, and a program that tells which roots the hook has."""
    settings = '[tool.dyntransform]\nexclude = ["generated"]\n'
    write(tmp_path, {"pyproject.toml": settings, "src/m.py": "", "src/probe.py": PROBE, "probe.py": PROBE})
    return tmp_path


def test_variable(enabled: Environment, project: Path) -> None:
    """The hook is there from the start where the variable is set, with the settings of the project."""
    assert enabled.run(project, "probe.py") == "None None\n"
    assert enabled.run(project, "probe.py", variables={ROOTS: ""}) == "None None\n"
    variables = {ROOTS: os.pathsep.join(["src", "."])}
    assert enabled.run(project, "probe.py", variables=variables).startswith("['src', ")
    assert enabled.run(project, "probe.py", variables={ROOTS: "src"}) == "['src'] ['generated']\n"
    assert enabled.run(project, "-I", "probe.py", variables={ROOTS: "src"}).endswith("\n")


def test_subprocesses(enabled: Environment, project: Path) -> None:
    """A subprocess of the same interpreter has the hook of its parent, wherever it is started, with its patterns."""
    install = "import dyntransform; hook = dyntransform.install(['src'], exclude=['x*']); "
    child = CHILD.format(str(project / "src"))
    assert enabled.run(project, "-c", install + child) == "['src'] ['x*']\n"
    assert enabled.run(project, "-c", install + "hook.uninstall(); " + child) == "None None\n"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    assert enabled.run(project, "-c", nested, variables={ROOTS: "src"}) == "['src'] ['generated']\n"
    write(project, {"main.py": child})
    said = enabled.run(project, "-m", "dyntransform", "--no-watch", "--exclude", "y", "main.py")
    assert said == f"['{project.name}'] ['generated', 'y']\n"


def test_modules_are_rewritten(enabled: Environment, project: Path) -> None:
    """Modules that such a process imports are project modules, those of ``-m`` as well."""
    write(
        project,
        {
            "src/late.py": "def f():\n    from m import x\n    return x\n",
            "src/m.py": "x = 1\n",
            "src/main.py": "import late; print(late.f(), late.f.__code__.co_names)\n",
        },
    )
    variables = {ROOTS: "."}
    assert enabled.run(project / "src", "-m", "main", variables=variables) == "1 ('m', 'x', '__dyn_replaced__')\n"


def test_variables_are_put_back(enabled: Environment, project: Path) -> None:
    """Uninstalling leaves the environment variables as they were."""
    code = (
        "import os, dyntransform\n"
        "def ours(): return {name: value for name, value in os.environ.items() if name.startswith('DYNTRANSFORM')}\n"
        "before = ours()\n"
        "with dyntransform.install(['src']): print(sorted(ours()))\n"
        "print(ours() == before)\n"
    )
    names = ["DYNTRANSFORM_DYNAMIC_CLASS", "DYNTRANSFORM_EXCLUDE", "DYNTRANSFORM_LATE_BIND", "DYNTRANSFORM_ROOTS"]
    assert enabled.run(project, "-c", code) == f"{names}\nTrue\n"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({ROOTS: "nowhere"}, "nowhere: no such folder"),
        ({ROOTS: "src", DYNAMIC_CLASS: "no"}, "dynamic_class: 'no' must be true or false"),
        ({ROOTS: "src", LATE_BIND: "never"}, "late_bind: 'never' must be one of"),
    ],
)
def test_wrong_variables(enabled: Environment, project: Path, variables: dict[str, str], words: str) -> None:
    """What is wrong with the variables is said, and Python goes on without the hook."""
    said = enabled.run(project, "probe.py", variables=variables)
    assert said.startswith("None None\ndyntransform: the hook is not installed: ")
    assert said.count(words) == 1
    assert "Traceback" not in said


def test_imports_nothing_without_the_variable(enabled: Environment, project: Path) -> None:
    """Without the variable no module more is imported than with files in their place that say nothing.

    A start file can only name a function of a module; that module, and what it needs, is all that is imported for it.
    """
    code = "import sys; print(*sorted(sys.modules))"
    with_files = set(enabled.run(project, "-c", code).split())
    paths = [path for name in enabled.files for path in enabled.folder.rglob(name)]
    lines = [path.read_text() for path in paths]
    for path in paths:
        path.write_text("# nothing\n")
    try:
        more = with_files - set(enabled.run(project, "-c", code).split())
    finally:
        for path, line in zip(paths, lines, strict=True):
            path.write_text(line)
    ours = {name for name in more if name.startswith("dyntransform")}
    if START_FILES:
        assert len(ours) <= 8
        assert {"dyntransform.hook", "dyntransform.config"}.isdisjoint(ours)
    else:
        assert more == set()


def test_disable(tmp_path: Path) -> None:
    """Disabling removes the file, and says so if there is none."""
    made = Environment(tmp_path / "env")
    for _ in range(2):
        made.run(tmp_path, "-m", "dyntransform", "enable")
        assert made.files == FILES
    said = made.run(tmp_path, "-m", "dyntransform", "disable")
    assert said.startswith(f"removed {made.folder}")
    assert said.endswith(f"{FILES[-1]}\n")
    assert made.files == []
    assert made.run(tmp_path, "-m", "dyntransform", "disable") == "it was not enabled in this environment\n"


def test_refused_outside_of_an_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The Python of the system is left alone, unless it is an environment of conda."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    with pytest.raises(ConfigError, match=r"is no virtual environment: .* make one with python -m venv"):
        environment.enable()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "conda-meta").mkdir()
    assert all(Path(path).exists() for path in environment.enable())


def test_refused_where_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment that cannot be written to is told, with a way out."""
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path / "file"))
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere")
    for call in (environment.enable, environment.disable):
        with pytest.raises(ConfigError, match="Not a directory; make the folder writable"):
            call()

"""Run the test suites of other projects with plain pytest, with ``pytest --dyn`` and from a built tree, and compare.

They are compared test by test. ``--built`` adds the built tree, whose tests run without the rewriter being imported.

Their sources come from the package index. Needs uv and pip (the ``dev`` extra in an environment with pip).
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

from projects import MORE, PROJECTS, Project

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
TIMEOUT_S = 3600
PLAIN = ("plain cold", "plain")
DYN = ("dyn cold", "dyn", "dyn all")
"""Without compiled files; once more, with them; and with the names of every module late bound."""

BUILT = ("built cold", "built")
"""From a tree that ``dyntransform build`` wrote: before pytest has compiled the tests, and once more."""

COLUMNS = ("python", "tests", "modules", "names", "as is", "shaky", *PLAIN, *DYN, "different")
"""Counts are of modules and late-bound names in them, files left as they are, and tests that vary by themselves."""


COLUMNS_BUILT = ("python", "tests", "shaky", "build", *PLAIN, *DYN[:2], *BUILT, "modules", "different")
"""Modules are those of the built tree that the tests imported."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a test suite."""

    seconds: float
    phases: dict[str, list[str]]
    texts: dict[str, str]
    warnings: list[str]
    rewritten: dict[str, Any]


class DidNotFinishError(Exception):
    """pytest ended before it ran the tests."""


class Workplace:
    """A project's sources and an environment to run its tests in."""

    def __init__(self, project: Project, python: str, folder: Path) -> None:
        self.project = project
        self.version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
        self._python = python
        self._base = folder / self.version
        self._sources = self._base / project.folder
        self._environment = self._base / f"env-{project.name}"
        self._archives = folder / "archives"

    def prepare(self) -> None:
        """Download, unpack and install, unless that was done before."""
        done = self._environment / "ready"
        if done.exists():
            return
        with tarfile.open(self._archive()) as archive:
            archive.extractall(self._base, filter="data")
        uv = (sys.executable, "-m", "uv", "--quiet")
        _call(*uv, "venv", "--clear", "--python", self._python, str(self._environment))
        install = (*uv, "pip", "install", "--python", str(self._interpreter))
        words = [word for requirement in self.project.requirements for word in requirement.split(" ")]
        _call(*install, *words, cwd=self._sources)
        _call(*install, "--editable", ".", "--editable", str(REPOSITORY), cwd=self._sources)
        done.touch()

    def run(self, mode: str) -> Run:
        """Run the tests in a mode of `PLAIN`, `DYN` or `BUILT`."""
        self._configure("all" if mode.endswith("all") else "project")
        folder = self._built if mode in BUILT else self._sources
        prefix = self._base / f"cache-{self.project.name}"
        if mode.endswith("cold") and prefix.exists():
            _call(sys.executable, "-c", "import shutil, sys; shutil.rmtree(sys.argv[1])", str(prefix))
        found = self._base / f"{self.project.name}-{mode.replace(' ', '-')}.json"
        found.unlink(missing_ok=True)
        command = [str(self._interpreter), "-m"]
        if mode in DYN and self.project.early:
            command += ["dyntransform", "--no-watch", "--root", str(self._sources), "-m"]
        command += ["pytest", "-q", "-p", "no:cacheprovider", "-p", "outcomes", "--outcomes", str(found)]
        if mode in DYN and not self.project.early:
            command.append("--dyn")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        path = [str(HERE), str(REPOSITORY)]
        environment |= {"PYTHONPYCACHEPREFIX": str(prefix), "PYTHONHASHSEED": "0"}
        if mode in BUILT:  # in place of the project's installation, with the compiled files that were built
            path += [str(each) for each in (self._built / "src", self._built) if each.is_dir()]
            del environment["PYTHONPYCACHEPREFIX"]
        environment["PYTHONPATH"] = os.pathsep.join(path)
        start = time.perf_counter()
        log = self._base / f"{self.project.name}-{mode.replace(' ', '-')}.log"
        with log.open("w") as output:
            subprocess.run(
                [*command, *self.project.arguments],
                cwd=folder,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_S,
                check=False,
            )
        seconds = time.perf_counter() - start
        if not found.exists():
            raise DidNotFinishError(f"{self.project.name} {mode}: see {log}")
        text = found.read_text(encoding="utf-8").replace(str(self._built), str(self._sources))
        return Run(seconds, **json.loads(text))

    def build(self) -> float:
        """Build the project anew, and return how long it took, in seconds."""
        self._configure("project")
        if self._built.exists():
            shutil.rmtree(self._built)
        start = time.perf_counter()
        words = ("build", str(self._sources), "-o", str(self._built))
        _call(str(self._interpreter), "-m", "dyntransform", *words)
        return time.perf_counter() - start

    @property
    def _built(self) -> Path:
        return self._base / f"built-{self.project.name}"

    @property
    def _interpreter(self) -> Path:
        return self._environment / "bin" / "python"

    def _archive(self) -> Path:
        name = f"{self.project.folder}.tar.gz"
        if not (self._archives / name).exists():
            wanted = f"{self.project.name}=={self.project.version}"
            options = ("--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(self._archives))
            _call(sys.executable, "-m", "pip", "download", *options, wanted)
        return self._archives / name

    def _configure(self, late_bind: str) -> None:
        """Add our table to pyproject.toml; plain pytest gets it too, since the file decides on rootdir."""
        path = self._sources / "pyproject.toml"
        original = path.read_text(encoding="utf-8") if path.exists() else ""
        text, _, _ = original.partition("\n[tool.dyntransform]")
        path.write_text(f'{text}\n[tool.dyntransform]\nlate_bind = "{late_bind}"\n', encoding="utf-8")


def unstable(one: Run, two: Run) -> set[str]:
    """Return the tests that two runs of plain pytest do not agree about."""
    return {
        test
        for test in {**one.phases, **two.phases}
        if one.phases.get(test) != two.phases.get(test) or one.texts.get(test) != two.texts.get(test)
    }


def differences(plain: Run, other: Run, besides: set[str]) -> list[str]:
    """Say for which tests, `besides` some, the outcomes, the texts of failures or the warnings differ."""
    found = []
    for test in {**plain.phases, **other.phases}:
        before, after = plain.phases.get(test), other.phases.get(test)
        if test in besides:
            continue
        if before != after:
            found.append(f"{test}: {before} became {after}\n{other.texts.get(test, '')}")
        elif plain.texts.get(test) != other.texts.get(test):
            texts = (run.texts.get(test, "").splitlines(keepends=True) for run in (plain, other))
            found.append(f"{test}:\n{''.join(difflib.unified_diff(*texts, n=0))}")
    before, after = list(plain.warnings), list(other.warnings)
    for each in plain.warnings:
        if each in after:
            after.remove(each)
            before.remove(each)
    found += [f"warning gone: {each}" for each in before]
    found += [f"new warning: {each}" for each in after]
    return found


def compared(place: Workplace) -> tuple[list[object], list[str]]:
    """Run a project in all modes, and return the cells of its row and what differs."""
    place.prepare()
    runs = {mode: place.run(mode) for mode in (*PLAIN, *DYN)}
    shaky = unstable(*(runs[mode] for mode in PLAIN))
    told = []
    # Compiling warns; where compiled files are, it does not happen.
    for plain, mode in zip((PLAIN[0], PLAIN[1], PLAIN[0]), DYN, strict=True):
        told += [f"{mode}: {each}" for each in differences(runs[plain], runs[mode], shaky)]
    rewritten = runs[DYN[-1]].rewritten
    names = rewritten["lookups"] + rewritten["links"]
    counts = [len(runs["plain"].phases), rewritten["modules"], names, len(rewritten["left"]), len(shaky)]
    return [*counts, *(f"{run.seconds:.1f} s" for run in runs.values()), len(told)], told


def compared_built(place: Workplace) -> tuple[list[object], list[str]]:
    """Run a project plainly and from a built tree, and return the cells of its row and what differs."""
    place.prepare()
    runs = {mode: place.run(mode) for mode in PLAIN}
    shaky = unstable(*(runs[mode] for mode in PLAIN))
    build = place.build()
    told = []
    runs |= {mode: place.run(mode) for mode in DYN[:2]}
    for plain, mode in zip(PLAIN, BUILT, strict=True):
        runs[mode] = place.run(mode)
        # The lines that the texts of failures quote are those of the built tree.
        outcomes = (dataclasses.replace(runs[each], texts={}) for each in (plain, mode))
        told += [f"{mode}: {each}" for each in differences(*outcomes, shaky)]
        told += [f"{mode}: {each} was imported" for each in runs[mode].rewritten["rewriters"]]
    seconds = [f"{each:.1f} s" for each in (build, *(run.seconds for run in runs.values()))]
    modules = runs["built"].rewritten["built"]
    return [len(runs["plain"].phases), len(shaky), *seconds, modules, len(told)], told


def main() -> None:
    """Run what the command line names, print a table, and fail if anything differs."""
    known = {project.name: project for project in (*PROJECTS, *MORE)}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*known, []], metavar="NAME", help=", ".join(known))
    parser.add_argument("--more", action="store_true", help="also those that take long")
    parser.add_argument("--python", action="append", metavar="PATH", help="interpreters (default: this one)")
    parser.add_argument("--built", action="store_true", help="from a built tree, in place of --dyn")
    parser.add_argument("--work", type=Path, default=REPOSITORY / "build" / "realworld", metavar="DIR")
    options = parser.parse_args()
    chosen = [known[name] for name in options.names] or (PROJECTS + MORE if options.more else PROJECTS)
    print(_row("project", *(COLUMNS_BUILT if options.built else COLUMNS)), flush=True)
    failed = False
    for python in options.python or [sys.executable]:
        for project in chosen:
            place = Workplace(project, python, options.work.resolve())
            try:
                cells, told = (compared_built if options.built else compared)(place)
            except DidNotFinishError as problem:
                cells, told = ["did not finish"], [str(problem)]
            print(_row(f"{project.name} {project.version}", place.version, *cells), flush=True)
            failed = failed or bool(told)
            for each in told:
                print(f"  {each}", file=sys.stderr, flush=True)
    sys.exit(failed)


def _row(name: str, *cells: object) -> str:
    return f"{name:<23}" + "".join(f"{cell!s:>11}" for cell in cells)


def _call(*command: str, cwd: Path | None = None) -> None:
    subprocess.run(command, cwd=cwd, check=True)


if __name__ == "__main__":
    main()

"""Play sequences of edits, each in a process of its own that is forked from one that has everything imported."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import linecache
import marshal
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import libcst
from reloading.holding import Held
from reloading.observing import describe_module, differences
from reloading.snapshots import Snapshot

import dyntransform
import dyntransform.reloading.classes.kinds.fields
import dyntransform.reloading.classes.reconcile
import dyntransform.reloading.engine
import dyntransform.reloading.model.compiled_source  # these, so that no child has to import them
import dyntransform.transform.concrete

ast.unparse(ast.Module([], []))  # imports a module since Python 3.14
libcst.parse_module("")

__all__ = ["Player"]


class Player:
    """A process that plays sequences."""

    def __init__(self) -> None:
        path = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reloading.playing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def play(self, sequence: Mapping[str, Any], *, compiled: bool = False) -> list[str]:
        """Return what went wrong.

        Args:
            sequence: the versions of a project.
            compiled: whether the project is there as .pyc files alone.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({**sequence, "compiled": compiled}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the player died"
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


# ---------------------------------------------------------------- in the process


def in_child(task: Any, *arguments: Any) -> Any:
    """Call a function in a forked process, and return what it returns."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            answer = {"result": task(*arguments)}
        except BaseException:  # noqa: BLE001 - told to the parent
            answer = {"error": ("INVALID " if task is restarted else "") + traceback.format_exc()}
        with os.fdopen(writer, "w") as file:
            json.dump(answer, file)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    if not text:
        return {"error": f"the process died with status {status}"}
    return json.loads(text)


def write(root: Path, files: Mapping[str, str], before: Mapping[str, str], *, compiled: bool) -> None:
    """Make a folder hold these files, or what they compile to."""
    for path in before.keys() - files.keys():
        (root / path).with_suffix(".pyc" if compiled else ".py").unlink()
    for path, text in files.items():
        if before.get(path) != text:
            (root / path).parent.mkdir(exist_ok=True)
            if compiled:
                code = compile(text, str(root / path), "exec", dont_inherit=True)
                header = importlib.util.MAGIC_NUMBER + bytes(12)
                (root / path).with_suffix(".pyc").write_bytes(header + marshal.dumps(code))
            else:
                (root / path).write_text(text, encoding="utf-8")
    linecache.clearcache()


def forget_modules(root: Path) -> None:
    """Have the modules below a folder imported anew."""
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(root)):
            del sys.modules[name]
    importlib.invalidate_caches()


def observe(names: list[str]) -> dict[str, Any]:
    """Import modules and describe them."""
    modules = [importlib.import_module(name) for name in names]
    return {module.__name__: describe_module(module) for module in modules}


def restarted(root: str, sequence: dict[str, Any]) -> list[Any]:
    """Describe each version as plain Python runs it; None for one that fails."""
    sys.path.insert(0, root)
    found: list[Any] = []
    before: dict[str, str] = {}
    for version in sequence["versions"]:
        write(Path(root), version["files"], before, compiled=sequence["compiled"])
        before = version["files"]
        forget_modules(Path(root))
        if version["fault"]:
            found.append(None)
            check_fault(version)
        else:
            found.append(observe(version["modules"]))
    return found


def check_fault(version: dict[str, Any]) -> None:
    """Make sure that a version fails in the way it is meant to."""
    try:
        observe(version["modules"])
    except BaseException as error:  # noqa: BLE001 - SystemExit is one of them
        found = type(error).__name__
    else:
        found = "no error"
    assert found == version["fault"]["error"], (found, version["fault"])


class Live:
    """A project that is edited while it runs."""

    def __init__(self, root: Path, sequence: dict[str, Any]) -> None:
        self._root = root
        self._registered = sequence["registered"]
        self._compiled = sequence["compiled"]
        self._files: dict[str, str] = {}
        self._held = Held()
        self._good: dict[str, Any] = {}
        self._description: Any = None

    def step(self, version: dict[str, Any], expected: Any) -> list[str]:
        """Load a version, and say where it differs from what is expected; None for one that must fail."""
        write(self._root, version["files"], self._files, compiled=self._compiled)
        first, self._files = not self._files, version["files"]
        if expected is None:
            return [*self._fail(version["fault"]), *self._fail(version["fault"])]
        if not first:
            report = dyntransform.reload()
            if report.error is not None:
                return [f"failed: {report.error!r}"]
        self._good, self._description = version, expected
        found = differences(through_json(observe(version["modules"])), expected)
        return [*filter(self._counts, found), *self._held.check(version["identities"])]

    def _counts(self, difference: str) -> bool:
        """Whether a difference counts: what was registered stays so when its definition is removed."""
        return not any(difference.endswith(f".'{name}' is only there") for name in self._registered)

    def _fail(self, fault: dict[str, str]) -> list[str]:
        names = self._good["modules"]
        before = Snapshot(names)
        report = dyntransform.reload()
        after = Snapshot(names)
        if type(report.error).__name__ != fault["error"]:
            return [f"should have failed with {fault['error']}: {report.error!r}"]
        if report.place is None or not report.place.path.endswith(fault["path"]):
            return [f"should have named {fault['path']}: {report.place}"]
        now = through_json(observe(names))
        return [*before.differences(after), *differences(without_source(now), without_source(self._description))]


def without_source(value: Any) -> Any:
    """Leave out the text of functions, for what the files hold cannot be loaded."""
    if isinstance(value, dict):
        return {key: without_source(part) for key, part in value.items() if key != "source"}
    return [without_source(part) for part in value] if isinstance(value, list) else value


def reloaded(root: str, sequence: dict[str, Any], expected: list[Any]) -> list[str]:
    """Play a sequence live, and say where it differs from what is expected."""
    sys.path.insert(0, root)
    os.chdir(root)
    dyntransform.install(roots=[root])
    dyntransform.reload()  # the first imports what the engine needs
    live = Live(Path(root), sequence)
    for number, (version, description) in enumerate(zip(sequence["versions"], expected, strict=True)):
        found = [f"edit {number}: {text}" for text in live.step(version, description)]
        if found:
            return found
    return []


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def play(sequence: dict[str, Any]) -> list[str]:
    """Play a sequence in child processes."""
    answers: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "project"
        for task in (restarted, reloaded):
            root.mkdir()
            answer = in_child(task, str(root), sequence, *answers)
            if "error" in answer:
                return [answer["error"]]
            answers.append(answer["result"])
            shutil.rmtree(root)
    return answers[1]


def main() -> None:
    """Play the sequences of standard input, a line each."""
    importlib.invalidate_caches()  # since Python 3.12 this imports modules
    for line in sys.stdin:
        sys.stdout.write(json.dumps(play(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

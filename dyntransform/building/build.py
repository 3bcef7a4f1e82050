"""Build a tree, or tell whether it is what its sources would give."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from dyntransform.building.comparison import Comparison, compare, foreign_files
from dyntransform.building.draft import Draft, clear_away
from dyntransform.building.inventory import Inventory, Kind, take_inventory
from dyntransform.building.late_bound import LateBound
from dyntransform.building.manifest import MANIFEST, Maker, Manifest, Record, hash_of_file, read
from dyntransform.config import Config
from dyntransform.errors import ConfigError, TransformError
from dyntransform.importing.roots import Roots

__all__ = ["Build", "Progress", "Summary"]

Progress = Callable[[int], AbstractContextManager[Callable[[], object]]]
"""Begins to show progress of so many modules; what it gives is called after each."""


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a build did.

    Attributes:
        built: number of modules that were rewritten and compiled.
        made: number of other entries that were copied, linked or made.
        kept: number of entries that were as they would be built.
        removed: number of entries that the sources no longer have.
        left: modules that were left as they are, and why.
        written: whether anything was written.
    """

    built: int = 0
    made: int = 0
    kept: int = 0
    removed: int = 0
    left: dict[str, str] = dataclasses.field(default_factory=dict)
    written: bool = False

    def __str__(self) -> str:
        if not self.written:
            return f"nothing to do, {_counted(self.kept, 'file')} as built"
        done = f"{_counted(self.built, 'module')} built, {_counted(self.made, 'file')} copied"
        return f"{done}, {self.kept} kept, {self.removed} removed"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


class Build:
    """A built tree and its sources.

    Args:
        sources: files and folders.
        out: the built tree.
        config: settings of the project.

    Raises:
        ConfigError: the sources, or the place of the tree, cannot be used.
    """

    def __init__(self, sources: Sequence[str], out: str, config: Config) -> None:
        self._out = os.path.realpath(out)
        self._config = config
        self._maker = Maker(config.late_bind, config.dynamic_class, config.exclude)
        folders = [source if os.path.isdir(source) else os.path.dirname(os.path.abspath(source)) for source in sources]
        roots = Roots([*folders, *config.roots], config.exclude)
        self._inventory: Inventory = take_inventory(sources, self._out, roots)
        clear_away(self._out)
        self._manifest = _manifest(self._out)
        self._is_late_bound = LateBound(self._inventory.names, roots, config.late_bind == "all", config.dynamic_class)

    def differences(self) -> list[str]:
        """Return in what the tree is not what the sources would give, in sentences."""
        if self._manifest is None:
            return ["it was not built yet"]
        foreign = [
            f"{path}: the sources do not have it"
            for path in foreign_files(self._out, self._manifest)
            if not any(part.startswith(".") or part == "__pycache__" for part in path.split("/"))
        ]
        return [*self._comparison().differences, *foreign]

    def run(self, jobs: int, progress: Progress = lambda _total: nullcontext(lambda: None)) -> Summary:
        """Write the tree, all of it or nothing.

        Args:
            jobs: the most processes to use.
            progress: shows how far it is.

        Returns:
            What was done.

        Raises:
            TransformError: modules are not valid Python; the message tells all of them.
            ConfigError: files of the tree were edited.
        """
        comparison = self._comparison()
        items = self._inventory.items
        records = comparison.current
        removed = len(set(self._manifest.files) - set(items)) if self._manifest is not None else 0
        if self._manifest is not None and not comparison.differences:
            return self._summary(records, Summary(kept=len(records)))
        with Draft(self._out) as draft:
            self._keep(draft, records)
            wanted = [item for path, item in items.items() if path not in records]
            others = {item.path: draft.make(item) for item in wanted if item.kind is not Kind.MODULE}
            modules = self._modules(draft, [item.path for item in wanted if item.kind is Kind.MODULE], jobs, progress)
            files = {**records, **others, **modules}
            self._refuse_to_lose([path for path in comparison.edited if not self._stays(path, files.get(path))])
            draft.publish(Manifest(self._maker, files, self._inventory.skipped))
        done = Summary(len(modules), len(others), len(records), removed, written=True)
        return self._summary(files, done)

    def _comparison(self) -> Comparison:
        if self._manifest is None:
            return Comparison()
        return compare(self._inventory, self._out, self._manifest, self._maker, self._is_late_bound)

    def _keep(self, draft: Draft, records: dict[str, Record]) -> None:
        """Take over what is as it would be built, and what others have put into the tree."""
        for path, record in records.items():
            if record.kind == Kind.FOLDER:
                draft.make(self._inventory.items[path])
            else:
                draft.keep([path, *record.compiled])
        if self._manifest is not None:
            draft.keep(path for path in foreign_files(self._out, self._manifest) if self._has_room_for(path))

    def _has_room_for(self, foreign: str) -> bool:
        """Whether a file that somebody put into the tree stays: compiled files of others only beside their module."""
        folder, name = os.path.split(foreign)
        package, cache = os.path.split(folder)
        if cache == "__pycache__":
            return os.path.join(package, f"{name.partition('.')[0]}.py") in self._inventory.items
        return foreign not in self._inventory.items

    def _modules(self, draft: Draft, paths: list[str], jobs: int, progress: Progress) -> dict[str, Record]:
        if not paths:
            return {}
        from dyntransform.building.crew import work_off
        from dyntransform.building.unit import Task, build_module

        tasks = [Task(self._inventory.items[path], draft.folder, self._is_late_bound) for path in paths]
        outcomes = []
        with progress(len(tasks)) as advance:
            for outcome in work_off(build_module, tasks, jobs):
                outcomes.append(outcome)
                advance()
        problems = [outcome.problem for outcome in outcomes if outcome.problem]
        if problems:
            count = f"{len(problems)} modules cannot" if len(problems) > 1 else "a module cannot"
            advice = "nothing was written: correct them, or have them copied as they are with --exclude"
            raise TransformError("\n".join([f"{count} be built; {advice}", *problems]))
        return {outcome.path: outcome.record for outcome in outcomes if outcome.record is not None}

    def _stays(self, path: str, record: Record | None) -> bool:
        """Whether an edited file of the tree is what it is built to now: the edit was carried over to the source."""
        place = os.path.join(self._out, path)
        return record is not None and os.path.isfile(place) and hash_of_file(place) == record.content

    def _refuse_to_lose(self, paths: list[str]) -> None:
        if not paths:
            return
        lines = [f"  {os.path.join(self._out, path)}{self._origin(path)}" for path in paths]
        advice = "carry the edits over to the sources, then delete these files and build again"
        raise ConfigError("\n".join([f"files of the built tree were edited; nothing was written: {advice}", *lines]))

    def _origin(self, path: str) -> str:
        item = self._inventory.items.get(path)
        return f" (from {item.source})" if item is not None else ""

    def _summary(self, files: dict[str, Record], done: Summary) -> Summary:
        left = {path: record.left for path, record in files.items() if record.left}
        return dataclasses.replace(done, left=dict(sorted(left.items())))


def _manifest(out: str) -> Manifest | None:
    """Return the manifest of the tree that is there.

    Raises:
        ConfigError: what is there was not built.
    """
    if not os.path.exists(out):
        return None
    if not os.path.isdir(out):
        raise ConfigError(f"{out} is a file; name a folder for the built tree")
    manifest = read(out)
    if manifest is None and os.listdir(out):
        raise ConfigError(f"{out} was not built: it has no {MANIFEST}; name another folder, or empty it")
    return manifest

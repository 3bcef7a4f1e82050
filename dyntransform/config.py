"""Settings of a project: ``[tool.dyntransform]`` in pyproject.toml."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

from dyntransform.errors import ConfigError

__all__ = ["Config", "load"]

_LATE_BIND = ("project", "all")


@dataclasses.dataclass(frozen=True)
class Config:
    """What to rewrite and watch.

    Attributes:
        roots: folders of the project; empty if nothing was set.
        exclude: patterns (`fnmatch`) of files that are not project code.
        late_bind: ``"project"`` or ``"all"``: whose names are late bound when they are imported.
        watch: whether saved files are applied while a program runs.
    """

    roots: tuple[Path, ...] = ()
    exclude: tuple[str, ...] = ()
    late_bind: Literal["project", "all"] = "project"
    watch: bool = True


def load(start: Path) -> Config:
    """Read the settings that hold for a folder.

    Args:
        start: folder of the program; its nearest pyproject.toml, upwards, is read.

    Returns:
        The settings; the defaults where there is no file or no such table.

    Raises:
        ConfigError: the file or a value in it cannot be used.
    """
    folder = start.absolute()
    for candidate in (folder, *folder.parents):
        path = candidate / "pyproject.toml"
        if path.is_file():
            return _read(path)
    return Config()


def _read(path: Path) -> Config:
    import tomllib

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("dyntransform", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path}: not valid TOML: {problem}; correct it, or take the file away") from problem
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: [tool.dyntransform] must be a table")
    known = {field.name for field in dataclasses.fields(Config)}
    for key in table:
        if key not in known:
            raise ConfigError(
                f"{path}: [tool.dyntransform] has no setting {key!r}; there are {', '.join(sorted(known))}"
            )
    roots = tuple(path.parent / root for root in _strings(path, table, "roots"))
    for root in roots:
        if not root.is_dir():
            raise ConfigError(f"{path}: roots: {root} is no folder; name folders relative to this file")
    late_bind = table.get("late_bind", "project")
    if late_bind not in _LATE_BIND:
        raise ConfigError(f"{path}: late_bind must be one of {', '.join(_LATE_BIND)}, not {late_bind!r}")
    watch = table.get("watch", True)
    if not isinstance(watch, bool):
        raise ConfigError(f"{path}: watch must be true or false, not {watch!r}")
    return Config(roots, _strings(path, table, "exclude"), late_bind, watch)


def _strings(path: Path, table: dict[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ConfigError(f"{path}: {key} must be a list of strings, not {value!r}")
    return tuple(value)

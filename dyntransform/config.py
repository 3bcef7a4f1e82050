"""Settings of a project: ``[tool.dyntransform]`` in pyproject.toml."""

from __future__ import annotations

import os

from dyntransform.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, Literal

__all__ = ["Config", "dynamic_class", "late_bind", "load"]

_LATE_BIND = ("project", "all")


class Config:
    """What to rewrite and watch.

    Args:
        roots: folders of the project; empty if nothing was set.
        exclude: patterns (`fnmatch`) of files that are not project code.
        late_bind: ``"project"`` or ``"all"``: whose names are late bound when they are imported.
        dynamic_class: whether classes without bases gain `DynamicClass`.
        watch: whether saved files are applied while a program runs.
    """

    __slots__ = ("dynamic_class", "exclude", "late_bind", "roots", "watch")

    def __init__(
        self,
        roots: tuple[Path, ...] = (),
        exclude: tuple[str, ...] = (),
        late_bind: Literal["project", "all"] = "project",
        *,
        dynamic_class: bool = True,
        watch: bool = True,
    ) -> None:
        self.dynamic_class = dynamic_class
        self.roots = roots
        self.exclude = exclude
        self.late_bind = late_bind
        self.watch = watch


def load(start: str | Path) -> Config:
    """Read the settings that hold for a folder.

    Args:
        start: folder of the program; its nearest pyproject.toml, upwards, is read.

    Returns:
        The settings; the defaults where there is no file or no such table.

    Raises:
        ConfigError: the file or a value in it cannot be used.
    """
    folder = os.path.abspath(start)
    while True:
        path = os.path.join(folder, "pyproject.toml")
        if os.path.isfile(path):
            return _read(path)
        parent = os.path.dirname(folder)
        if parent == folder:
            return Config()
        folder = parent


def _read(path: str) -> Config:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as problem:
        raise ConfigError(f"{path}: {problem.strerror}; make it readable, or take it away") from problem
    if b"dyntransform" not in data:
        return Config()  # and whatever is wrong with it is not our business
    import tomllib

    try:
        table = tomllib.loads(data.decode()).get("tool", {}).get("dyntransform", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path}: not valid TOML: {problem}; correct it, or take the file away") from problem
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: tool.dyntransform must be a table; write its settings below [tool.dyntransform]")
    for key in table:
        if key not in Config.__slots__:
            known = ", ".join(Config.__slots__)
            raise ConfigError(f"{path}: [tool.dyntransform] has no setting {key!r}; there are {known}")
    return Config(
        _roots(path, table),
        _strings(path, table, "exclude"),
        late_bind(path, table.get("late_bind", "project")),
        dynamic_class=dynamic_class(path, table.get("dynamic_class", True)),
        watch=_bool(path, "watch", table.get("watch", True)),
    )


def _roots(path: str, table: dict[str, Any]) -> tuple[Path, ...]:
    from pathlib import Path

    roots = tuple(Path(path).parent / root for root in _strings(path, table, "roots"))
    for root in roots:
        if not root.is_dir():
            raise ConfigError(f"{path}: roots: {root} is no folder; name folders relative to this file")
    return roots


def late_bind(where: str, value: Any) -> Literal["project", "all"]:
    """Return the value of that setting.

    Args:
        where: what it was found in.
        value: what was found.

    Raises:
        ConfigError: it is none of those that there are.
    """
    if value not in _LATE_BIND:
        raise ConfigError(f"{where}: late_bind: {value!r} must be one of {', '.join(map(repr, _LATE_BIND))}")
    return value  # type: ignore[no-any-return]


def dynamic_class(where: str, value: Any) -> bool:
    """Return the value of that setting.

    Args:
        where: what it was found in.
        value: what was found.

    Raises:
        ConfigError: it is neither true nor false.
    """
    return _bool(where, "dynamic_class", value)


def _bool(where: str, key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{where}: {key}: {value!r} must be true or false")
    return value


def _strings(path: str, table: dict[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ConfigError(f'{path}: {key}: {value!r} must be a list of strings, such as ["src"]')
    return tuple(value)

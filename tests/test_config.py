"""Settings are found, read and checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from dyntransform import ConfigError
from dyntransform.config import load


def settings(folder: Path, table: str) -> Path:
    """Write pyproject.toml with a table of ours."""
    (folder / "src").mkdir(exist_ok=True)
    path = folder / "pyproject.toml"
    path.write_text(f"[project]\nname = 'x'\n\n[tool.dyntransform]\n{table}\n")
    return path


def test_defaults(tmp_path: Path) -> None:
    """Without a file the defaults hold."""
    found = load(tmp_path)
    assert (found.roots, found.exclude, found.late_bind, found.watch) == ((), (), "project", True)
    assert found.dynamic_class


def test_all_settings(tmp_path: Path) -> None:
    """Every setting is read; roots are relative to the file."""
    settings(
        tmp_path, "roots = ['src', '.']\nexclude = ['gen/*']\nlate_bind = 'all'\nwatch = false\ndynamic_class = false"
    )
    found = load(tmp_path)
    assert found.roots == (tmp_path / "src", tmp_path)
    assert (found.exclude, found.late_bind, found.watch) == (("gen/*",), "all", False)
    assert not found.dynamic_class


def test_nearest_file_upwards(tmp_path: Path) -> None:
    """The nearest pyproject.toml counts, whether it has a table of ours or not."""
    settings(tmp_path, "watch = false")
    deep = tmp_path / "src" / "pkg"
    deep.mkdir()
    assert load(deep).watch is False
    (tmp_path / "src" / "pyproject.toml").write_text("[project]\nname = 'y'\n")
    assert load(deep).watch is True


def test_files_of_others(tmp_path: Path) -> None:
    """What is wrong with a file that does not speak of us is not our business."""
    (tmp_path / "pyproject.toml").write_text("not [ toml")
    assert load(tmp_path).roots == ()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("rots = ['src']", ["[tool.dyntransform] has no setting 'rots'", "roots"]),
        ("roots = 'src'", ["roots: 'src' must be a list of strings", '["src"]']),
        ("roots = [1]", ["roots: [1] must be a list of strings"]),
        ("roots = ['nope']", ["roots:", "nope is no folder", "relative to this file"]),
        ("exclude = true", ["exclude: True must be a list of strings"]),
        ("late_bind = 'some'", ["late_bind: 'some' must be one of 'project', 'all'"]),
        ("late_bind = ['all']", ["late_bind: ['all'] must be one of"]),
        ("dynamic_class = 1", ["dynamic_class: 1 must be true or false"]),
        ("watch = 'no'", ["watch: 'no' must be true or false"]),
        ("watch = 1", ["watch: 1 must be true or false"]),
        ("watch =", ["not valid TOML", "line 5", "correct it"]),
    ],
)
def test_errors(tmp_path: Path, table: str, words: list[str]) -> None:
    """An error names the file, the key, what is wrong and what to do."""
    path = settings(tmp_path, table)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    for word in words:
        assert word in message


def test_table_that_is_none(tmp_path: Path) -> None:
    """The table must be a table."""
    (tmp_path / "pyproject.toml").write_text("[tool]\ndyntransform = 1\n")
    with pytest.raises(ConfigError, match="must be a table; write its settings below"):
        load(tmp_path)


def test_no_text(tmp_path: Path) -> None:
    """A file that is no UTF-8 is an error, if it speaks of us."""
    (tmp_path / "pyproject.toml").write_bytes(b"[tool.dyntransform]\n# \xff\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load(tmp_path)

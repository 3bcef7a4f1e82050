"""The list of what was built: a JSON file at the top of the built tree."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from dyntransform import __version__
from dyntransform.errors import ConfigError

__all__ = ["MANIFEST", "Maker", "Manifest", "Record", "hash_of", "hash_of_file", "read"]

MANIFEST = "dyntransform-build.json"
"""Its name."""
_FORMAT = 2
_WITHOUT_BASES = 1
"""The format of trees whose classes gained another base, by another rule: they are built anew."""


@dataclasses.dataclass(frozen=True)
class Maker:
    """All that the outcome depends on besides the sources.

    Attributes:
        dyntransform: its version.
        python: version of Python; the rewritten text of some f-strings depends on it, and compiled files do.
        optimize: the level of -O.
        late_bind: the setting of that name.
        dynamic_class: the setting of that name.
        exclude: patterns of files that were copied as they are.
    """

    late_bind: str
    dynamic_class: bool
    exclude: tuple[str, ...]
    dyntransform: str = __version__
    python: str = "{}.{}".format(*sys.version_info)
    optimize: int = sys.flags.optimize

    def __str__(self) -> str:
        settings = f"late_bind = {self.late_bind!r}, dynamic_class = {str(self.dynamic_class).lower()}"
        level = f" -O level {self.optimize}" if self.optimize else ""
        return f"dyntransform {self.dyntransform}, Python {self.python}{level}, {settings}"


@dataclasses.dataclass(frozen=True)
class Record:
    """An entry that was built.

    Attributes:
        kind: what became of it.
        source: hash of what it was made from (SHA-256); for a link, where it leads.
        mode: permission bits.
        built: hash of what it became; empty if that is what it was made from.
        compiled: hashes of its compiled files, by their paths.
        asked: top-level modules that the rewriting depended on, and whether they can be reloaded.
        left: why it was left as it is; empty if it was not, or nothing in it has to be rewritten.
    """

    kind: str
    source: str
    mode: int = 0
    built: str = ""
    compiled: Mapping[str, str] = dataclasses.field(default_factory=dict)
    asked: Mapping[str, bool] = dataclasses.field(default_factory=dict)
    left: str = ""

    @property
    def content(self) -> str:
        """Hash of what stands in the built tree."""
        return self.built or self.source

    def as_json(self) -> dict[str, Any]:
        """Return the fields that say something; permissions as they are written."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: f"{value:o}" if name == "mode" else value for name, value in fields.items() if value}


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What was built, from what, how, and what was not.

    Attributes:
        maker: versions and options.
        files: the entries, by path.
        skipped: folders and files that are not in the tree, and why.
    """

    maker: Maker
    files: Mapping[str, Record]
    skipped: Mapping[str, str]

    def dumps(self) -> bytes:
        """Return the content of the file; the same tree gives the same bytes."""
        content = {
            "format": _FORMAT,
            **dataclasses.asdict(self.maker),
            "files": {path: record.as_json() for path, record in sorted(self.files.items())},
            "left": {path: record.left for path, record in sorted(self.files.items()) if record.left},
            "skipped": dict(sorted(self.skipped.items())),
        }
        return (json.dumps(content, indent=1) + "\n").encode()


def read(tree: str) -> Manifest | None:
    """Return the manifest of a built tree; None if there is none.

    Raises:
        ConfigError: it cannot be read.
    """
    path = os.path.join(tree, MANIFEST)
    try:
        with open(path, "rb") as file:
            return _manifest(json.load(file))
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise ConfigError(f"{path}: {problem.strerror}; make it readable, or build another folder") from problem
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        wrong = "it is damaged, or another version of dyntransform wrote it"
        raise ConfigError(f"{path}: {wrong}; remove {tree}, and build it again") from problem


def _manifest(content: dict[str, Any]) -> Manifest:
    if content["format"] == _WITHOUT_BASES:
        content["dynamic_class"] = False
        content["dyntransform"] += ", an earlier form"
    elif content["format"] != _FORMAT:
        raise ValueError(content["format"])
    made_by = {field.name: content[field.name] for field in dataclasses.fields(Maker)}
    made_by["exclude"] = tuple(made_by["exclude"])
    files = {name: _record(**fields) for name, fields in content["files"].items()}
    return Manifest(Maker(**made_by), files, content["skipped"])


def _record(*, kind: str, source: str, mode: str = "0", **others: Any) -> Record:
    return Record(kind, source, int(mode, 8), **others)


def hash_of(data: bytes) -> str:
    """Return what the manifest says of some content."""
    return hashlib.sha256(data).hexdigest()


def hash_of_file(path: str) -> str:
    """Return what the manifest says of the content of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

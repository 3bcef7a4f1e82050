"""The modules of a project as they lie on the disk, for planning without a program that runs them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from dyntransform.importing.roots import Roots
from dyntransform.reloading.model.reading import INVALID, read_source
from dyntransform.reloading.model.statement import Statement
from dyntransform.reloading.planning.pairing import Kind, Pair, Pairing
from dyntransform.transform.decide import Options
from dyntransform.transform.optout import opts_out

__all__ = ["Module", "module_name", "others", "package_of"]


@dataclasses.dataclass(frozen=True)
class Module:
    """A module of a project that does not run, in both versions.

    Attributes:
        name: its dotted name.
        package: what relative imports start from.
        path: its file.
        pairing: its statements, paired.
        old: the statements of the old version.
    """

    name: str
    package: str
    path: str
    pairing: Pairing
    old: Sequence[Statement]

    @property
    def statements(self) -> list[Statement]:
        """Those of the new version."""
        return [pair.new for pair in self.pairing.pairs]


def others(path: Path, roots: Roots) -> list[Module]:
    """Return the other modules that an edit may reach; those that cannot be parsed are not running either."""
    found = []
    for root in roots.paths:
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if roots.owns(os.path.join(folder, name, "x.py"))]
            for file in sorted(files):
                other = Path(folder, file)
                if _is_module(file, files) and roots.owns(str(other)) and not other.samefile(path):
                    importer = _importer(other)
                    if importer is not None:
                        found.append(importer)
    return found


def _is_module(file: str, files: Sequence[str]) -> bool:
    """Whether a file is loaded by an import: source, or compiled code without source beside it."""
    return file.endswith(".py") or (file.endswith(".pyc") and file[:-1] not in files)


def _importer(path: Path) -> Module | None:
    try:
        data = path.read_bytes()
        source = read_source(data, str(path), Options())
    except (*INVALID, OSError):
        return None
    if opts_out(data):
        return None
    statements = source.statements
    pairing = Pairing(tuple(Pair(one, one, Kind.SAME) for one in statements), ())
    return Module(module_name(path), package_of(path), str(path), pairing, statements)


def package_of(path: Path) -> str:
    """Return the package that relative imports of a file start from."""
    name = module_name(path)
    return name if path.stem == "__init__" else name.rpartition(".")[0]


def module_name(path: Path) -> str:
    """Return the name under which packages around the file make it importable."""
    file = path.resolve()
    parts = [] if file.stem == "__init__" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").exists() or (folder / "__init__.pyc").exists():
        parts.append(folder.name)
        folder = folder.parent
    return ".".join(reversed(parts)) or file.parent.name

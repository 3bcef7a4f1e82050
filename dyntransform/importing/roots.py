"""Which files are project code."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Roots"]

_FOREIGN = {"site-packages", "dist-packages", "__pycache__"}
_OURSELVES = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_OUR_NAME = os.path.basename(_OURSELVES)


class Roots:
    """The folders whose modules can be reloaded.

    Virtual environments, site-packages, hidden folders and the standard library below a root are not project code;
    a root that is itself one of these is, since it was named.

    Args:
        paths: the folders.
        exclude: patterns as for `fnmatch`, matched with the path below the root and with the whole path.
    """

    def __init__(self, paths: Sequence[str | Path], exclude: Sequence[str] = ()) -> None:
        self.paths: tuple[str, ...] = ()
        self.exclude: tuple[str, ...] = ()
        self._prefixes: tuple[str, ...] = ()
        self._folders: dict[str, bool] = {}
        self._owned: dict[str, bool] = {}
        self._own: set[str] | None = None
        self._installed: set[str] | None = None
        self.extend(paths, exclude)

    def extend(self, paths: Sequence[str | Path], exclude: Sequence[str] = ()) -> None:
        """Add folders and patterns to those there are."""
        self.paths = tuple(dict.fromkeys([*self.paths, *(os.path.abspath(path) for path in paths)]))
        # ./generated and generated/ mean what they mean to a shell.
        self.exclude = tuple(dict.fromkeys([*self.exclude, *map(os.path.normpath, exclude)]))
        real = (os.path.realpath(path) for path in self.paths)
        self._prefixes = tuple(dict.fromkeys(os.path.join(path, "") for path in (*self.paths, *real)))
        self._folders.clear()
        self._owned.clear()
        self.forget_names()

    def owns(self, path: str) -> bool:
        """Whether the file belongs to the project."""
        folder = path.rpartition(os.sep)[0]
        owned = self._owned.get(folder)
        if owned is None:
            below = [(prefix, os.path.join(folder, "")) for prefix in self._prefixes]
            owned = self._owned[folder] = any(
                self._is_project_folder(prefix, each[len(prefix) : -1])
                for prefix, each in below
                if each.startswith(prefix)
            )
        return owned and not (self.exclude and self.excludes(path))

    def excludes(self, path: str) -> bool:
        """Whether a pattern says that the file is not project code."""
        below = [path[len(prefix) :] for prefix in self._prefixes if path.startswith(prefix)]
        return any(self._excluded(path, text) for text in below)

    def is_project(self, name: str) -> bool:
        """Whether a top-level module of that name can be project code.

        Anything that is neither in the standard library nor installed counts, since the program may extend sys.path.
        """
        if name == _OUR_NAME:
            return False
        if self._own is None:
            self._own = _names_below(self.paths)
        if name in self._own:
            return True
        if name in sys.stdlib_module_names:
            return False
        if self._installed is None:
            self._installed = _names_in([entry for entry in sys.path if os.path.basename(entry) in _FOREIGN])
        return name not in self._installed

    def forget_names(self) -> None:
        """Look again which top-level modules there are."""
        self._own = self._installed = None

    def _is_project_folder(self, prefix: str, folder: str) -> bool:
        if not folder:
            return prefix.rstrip(os.sep) != _OURSELVES
        known = self._folders.get(prefix + folder)
        if known is None:
            parent, name = os.path.split(folder)
            path = prefix + folder
            known = (
                self._is_project_folder(prefix, parent)
                and not name.startswith(".")
                and name not in _FOREIGN
                and path != _OURSELVES
                and path != os.path.dirname(os.__file__)
                and not os.path.exists(os.path.join(path, "pyvenv.cfg"))
            )
            self._folders[path] = known
        return known

    def _excluded(self, path: str, below: str) -> bool:
        if not self.exclude:
            return False
        import fnmatch  # and with it re

        return any(
            fnmatch.fnmatch(text, pattern) or fnmatch.fnmatch(text, os.path.join(pattern, "*"))
            for pattern in self.exclude
            for text in (path, below)
        )


def _names_below(roots: Sequence[str]) -> set[str]:
    """Return the names that imports may use for modules below the roots: of their entries, and of themselves."""
    names = _names_in(roots)
    for root in roots:
        folder = root
        while os.path.exists(os.path.join(folder, "__init__.py")):
            folder, name = os.path.split(folder)
            names.add(name)
    return names


def _names_in(folders: Sequence[str]) -> set[str]:
    names: set[str] = set()
    for folder in folders:
        try:
            names.update(entry.partition(".")[0] for entry in os.listdir(folder))
        except OSError:
            continue  # sys.path may name folders that do not exist
    return names

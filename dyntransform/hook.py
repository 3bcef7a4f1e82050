"""The one installed hook: it rewrites the project's modules on import, and reloads them."""

from __future__ import annotations

import _thread
import atexit
import os
import sys
from importlib.machinery import PathFinder

from dyntransform.cpython.builds import require_here
from dyntransform.errors import ConfigError, NotInstalledError, ReloadError
from dyntransform.exported import is_enabled, variables
from dyntransform.importing.finder import DynFinder
from dyntransform.importing.loader import Project, project, set_project
from dyntransform.importing.roots import Roots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Any, Literal

    from dyntransform.reloading.engine import Engine
    from dyntransform.reloading.model.report import Report
    from dyntransform.watching import Watcher

__all__ = ["Hook", "current", "install", "reload", "undo", "unwatch", "watch"]


class Hook:
    """An import hook for the modules below some roots; leaving it as a context manager uninstalls it.

    Attributes:
        roots: which files it is for.
        late_bind: whose names are late bound.
        dynamic_class: whether classes gain `DynamicClass`.
    """

    def __init__(self, roots: Roots, late_bind: Literal["project", "all"], *, dynamic_class: bool) -> None:
        self.roots = roots
        self.late_bind = late_bind
        self.dynamic_class = dynamic_class
        self._project = Project(roots, late_bind, dynamic_class=dynamic_class)
        self._finder = DynFinder(roots, {module: _attacher(ours) for module, ours in _COMPANIONS.items()})
        self._exported: dict[str, str | None] = {}
        self._engine: Engine | None = None
        self._starting = _thread.allocate_lock()
        self._watcher: Watcher | None = None
        self._on_report: Callable[[Report], object] | None = None
        set_project(self._project)
        atexit.register(self._end)
        sys.meta_path.insert(_position(), self._finder)
        for module, ours in _COMPANIONS.items():
            if module in sys.modules:
                _attacher(ours)()
        self._export()

    def __enter__(self) -> Hook:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.uninstall()

    def uninstall(self) -> None:
        """Stop watching and rewriting; modules that were loaded stay as they are."""
        global _hook  # noqa: PLW0603 - the one installed hook
        atexit.unregister(self._end)
        self.unwatch()
        if self._engine is not None:
            self._engine.rest()
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        for ours in set(_COMPANIONS.values()):
            if ours in sys.modules:
                sys.modules[ours].detach()
        self._export_no_more()
        if project() is self._project:
            set_project(None)
        if _hook is self:
            _hook = None

    def _end(self) -> None:
        """Hold nothing of the program when the interpreter ends: its objects are to be deleted as ever."""
        self.uninstall()
        self._project.loaded.restore({})
        self._project.found.clear()
        self._engine = None

    def look_around(self) -> None:
        """Take in modules of the project that are loaded already."""
        self._project.look_around()

    def _extend(self, roots: Sequence[str | Path], exclude: Sequence[str]) -> None:
        """Add roots and patterns to those there are; they are watched as well if the others are."""
        before = self.roots.paths
        self.roots.extend(roots, exclude)
        self._export()
        if self.roots.paths != before and self._watcher is not None:
            on_report = self._on_report
            self.unwatch()
            self.watch(on_report)

    def _export(self) -> None:
        """Where `dyntransform enable` was called, have processes that this one starts install the hook as well."""
        if is_enabled():
            ours = variables(self.roots.paths, self.roots.exclude, self.late_bind, self.dynamic_class)
            for name in ours:
                self._exported.setdefault(name, os.environ.get(name))
            os.environ.update(ours)

    def _export_no_more(self) -> None:
        for name, before in self._exported.items():
            if before is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = before
        self._exported.clear()

    def reload(self, paths: Collection[str] = ()) -> Report:
        """Apply what changed on disk; see `dyntransform.reload`.

        Args:
            paths: all files that were saved since the last reload, if that is known: others need not be looked at.
        """
        with _applying:
            return self.engine.reload(paths)

    def undo(self) -> Report:
        """Take the last applied edit back; see `dyntransform.undo`."""
        with _applying:
            return self.engine.undo()

    @property
    def engine(self) -> Engine:
        """The reload engine; importing it costs a program nothing before its first edit."""
        with self._starting:
            if self._engine is None:
                self._engine = _new_engine(self._project)
        return self._engine

    def watch(self, on_report: Callable[[Report], object] | None = None, *, wait: bool = True) -> None:
        """Apply edits when files are saved; see `dyntransform.watch`.

        Args:
            on_report: called with the report of each edit; if None while it watches already, the one there is stays.
            wait: return when the watch is active, not before.
        """
        if self._watcher is not None and self._watcher.is_running:
            self._on_report = on_report or self._on_report
            return
        from dyntransform.watching import Watcher

        _guard_forks()
        self._on_report = on_report
        self._watcher = Watcher(self.roots.paths, self._saved, relevant=self._relevant)
        self._watcher.start(wait=wait)

    def _saved(self, paths: Collection[str]) -> None:
        if self._engine is None and not self._project.differs():
            return
        self._tell(self.reload(paths))

    def _tell(self, report: Report) -> None:
        if report and self._on_report is not None:
            self._on_report(report)

    def unwatch(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None

    def _relevant(self, path: str) -> bool:
        return (path.endswith(".py") or self._project.has_file(os.path.basename(path))) and self.roots.owns(path)


_COMPANIONS = {
    "_pytest.assertion.rewrite": "dyntransform.integrations.assertions",
    "multiprocessing.forkserver": "dyntransform.integrations.children",
    "multiprocessing.spawn": "dyntransform.integrations.children",
}
"""Modules of other tools, and ours that have to know when they are loaded: pytest loads tests itself, and so on."""


def _attacher(ours: str) -> Callable[[], None]:
    """Return what imports a module of ours and has it attach itself to the tool that was loaded."""

    def attach() -> None:
        from importlib import import_module

        import_module(ours).attach()

    return attach


def _new_engine(project: Project) -> Engine:
    """Import the engine, and try what it relies on.

    Raises:
        ReloadError: this Python is not as the engine knows it. It is not the error for that, since whoever asked for an
            edit is to be told; an uncaught SystemExit would end a thread without a word.
    """
    from dyntransform.errors import UnsupportedPythonError

    try:
        from dyntransform.cpython.checks import check_engine
        from dyntransform.reloading.engine import Engine

        check_engine()
    except UnsupportedPythonError as problem:
        raise ReloadError(f"no edit can be applied: {problem}") from None
    return Engine(project)


_hook: Hook | None = None
_applying = _thread.RLock()
"""Held while an edit is applied, and during a fork: a child should not begin with half an edit."""
_FORK_S = 2.0
_guarded = False


def _guard_forks() -> None:
    """Let forks wait for the edit that the watcher is applying, but not for ever: it may wait for this very thread."""
    global _guarded  # noqa: PLW0603 - what is registered for forks stays
    if _guarded or not hasattr(os, "register_at_fork"):
        return
    _guarded = True
    held: list[bool] = []

    def release() -> None:
        if held.pop():
            _applying.release()

    os.register_at_fork(
        before=lambda: held.append(_applying.acquire(timeout=_FORK_S)),
        after_in_parent=release,
        after_in_child=release,
    )


def current() -> Hook | None:
    """Return the installed hook."""
    return _hook


def install(
    roots: Sequence[str | Path] | None = None,
    exclude: Sequence[str] = (),
    watch: bool = False,  # noqa: FBT001, FBT002 - part of the public signature
    late_bind: Literal["project", "all"] = "project",
    dynamic_class: bool = True,  # noqa: FBT001, FBT002 - as above
) -> Hook:
    """Rewrite the modules below `roots` while they are imported, so that they can be reloaded.

    Modules that were imported before can be reloaded, but names imported in their functions are not late bound: install
    the hook first. Installing the same roots again
    returns the hook that is there; other roots are added to those it has.

    Args:
        roots: folders of the project; the working directory if None.
        exclude: patterns (`fnmatch`) of files that are not project code.
        watch: apply edits when files are saved.
        late_bind: ``"project"`` binds names imported from project modules late, ``"all"`` those of any module.
        dynamic_class: give classes without bases the base `DynamicClass`.

    Returns:
        The hook, also a context manager.

    Raises:
        ConfigError: a root is not a folder.
        UnsupportedPythonError: this is a subinterpreter, or a free-threaded build of Python.
    """
    global _hook  # noqa: PLW0603 - the one installed hook
    require_here()
    wanted = [str(root) for root in roots] if roots is not None else ["."]
    for root in wanted:
        if not os.path.isdir(root):
            raise ConfigError(f"{root}: no such folder; name the folders of the project")
    if _hook is None:
        _hook = Hook(Roots(wanted, exclude), late_bind, dynamic_class=dynamic_class)
    else:
        _hook._extend(wanted, exclude)
    _hook.look_around()
    if watch:
        _hook.watch()
    return _hook


def reload() -> Report:
    """Apply what changed on disk now to the running program.

    Returns:
        What was done. An edit that cannot be applied changes nothing, and `Report.error` says why; the next call tries
        again with every file that differs from what is running.

    Raises:
        NotInstalledError: `install` was not called.
    """
    return _installed().reload()


def undo() -> Report:
    """Go back to the code before the edit that was applied last; files stay as they are.

    It is an edit like any other: state is kept, and it can fail, which changes nothing. Called again, it goes one more
    edit back. The next `reload`, or the next save that is noticed, applies what differs on disk, so it brings the edit
    back unless the file was changed too.

    Returns:
        What was done; `Report.error` is set if there is no edit to take back, or it could not be taken back.

    Raises:
        NotInstalledError: `install` was not called.
    """
    return _installed().undo()


def watch(on_report: Callable[[Report], object] | None = None) -> None:
    """Apply edits whenever a file of the project is saved, from a thread of its own.

    Args:
        on_report: called in that thread with the report of each edit; nothing is printed otherwise.

    Raises:
        NotInstalledError: `install` was not called.
    """
    _installed().watch(on_report)


def unwatch() -> None:
    """Stop what `watch` started.

    Raises:
        NotInstalledError: `install` was not called.
    """
    _installed().unwatch()


def _installed() -> Hook:
    if _hook is None:
        message = "no hook is installed: call dyntransform.install() before the project's modules are imported"
        raise NotInstalledError(message)
    return _hook


def _position() -> int:
    """Stand right before PathFinder: pytest's assertion rewriting and other finders keep what is theirs."""
    finders: list[Any] = sys.meta_path
    return finders.index(PathFinder) if PathFinder in finders else len(finders)

"""The engines that are compared, each behind the same three steps: start, load the project, reload what was saved."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

__all__ = ["ENGINES", "Engine", "available", "make"]


class Engine(Protocol):
    """What the measurements ask of an engine."""

    def start(self, root: Path) -> None:
        """Do what has to be done before the project is imported."""

    def load(self) -> None:
        """Import the project's ``main``."""

    def reload(self, modules: Sequence[str]) -> None:
        """Apply the saved files of these modules."""

    def watch(self) -> None:
        """Apply saved files from now on, without being asked."""


class Plain:
    """No tool at all: ``importlib.reload``, in the order in which the modules were saved."""

    def start(self, root: Path) -> None:
        sys.path.insert(0, str(root))

    def load(self) -> None:
        importlib.import_module("main")

    def reload(self, modules: Sequence[str]) -> None:
        for name in modules:
            with contextlib.suppress(Exception):
                importlib.reload(sys.modules[name])

    def watch(self) -> None:
        raise NotImplementedError


class Ours(Plain):
    """dyntransform."""

    def start(self, root: Path) -> None:
        super().start(root)
        import dyntransform

        self.hook = dyntransform.install(roots=[root])

    def reload(self, modules: Sequence[str]) -> None:  # noqa: ARG002 - it finds what was saved
        self.hook.reload()

    def watch(self) -> None:
        self.hook.watch()


class OursNamed(Ours):
    """dyntransform as its watcher calls it: with the files that were saved."""

    def start(self, root: Path) -> None:
        super().start(root)
        self._root = root

    def reload(self, modules: Sequence[str]) -> None:
        self.hook.reload([str(self._root.joinpath(*name.split(".")).with_suffix(".py")) for name in modules])


class IPython(Plain):
    """``%autoreload 2`` of IPython: it looks for changed files before each cell."""

    def load(self) -> None:
        super().load()
        from IPython.extensions.autoreload import ModuleReloader

        logging.getLogger("autoreload").setLevel(logging.CRITICAL)
        self._reloader = ModuleReloader()
        self._reloader.enabled = True
        self._reloader.hide_errors = True

    def reload(self, modules: Sequence[str]) -> None:  # noqa: ARG002 - it finds what was saved
        self._reloader.check(check_all=True)


class Jurigged(Plain):
    """jurigged: its watcher calls ``refresh`` with the saved file."""

    def start(self, root: Path) -> None:
        super().start(root)
        from jurigged.register import registry

        self._root = root
        self._registry = registry
        registry.auto_register(filter=lambda path: path.startswith(str(root)))

    def reload(self, modules: Sequence[str]) -> None:
        for name in modules:
            with contextlib.suppress(Exception):
                self._registry.get(sys.modules[name].__file__).refresh()

    def watch(self) -> None:
        from jurigged.live import Watcher

        Watcher(self._registry).start()


class Hmr(Plain):
    """hmr: its watcher calls ``on_changes`` with the saved files; modules are reactive values."""

    def start(self, root: Path) -> None:
        super().start(root)
        from reactivity.hmr.core import SyncReloader

        self._root = root
        self._reloader = SyncReloader(str(root / "main.py"), [str(root)])

    def load(self) -> None:
        from reactivity.hmr.core import HMR_CONTEXT

        self._effect = HMR_CONTEXT.effect(self._reloader.run_entry_file)

    def reload(self, modules: Sequence[str]) -> None:
        files = {self._root.joinpath(*name.split(".")).with_suffix(".py").resolve() for name in modules}
        with contextlib.redirect_stderr(io.StringIO()):
            self._reloader.on_changes(files)

    def watch(self) -> None:
        import threading

        threading.Thread(target=self._reloader.start_watching, daemon=True).start()


class DynamicExecutor(Plain):
    """dynamic-executor: every turn of its loop imports everything again."""

    def load(self) -> None:
        super().load()
        from dynamic_executor import DynamicModeExecutor

        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", "")).startswith(str(Path(__file__).parent)) and name != "__main__":
                del sys.modules[name]  # it reloads every module that is not installed, and these are not measured
        path = Path("executor.py").absolute()
        path.write_text("pass\n")
        namespace: dict[str, Any] = {"main": sys.modules["main"]}
        self._loop = DynamicModeExecutor(path, finish_upon_success=False, supress_print=True).execute(
            namespace, namespace
        )

    def reload(self, modules: Sequence[str]) -> None:  # noqa: ARG002 - it reloads everything
        next(self._loop)


ENGINES: dict[str, tuple[Callable[[], Engine], str]] = {
    "dyntransform": (Ours, "dyntransform"),
    "dyntransform, files named": (OursNamed, "dyntransform"),
    "IPython": (IPython, "IPython"),
    "jurigged": (Jurigged, "jurigged"),
    "hmr": (Hmr, "reactivity"),
    "dynamic-executor": (DynamicExecutor, "dynamic_executor"),
    "plain": (Plain, "importlib"),
}
"""By name: the class, and the module that must be installed."""


def available(name: str) -> bool:
    """Whether the engine is installed."""
    return importlib.util.find_spec(ENGINES[name][1]) is not None


def make(name: str) -> Engine:
    """Return a new engine."""
    return ENGINES[name][0]()

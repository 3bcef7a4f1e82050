"""``python -m test TEST``, with or without the hook: ``library_run.py plain|rewritten MODULES OPTIONS... TEST``.

The modules that the hook loaded are written to the file MODULES.
"""

from __future__ import annotations

import os
import runpy
import sys
from importlib.machinery import SourceFileLoader
from typing import Any

LIBRARY = os.path.dirname(os.__file__)
KEPT = {"__main__", "dyntransform", "encodings", "importlib", "threading", "warnings"}
"""Modules with state that the interpreter or this script holds; a second copy would not be the one in use."""


def rewrite_library() -> None:
    """Install the hook for the standard library, and have what was needed for that imported anew."""
    import threading  # noqa: F401 - as below

    import dyntransform
    from dyntransform.importing import loader
    from dyntransform.transform import concrete, draft, lowering, source  # noqa: F401 - before the hook sees what they import

    dyntransform.install(roots=[LIBRARY], late_bind="all")
    packages = {name for name, module in sys.modules.items() if _is_of_library(name, module)}
    own = {name: sys.modules[name] for name in sys.modules if name.partition(".")[0] in packages or name in packages}
    for name in own:
        del sys.modules[name]
    compile_anew = loader.compile_anew

    def compile_with_own_library(*arguments: Any) -> Any:
        """Compile with the library that was there first: what it imports late is not the library under test."""
        tested = {name: sys.modules.pop(name) for name in own if name in sys.modules}
        sys.modules.update(own)
        try:
            return compile_anew(*arguments)
        finally:
            for name in own:
                del sys.modules[name]
            sys.modules.update(tested)

    loader.compile_anew = compile_with_own_library


def _is_of_library(name: str, module: object) -> bool:
    loader = getattr(module, "__loader__", None)
    if type(loader) is not SourceFileLoader or name.partition(".")[0] in KEPT:
        return False
    return loader.path.startswith(LIBRARY) and "site-packages" not in loader.path


def rewritten_modules() -> dict[str, int]:
    """Return the modules that the hook loaded, with the number of their late-bound names."""
    loader = sys.modules.get("dyntransform.importing.loader")
    project = loader.project() if loader is not None else None
    if project is None:
        return {}
    loaded = project.loaded.snapshot().items()
    return {name: len(record.compiled.lookups) + len(record.compiled.links) for name, record in loaded}


def main(mode: str, modules: str, *arguments: str) -> None:
    """Run the tests."""
    if mode == "rewritten":
        rewrite_library()
    sys.argv[1:] = arguments
    try:
        runpy.run_module("test", run_name="__main__", alter_sys=True)
    finally:
        import json

        with open(modules, "w", encoding="utf-8") as file:
            json.dump(rewritten_modules(), file)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What the engine knows of a loaded module: the source that is running, and its code."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from dyntransform.importing.loaded import Loaded
from dyntransform.reloading.model.code_tree import CodeNode
from dyntransform.reloading.model.loads import Loads, loads
from dyntransform.reloading.model.source import Source
from dyntransform.runtime.names import absolute_name
from dyntransform.transform.links import LinkSpec

__all__ = ["ModuleState"]


@dataclasses.dataclass(frozen=True, eq=False)
class ModuleState:
    """A module as it runs.

    Attributes:
        loaded: how it was loaded; another one means that it was executed anew.
        data: the source that is running.
        links: its live bindings.
        lookups: what its functions look up late.
        codes: code objects of each of its statements; None until they are needed.
    """

    loaded: Loaded
    data: bytes
    links: tuple[LinkSpec, ...]
    lookups: tuple[tuple[str, str], ...]
    codes: list[list[CodeNode]] | None = None
    _providers: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """Its dotted name."""
        return self.loaded.name

    @property
    def path(self) -> str:
        """Its file."""
        return self.loaded.path

    @property
    def namespace(self) -> dict[str, Any]:
        """Its globals."""
        return self.loaded.namespace

    def codes_of(self, source: Source) -> list[list[CodeNode]]:
        """Return the code of each statement of `source`, which is what is running."""
        if self.codes is not None:
            return self.codes
        return source.split(self.loaded.compiled.code)

    @functools.cached_property
    def loads(self) -> Loads | None:
        """What its top level may load; None if an edit changed that since its code was compiled."""
        compiled = self.loaded.compiled
        return loads(compiled.code) if compiled.data is self.data else None

    def take_loads(self, other: ModuleState) -> None:
        """Take over what another state of the same source may load."""
        self.__dict__["loads"] = other.loads

    @functools.cached_property
    def absolute_links(self) -> tuple[LinkSpec, ...]:
        """Its live bindings, by absolute name of the module imported from."""
        return tuple((scope, absolute_name(module, self.namespace), names) for scope, module, names in self.links)

    @functools.cached_property
    def has_star(self) -> bool:
        """Whether a star import makes live bindings."""
        return any(("*", "*") in names for *_, names in self.links)

    @functools.cached_property
    def sources(self) -> frozenset[str]:
        """The absolute names of the modules that it may have live bindings to."""
        return self._sources(lambda _: True)

    def _sources(self, counts: Callable[[str], bool]) -> frozenset[str]:
        """Return the names of the modules that names were imported from, and of those that may have been imported."""
        found: set[str] = set()
        for scope, module, names in self.links:
            taken = [attribute for attribute, name in names if scope or name == "*" or counts(name)]
            provider = absolute_name(module, self.namespace) if taken else ""
            found.update(*((provider, f"{provider}.{attribute}") for attribute in taken))
        return frozenset(found)

    @functools.cached_property
    def late(self) -> frozenset[tuple[str, str]]:
        """What its functions look up late, by absolute name of the module."""
        return frozenset((absolute_name(module, self.namespace), attribute) for module, attribute in self.lookups)

    @functools.cached_property
    def imports(self) -> tuple[str, ...]:
        """The dotted names that its top level may import; the compiler keeps them among the names of the code."""
        return tuple(name for name in self.loaded.compiled.code.co_names if "." in name)

    def providers(self) -> frozenset[str]:
        """Return the names of the modules that its top level may have read from, among others."""
        if self._providers is not None:
            return self._providers
        found = {*self.sources, *self.imports}
        for name, value in list(self.namespace.items()):
            # Importing a submodule binds it in its package, which does not depend on it for that.
            if isinstance(value, ModuleType) and value.__name__ != f"{self.name}.{name}":
                found.add(value.__name__)
        found.discard(self.name)
        providers = frozenset(found)
        if self.has_run:
            object.__setattr__(self, "_providers", providers)
        return providers

    def needs(self) -> frozenset[str]:
        """Return the modules that have to be up to date before it.

        These are not those whose imports it was loaded for: in a circle, they end after it, and it can have taken from
        them only what they had by then. Nor those of imports that did not run, as below ``if TYPE_CHECKING:``.
        """
        found = set(self.providers())
        found -= self.sources - self._sources(self.namespace.__contains__)
        return frozenset(found - self.around)

    @functools.cached_property
    def around(self) -> frozenset[str]:
        """The modules whose imports it was loaded for."""
        found, around = set[str](), self.loaded.within
        while around is not None:
            found.add(around.name)
            around = around.within
        return frozenset(found)

    @functools.cached_property
    def taken(self) -> dict[tuple[str, str], set[str]]:
        """What it imports with ``from``, outside of classes: by module and attribute, the names that it gives them."""
        found: dict[tuple[str, str], set[str]] = {}
        for scope, module, names in self.absolute_links:
            for attribute, name in names if not scope else ():
                found.setdefault((module, attribute), set()).add(name)
        return found

    @functools.cached_property
    def passed_on(self) -> dict[str, list[tuple[str, str]]]:
        """The names that it imports with ``from``, with the module and the attribute of each import of a name."""
        found: dict[str, list[tuple[str, str]]] = {}
        for source, names in self.taken.items():
            for name in names:
                found.setdefault(name, []).append(source)
        return found

    @property
    def has_run(self) -> bool:
        """Whether its top level is through; one that runs as a program may never be."""
        return self.name != "__main__" and not self.loaded.is_being_imported()

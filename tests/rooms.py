"""The rooms of the package, and who imports whom, read from the sources; draws them for docs/design.md.

    python tests/rooms.py

A room is a folder or a module of the package; those of the engine count by themselves.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "dyntransform"
ENGINE = f"{PACKAGE}.reloading"
PAGE = ROOT / "docs" / "design.md"
BEGIN, END = "<!-- rooms: written by tests/rooms.py -->\n", "<!-- end of rooms -->\n"
Arrows = dict[str, set[str]]


def modules() -> Arrows:
    """Return the modules that each module imports, wherever it does; the package itself only hands on names."""
    files = {_name(path): path for path in sorted((ROOT / PACKAGE).rglob("*.py"))}
    del files[PACKAGE]
    return {name: {one for one in _imported(path, files) if one != name} for name, path in files.items()}


def rooms() -> Arrows:
    """Return the rooms that each room imports from."""
    found: Arrows = {}
    for module, imported in modules().items():
        found.setdefault(room(module), set()).update(map(room, imported))
    for name, others in found.items():
        others.discard(name)
    found.pop(ENGINE, None)  # its docstring
    return found


def room(module: str) -> str:
    """Return the room of a module."""
    parts = module.split(".")
    return ".".join(parts[: 3 if module.startswith(f"{ENGINE}.") else 2])


def circles(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the sets of nodes that reach each other (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(arrows.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                found.append(stack[at:])
            del stack[at:]

    for node in arrows:
        if node not in index:
            visit(node)
    return found


def picture() -> str:
    """Draw the rooms (Mermaid); arrows that follow from others are left out."""
    arrows = rooms()
    below = {node: _reached(arrows, arrows[node]) for node in arrows}
    lines = ["```mermaid", "graph TD"]
    engine = sorted(node for node in arrows if node.startswith(f"{ENGINE}."))
    lines += ["  subgraph reloading", *(f"    {_label(node)}" for node in engine), "  end"]
    for node in sorted(arrows):
        direct = [one for one in arrows[node] if not any(one in below[other] for other in arrows[node] - {one})]
        lines += [f"  {_label(node)} --> {_label(one)}" for one in sorted(direct)]
    return "\n".join([*lines, "```"]) + "\n"


def _reached(arrows: Arrows, begin: set[str]) -> set[str]:
    seen: set[str] = set()
    pending = [inner for node in begin for inner in arrows.get(node, ())]
    while pending:
        node = pending.pop()
        if node not in seen:
            seen.add(node)
            pending += arrows.get(node, ())
    return seen


def _label(node: str) -> str:
    return node.removeprefix(f"{ENGINE}.").removeprefix(f"{PACKAGE}.")


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imported(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from (name if name in known else node.module for name in names if {name, node.module} & set(known))


def main() -> None:
    """Write the picture into the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + BEGIN + picture() + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()

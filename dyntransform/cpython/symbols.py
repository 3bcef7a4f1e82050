"""What `symtable` calls the scopes that have no name of their own, and the kinds of scopes."""

from __future__ import annotations

import ast
import symtable

from dyntransform.cpython.versions import lost

__all__ = ["SCOPE_NAMES", "scope_kind"]


def scope_kind(table: symtable.SymbolTable) -> str:
    """Return the kind of a scope: ``"function"``, ``"class"``, ``"type parameters"``, ...

    Until Python 3.12 the types are strings; since then they are members of an enumeration, whose values changed once.
    """
    kind = str(table.get_type()).rpartition(".")[2].replace("_", " ").lower()
    return "type parameters" if kind.startswith("type param") else kind


_PROBES = {
    ast.Lambda: ("lambda: x", ("lambda", "<lambda>")),
    ast.GeneratorExp: ("(x for y in z)", ("genexpr", "<genexpr>")),
    ast.ListComp: ("[x for y in z]", ("listcomp", "<listcomp>", "")),
    ast.SetComp: ("{x for y in z}", ("setcomp", "<setcomp>", "")),
    ast.DictComp: ("{x: x for y in z}", ("dictcomp", "<dictcomp>", "")),
}
"""An expression with such a scope, and the names that are known for it; none if the compiler inlines it (PEP 709)."""


def _asked() -> dict[type[ast.AST], str]:
    found: dict[type[ast.AST], str] = {}
    for kind, (expression, known) in _PROBES.items():
        scopes = symtable.symtable(expression, "<probe>", "eval").get_children()
        name = scopes[0].get_name() if scopes else ""
        if len(scopes) > 1 or name not in known or any(scope_kind(scope) != "function" for scope in scopes):
            raise lost(f"symtable has other scopes for {expression!r}")
        found[kind] = name
    return found


SCOPE_NAMES = _asked()
"""Names by kind of node, as this interpreter has them."""

"""Whether an import statement runs modules that an edit changes."""

import ast

from dyntransform.reloading.planning.import_reach import imports, sources


def test_imports() -> None:
    """Modules, and the names that are taken from them; relative ones are told from the package."""
    nodes = ast.walk(ast.parse("import a.b\nfrom c import d, e\nfrom . import f\n"))
    found = dict(imports(nodes, {"__package__": "p"}))
    assert found["c"] == ["d", "e"]
    assert found["p"] == ["f"]
    assert "a.b" in found


def test_sources() -> None:
    """A name may be a module of the package that it is taken from, if that is loaded."""
    assert sources("os", ["path", "sep"]) >= {"os"}
    assert sources("importlib", ["util", "import_module"]) == {"importlib", "importlib.util"}

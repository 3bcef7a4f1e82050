"""Real libraries and programs as projects: the work of each, measured inside the process, plain and rewritten."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import random
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["LIBRARIES", "PROGRAMS", "available", "measure"]

SECONDS = 0.7
"""So long each process repeats the work, at least three times."""

Work = Callable[[], object]


def _sympy() -> Work:
    import sympy
    from sympy.core.cache import clear_cache

    x, y, z = sympy.symbols("x y z")

    def work() -> None:
        clear_cache()
        sympy.expand((1 + x + y + z) ** 9)
        sympy.integrate(x**2 * sympy.sin(x), x)
        sympy.factor(x**6 - y**6)
        str(sympy.series(sympy.exp(sympy.sin(x)), x, 0, 6))

    return work


def _networkx() -> Work:
    import networkx as nx

    graph = nx.gnm_random_graph(300, 1500, seed=1)

    def work() -> None:
        nx.betweenness_centrality(graph, k=30, seed=1)
        list(nx.connected_components(graph))
        nx.minimum_spanning_tree(graph)
        nx.greedy_color(graph)

    return work


def _jinja2() -> Work:
    import jinja2

    text = (
        "{% macro cell(value) %}<td>{{ value|e }}</td>{% endmacro %}"
        "<table>{% for row in rows %}<tr>{% for value in row %}{{ cell(value) }}{% endfor %}</tr>"
        "{% if loop.index is divisibleby 10 %}<hr>{% endif %}{% endfor %}</table>"
    )
    rows = [[row * column for column in range(10)] for row in range(100)]
    return lambda: [jinja2.Environment().from_string(text).render(rows=rows) for _ in range(3)]


def _pygments() -> Work:
    import pygments
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    text = Path(pygments.__file__).with_name("lexer.py").read_text(encoding="utf-8")[:15_000]
    return lambda: pygments.highlight(text, PythonLexer(), HtmlFormatter())


def _sqlglot() -> Work:
    import sqlglot
    from sqlglot.optimizer import optimize

    text = (
        "WITH t AS (SELECT a, b, SUM(c) AS s FROM x JOIN y ON x.i = y.i WHERE x.d > 1 AND y.e IN (1, 2, 3) "
        "GROUP BY a, b) SELECT t.a, CASE WHEN t.s > 10 THEN 'many' ELSE 'few' END AS n "
        "FROM t LEFT JOIN z ON z.a = t.a ORDER BY n LIMIT 5"
    )
    schema = {"x": {"a": "int", "c": "int", "d": "int", "i": "int"}, "y": {"b": "int", "e": "int", "i": "int"}}
    schema["z"] = {"a": "int"}

    def work() -> None:
        sqlglot.transpile(text, read="duckdb", write="spark", pretty=True)
        optimize(sqlglot.parse_one(text), schema=schema).sql()

    return work


def _lark() -> Work:
    import lark

    grammar = r"""
        ?value: object | array | string | SIGNED_NUMBER
        array: "[" [value ("," value)*] "]"
        object: "{" [pair ("," pair)*] "}"
        pair: string ":" value
        string: ESCAPED_STRING
        %import common.ESCAPED_STRING
        %import common.SIGNED_NUMBER
        %import common.WS
        %ignore WS
    """
    item = '{"name": "value", "numbers": [1, 2, 3, 4.5], "inner": {"a": "b"}}'
    fast, general = lark.Lark(grammar, start="value", parser="lalr"), lark.Lark(grammar, start="value")

    def work() -> None:
        fast.parse(f"[{', '.join([item] * 100)}]")
        general.parse(f"[{item}, {item}]")

    return work


def _docutils() -> Work:
    from docutils.core import publish_string

    part = "Title {0}\n=========\n\nSome *text* with ``code`` and a link_.\n\n- one\n- two\n\n.. _link: https://a.b/{0}\n\n"
    text = "".join(part.format(number).replace("link", f"link{number}") for number in range(25))
    settings = {"report_level": 5, "warning_stream": False}
    return lambda: publish_string(text, writer_name="html5", settings_overrides=settings)


LIBRARIES: dict[str, Callable[[], Work]] = {
    "sympy": _sympy,
    "networkx": _networkx,
    "jinja2": _jinja2,
    "pygments": _pygments,
    "sqlglot": _sqlglot,
    "lark": _lark,
    "docutils": _docutils,
}

PROGRAMS: dict[str, Callable[[Any], object]] = {
    "deltablue": lambda it: it.delta_blue(500),
    "go": lambda it: it.versus_cpu(),
    "hexiom": lambda it: it.main(2, 10),
    "fannkuch": lambda it: it.fannkuch(7),
    "float": lambda it: it.benchmark(5_000),
    "generators": lambda it: it.bench_generators(1),
    "nbody": lambda it: it.bench_nbody(1, "sun", 2_000),
    "richards_super": lambda it: it.Richards().run(1),
    "nqueens": lambda it: it.bench_n_queens(7),
    "raytrace": lambda it: it.bench_raytrace(1, 50, 50, None),
    "richards": lambda it: it.Richards().run(1),
    "spectral_norm": lambda it: it.bench_spectral_norm(1),
}
"""Pure-Python programs of pyperformance: what one run of each does."""


def available() -> list[str]:
    """Return the libraries and programs that are installed."""
    found = [name for name in LIBRARIES if importlib.util.find_spec(name) is not None]
    return [*found, *(f"pyperformance: {name}" for name in PROGRAMS if _program(name).is_dir())]


def _program(name: str) -> Path:
    spec = importlib.util.find_spec("pyperformance")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    return folder / "data-files" / "benchmarks" / f"bm_{name}"


def measure(name: str, engine: str) -> dict[str, Any]:
    """Do the work of a library, over and over.

    Returns:
        ``times``: seconds of each run but the first; ``modules``: how many modules were loaded by the hook;
        ``lookups``: how many names their functions look up late; ``version`` of the library.
    """
    kind, _, program = name.rpartition(": ")
    root = _program(program) if kind else Path(str(importlib.util.find_spec(name).origin)).parent  # type: ignore[union-attr]
    if engine == "dyntransform":
        import dyntransform

        dyntransform.install(roots=[root])
    if kind:
        sys.path.insert(0, str(root))
        module = importlib.import_module("run_benchmark")
        work: Work = lambda: PROGRAMS[program](module)
    else:
        work = LIBRARIES[name]()
    version = metadata.version(kind or name)
    return {"times": _times(work), "version": version, **_loaded(engine)}


def _times(work: Work) -> list[float]:
    times: list[float] = []
    begun = time.process_time()
    for number in itertools.count():
        random.seed(1)
        start = time.process_time()
        work()
        if number:  # the first fills caches
            times.append(time.process_time() - start)
        if len(times) >= 3 and time.process_time() - begun > SECONDS:
            return times
    raise AssertionError


def _loaded(engine: str) -> dict[str, int]:
    if engine != "dyntransform":
        return {"modules": 0, "lookups": 0}
    from dyntransform.importing.loader import project

    records = project().loaded.snapshot().values()  # type: ignore[union-attr]
    return {"modules": len(records), "lookups": sum(len(record.compiled.lookups) for record in records)}

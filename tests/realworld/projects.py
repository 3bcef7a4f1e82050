"""Projects that nobody here wrote, and how their authors run their tests."""

from __future__ import annotations

import dataclasses

__all__ = ["MORE", "PROJECTS", "Project"]


@dataclasses.dataclass(frozen=True)
class Project:
    """A project with a test suite.

    Attributes:
        name: its name in the package index.
        version: its release.
        requirements: what its tests need: requirement strings, or ``-r FILE`` for a file of its source archive.
        arguments: what pytest is told besides the project's own configuration.
        early: pytest itself imports it, so the whole program runs under ``python -m dyntransform``.
    """

    name: str
    version: str
    requirements: tuple[str, ...] = ("pytest",)
    arguments: tuple[str, ...] = ()
    early: bool = False

    @property
    def folder(self) -> str:
        """Name of the folder in its source archive."""
        return f"{self.name.replace('-', '_')}-{self.version}"


PROJECTS = (
    Project("click", "8.1.8", ("-r requirements/tests.txt",)),
    Project("jinja2", "3.1.6", ("-r requirements/tests.txt",)),
    # Without its mypy plugin: these tests run mypy, and nothing of attrs.
    Project("attrs", "25.3.0", ("pytest", "hypothesis", "cloudpickle", "pympler", "pytest-xdist[psutil]")),
    Project("more-itertools", "10.7.0"),
    Project("pluggy", "1.6.0", ("pytest", "pytest-benchmark", "coverage"), ("--benchmark-disable",), early=True),
)
"""What `make realworld` runs."""

MORE = (
    Project("werkzeug", "3.1.3", ("-r requirements/tests.txt",)),
    Project("flask", "3.1.0", ("-r requirements/tests.txt",)),
    Project(
        "starlette",
        "0.46.1",
        (".[full]", "anyio==4.9.0", "pytest==8.3.4", "trio==0.29.0", "typing-extensions==4.12.2"),
    ),
    Project(
        "sqlalchemy",
        "2.0.40",
        ("pytest<9", "greenlet"),
        ("test/base", "test/orm/declarative", "test/orm/test_mapper.py", "test/ext/declarative", "-p", "no:warnings"),
    ),
    Project(
        "anyio",
        "4.9.0",
        ("pytest", "trio", "psutil", "trustme", "exceptiongroup", "truststore", "blockbuster", "hypothesis", "uvloop"),
        # Without what needs a network or starts processes.
        tuple(f"--ignore=tests/test_{name}.py" for name in ("sockets", "subprocesses", "to_process", "debugging")),
        early=True,
    ),
    Project(
        "networkx",
        "3.4.2",
        ("pytest",),
        ("networkx/classes", "networkx/algorithms/shortest_paths", "networkx/readwrite"),
    ),
    Project(
        "sympy",
        "1.13.3",
        ("pytest", "hypothesis"),
        ("sympy/logic", *(f"sympy/core/tests/test_{name}.py" for name in ("basic", "relational", "subs", "symbol"))),
    ),
    Project(
        "marshmallow",
        "3.26.1",
        ("pytest", "simplejson"),
        # Its parameters are named for the time at which the tests are collected.
        ("--deselect=tests/test_deserialization.py::TestFieldDeserialization::test_invalid_datetime_deserialization",),
    ),
    Project(
        "structlog", "25.2.0", ("pytest>=6", "pytest-asyncio>=0.17", "freezegun", "pretend", "time-machine", "twisted")
    ),
    Project("jsonschema", "4.23.0", ("pytest",), ("jsonschema/tests", "--ignore=jsonschema/tests/test_cli.py")),
    Project("pyparsing", "3.2.3", ("pytest", "railroad-diagrams", "jinja2"), ("tests/test_unit.py",)),
    Project("lark", "1.2.2", ("pytest", "regex", "atomicwrites"), ("tests/test_parser.py", "tests/test_trees.py")),
    Project(
        "trio", "0.29.0", ("pytest", "trustme", "pyopenssl", "astor", "jedi", "pylint"), ("src/trio/_core/_tests",)
    ),
    Project(
        "tornado",
        "6.4.2",
        ("pytest",),
        ("tornado/test/web_test.py", "tornado/test/gen_test.py", "tornado/test/template_test.py"),
    ),
    Project(
        "httpx",
        "0.28.1",
        ("pytest", "trio", "trustme", "uvicorn", "chardet", "anyio", ".[brotli,cli,http2,socks,zstd]"),
    ),
    Project(
        "sqlglot",
        "26.12.0",
        ("pytest", "pytz", "python-dateutil"),
        ("tests/test_parser.py", "tests/test_transpile.py", "tests/dialects"),
    ),
    Project("toolz", "1.0.0", ("pytest",), ("toolz",)),
    Project("pony", "0.7.19", ("pytest",), ("pony/orm/tests",)),
    Project(
        "mpmath",
        "1.3.0",
        ("pytest",),
        tuple(f"mpmath/tests/test_{name}.py" for name in ("basic_ops", "matrices", "calculus")),
    ),
    Project(
        "uvicorn",
        "0.34.0",
        (
            "pytest",
            "pytest-mock",
            "httpx",
            "trustme",
            "cryptography",
            "a2wsgi",
            "wsproto",
            "websockets<14",
            ".[standard]",
        ),
        ("tests/middleware", "tests/test_config.py", "tests/importer", "tests/protocols/test_http.py"),
    ),
    Project("tomlkit", "0.13.2", ("pytest", "pyyaml")),
)
"""What `make realworld ARGS=--more` runs as well: a web framework, an ORM, an async library, computer algebra."""

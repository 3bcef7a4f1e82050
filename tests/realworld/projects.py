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
)
"""What `make realworld ARGS=--more` runs as well: a web framework, an ORM, an async library, computer algebra."""

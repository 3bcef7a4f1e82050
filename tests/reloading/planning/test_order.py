"""Which modules an edit reaches, and in which order."""

from __future__ import annotations

import random
import sys

import pytest

from dyntransform.reloading.project.modules import States
from dyntransform.transform.decide import Options


def test_providers_come_first_and_once(project, monkeypatch):
    """A statement that reads changed names of several modules runs once, after all of them."""
    log: list[tuple[str, int]] = []
    monkeypatch.setattr("builtins.ordering_log", log, raising=False)
    note = "ordering_log.append((__name__, VALUE))"
    project.write(
        base="A = 1",
        left=f"from base import A\nVALUE = A + 1\nL = {note}",
        right=f"import base\nVALUE = base.A + 2\nR = {note}",
        top=f"import left\nfrom right import VALUE as V\nVALUE = left.VALUE + V\nT = {note}",
    )
    top = project.load("top")
    assert top.VALUE == 5
    log.clear()
    project.edit(base="A = 10")
    assert top.VALUE == 23
    assert log == [("left", 11), ("right", 12), ("top", 23)]


def test_circle(project):
    """Modules that import each other see each other's changes."""
    project.write(
        one="A = 1\nimport two\ndef one_total(): return A + two.B",
        two="import one\nB = one.A + 1\nC = B + 1",
    )
    one = project.load("one")
    project.edit(one="A = 5\nimport two\ndef one_total(): return A + two.B")
    assert (one.two.B, one.two.C, one.one_total()) == (6, 7, 11)


def test_graph_follows_edits(project):
    """An import that an edit adds counts at the next edit, and one that it removes does not."""
    project.write(provider="X = 1", other="X = 100", user="from other import X\nY = X + 1")
    user = project.load("user")
    project.load("provider")
    project.edit(user="from provider import X\nY = X + 1")
    assert user.Y == 2
    project.edit(provider="X = 2")
    assert user.Y == 3
    report = project.edit(other="X = 200")
    assert user.Y == 3
    assert {change.module for change in report.changes} == {"other"}


def test_reached_modules(project):
    """The graph knows importers of all kinds, directly or not, and no others."""
    project.write(a="X = 1", b="from a import X", c="import b", d="import importlib\nb = importlib.import_module('b')")
    project.write(apart="Y = 1")
    for name in ("c", "d", "apart"):
        project.load(name)
    from dyntransform.importing import loader

    loaded = loader.project().loaded
    states = States(Options(), loaded)
    assert set(states.reached(["a"])) == {"a", "b", "c", "d"}
    assert {state.name for state in states.importers(["b"])} == {"c", "d"}
    del sys.modules["c"]
    assert set(states.reached(["a"])) == {"a", "b", "d"}


def test_import_that_an_edit_drops(project):
    """What the new version no longer imports does not stand before it, so that the two can change places."""
    project.write(
        one="from two import B\ndef f(): return 'one'\nA = B",
        two="B = 1\ndef g(): return 'two'",
        user="from one import f\nfrom two import g",
    )
    user = project.load("user")
    project.edit(
        one="def f(): return 'one'\ndef made(): return 2\nA = made()",
        two="from one import A\nB = A + 1\ndef g(): return 'two'",
    )
    assert (user.f(), sys.modules["one"].A, sys.modules["two"].B) == ("one", 2, 3)


def _package(draw: random.Random) -> tuple[dict[str, str], list[str], str]:
    """Return the modules of a package that take constants from each other, also through it, their names, and its text.

    ``CONSTANTS`` stands for what the edits change.
    """
    names = [f"m{number}" for number in range(draw.randint(4, 8))]
    files = {"pk__m0": "CONSTANTS", "pk__m1": "CONSTANTS"}
    known = [(module, f"C{index}") for module in ("m0", "m1") for index in range(3)]
    package: dict[str, str] = {}
    for module in names[2:]:
        lines, reads = ["import pk"], []
        for number, (source, name) in enumerate(draw.sample(known, draw.randint(1, 4))):
            form = draw.choice(["from", "module", "package"])
            if form == "package" and package.get(name) == source:
                lines.append(f"from pk import {name} as n{number}")
                reads += [f"n{number}", f"pk.{name}"]
            elif form == "module":
                lines.append(f"import pk.{source}")
                reads.append(f"pk.{source}.{name}")
            else:
                lines.append(f"from pk.{source} import {name} as n{number}")
                reads.append(f"n{number}")
        for number in range(draw.randint(1, 3)):
            read = ", ".join(draw.sample(reads, draw.randint(1, min(3, len(reads)))))
            name = f"{module.upper()}_{number}"
            lines.append(f"{name} = ordering_note('{name}', {read})")
            reads.append(name)
            known.append((module, name))
        files[f"pk__{module}"] = "\n".join(lines)
        package |= {name: source for source, name in known if name[0] == "M" and draw.random() < 0.4}
        package |= {name: source for source, name in known[:3] if draw.random() < 0.4}
    inside = "\n".join(f"from pk.{source} import {name}" for name, source in package.items())
    return files, names, inside


@pytest.mark.parametrize("seed", range(40))
def test_values_of_one_edit(project, monkeypatch, seed):
    """Each statement that an edit reaches runs once, and sees the new values of all that it reads."""
    log: list[tuple[str, tuple[int, ...]]] = []
    monkeypatch.setattr(
        "builtins.ordering_note", lambda name, *values: log.append((name, values)) or max(values), raising=False
    )
    draw = random.Random(seed)
    files, names, inside = _package(draw)
    project.write(**{name: text.replace("CONSTANTS", "C0 = 1\nC1 = 1\nC2 = 1") for name, text in files.items()})
    (project.root / "pk" / "__init__.py").write_text(inside)
    for name in draw.sample(names, len(names)):
        project.load(f"pk.{name}")
    expected = sorted(name for name, _ in log)
    for value in (2, 3):
        log.clear()
        text = f"C0 = {value}\nC1 = {value}\nC2 = {value}"
        project.edit(pk__m0=text, pk__m1=text)
        assert sorted(name for name, _ in log) == expected
        assert {one for _, values in log for one in values} <= {value}

"""Imports point one way, between modules and between rooms, and the picture of them is the one in the documents."""

from __future__ import annotations

import rooms


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Not in functions either, nor for type checkers alone."""
    assert rooms.circles(rooms.modules()) == []


def test_rooms_stand_on_each_other() -> None:
    """No room imports from one that imports from it."""
    assert rooms.circles(rooms.rooms()) == []


def test_circles_are_found() -> None:
    """The tests above would see one."""
    assert rooms.circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c"]]


def test_runtime_and_transform_know_nothing_of_a_running_program() -> None:
    """What rewritten code needs while it runs imports nothing of ours but that, and the rewriter neither."""
    arrows = rooms.rooms()
    assert arrows["dyntransform.runtime"] <= {"dyntransform.cpython"}
    assert arrows["dyntransform.transform"] <= {"dyntransform.cpython", "dyntransform.runtime"}


def test_planning_sees_no_heap() -> None:
    """Plans are made of two versions of the text: what is asked of the running program is handed in."""
    assert "dyntransform.reloading.live" not in rooms.rooms()["dyntransform.reloading.planning"]


def test_picture() -> None:
    """It is drawn from the sources: ``python tests/rooms.py`` writes it."""
    page = rooms.PAGE.read_text(encoding="utf-8")
    assert page.partition(rooms.BEGIN)[2].partition(rooms.END)[0] == rooms.picture()

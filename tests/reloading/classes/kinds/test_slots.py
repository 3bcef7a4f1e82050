"""Slots."""


def test_slot_that_is_added(project):
    """Objects from before the edit can have it."""
    m = project.load("m", "class C:\n    __slots__ = ('a',)\n")
    one = m.C()
    one.a = 1
    project.edit(m="class C:\n    __slots__ = ('a', 'b')\n")
    one.b = 2
    assert (one.a, one.b, m.C().__slots__) == (1, 2, ("a", "b"))

"""Members of a live class: set, replaced and removed."""


def test_members(project):
    """The class stays, what was put on it from outside too; removed members are gone."""
    m = project.load("m", "class C:\n    a = 1\n    b = 2\n    def f(self): return self.a\n")
    cls, one = m.C, m.C()
    cls.mine = []
    project.edit(m="class C:\n    a = 3\n    c = 4\n    def g(self): return self.a\n")
    assert m.C is cls
    assert (one.g(), cls.c, cls.mine) == (3, 4, [])
    assert not hasattr(one, "b")
    assert not hasattr(one, "f")


def test_member_that_was_replaced_from_outside(project):
    """It stays until its own statement changes."""
    m = project.load("m", "class C:\n    a = 1\n    b = 2\n")
    m.C.a = "mine"
    project.edit(m="class C:\n    a = 1\n    b = 3\n")
    assert (m.C.a, m.C.b) == ("mine", 3)
    project.edit(m="class C:\n    a = 5\n    b = 3\n")
    assert m.C.a == 5

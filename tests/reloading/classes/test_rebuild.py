"""A class that is made again, and taken over by the live one."""

LOOKS = """
def d(cls):
    cls.names = sorted(n for n in vars(cls) if n[0] != '_')
    return cls
@d
class C:
    a = 1
{}
"""
SUPER = """
class B:
    def f(self): return 1
class C(B, metaclass=type):
    def f(self): return super().f() + {}, __class__
"""


def test_decorator_that_looks_at_members(project):
    """It sees the new member, once more, and the class is the same."""
    m = project.load("m", LOOKS.format(""))
    cls = m.C
    project.edit(m=LOOKS.format("    b = 1\n"))
    assert m.C is cls
    assert cls.names == ["a", "b"]


def test_super_and_class_cells(project):
    """Methods made again mean the live class."""
    m = project.load("m", SUPER.format(1))
    one, cls = m.C(), m.C
    project.edit(m=SUPER.format(2) + "    x = 1\n")
    assert one.f() == (3, cls)

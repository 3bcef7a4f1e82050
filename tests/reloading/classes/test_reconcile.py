"""Classes that another statement, or a block, makes."""

BRANCHES = """
FLAG = {}
if FLAG:
    class C:
        def f(self): return 'yes'
else:
    class C:
        def f(self): return 'no'
"""


def test_branches(project):
    """Where a block makes the class anew, the live one takes it over."""
    m = project.load("m", BRANCHES.format(1))
    cls, one = m.C, m.C()
    project.edit(m=BRANCHES.format(0))
    assert m.C is cls
    assert one.f() == "no"

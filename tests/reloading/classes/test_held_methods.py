"""Methods that somebody holds, bound or not."""

DECORATED = """
def d(f): return f
def e(f): return lambda self: ('new', f(self))
class C:
    @{}
    def f(self): return 1
"""


def test_decorated_method_that_is_held(project):
    """Who holds what a method statement made is served by what it makes now."""
    m = project.load("m", DECORATED.format("d"))
    bound, plain = m.C().f, m.C.f
    project.edit(m=DECORATED.format("e"))
    assert (bound(), plain(m.C())) == (("new", 1), ("new", 1))


def test_method_that_becomes_static(project):
    """A bound one is called as before, and does what the member does now."""
    m = project.load("m", "class C:\n    def f(self): return 1\n")
    held = m.C().f
    project.edit(m="class C:\n    @staticmethod\n    def f(): return 2\n")
    assert held() == 2

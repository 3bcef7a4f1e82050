"""The class that a statement made, when its name holds something else."""


def test_class_behind_a_decorator(project):
    """What its name holds may be an object made of it: the class is edited all the same."""
    text = "def d(cls): return cls()\n@d\nclass C:\n    def f(self): return {}\n"
    m = project.load("m", text.format(1))
    held = m.C
    project.edit(m=text.format(2))
    assert held.f() == 2


def test_name_that_the_program_took(project):
    """A class of somebody else under that name is left alone."""
    m = project.load("m", "class C:\n    def f(self): return 1\n")

    class Other:
        def f(self):
            return 0

    own, m.C = m.C, Other
    project.edit(m="class C:\n    def f(self): return 2\n")
    assert (own().f(), Other().f()) == (2, 0)

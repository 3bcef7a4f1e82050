"""A class whose layout cannot change is replaced."""


def test_instances_move(project):
    """Live instances, names and subclasses follow to the new class, with their values."""
    m = project.load("m", "class C:\n    pass\nclass D(C):\n    pass\n")
    n = project.load("n", "from m import C\n")
    one, below = m.C(), m.D()
    one.value = below.value = 7
    project.edit(m="class C(Exception):\n    pass\nclass D(C):\n    pass\n")
    assert n.C is m.C
    assert issubclass(m.D, Exception)
    assert m.D.__mro__[1] is m.C
    assert type(m.D()) is m.D


def test_metaclass(project):
    """Another metaclass needs another class; what was made before belongs to it."""
    text = "class M(type):\n    def shout(cls): return 'M'\nclass C{}:\n    pass\none = C()\n"
    m = project.load("m", text.format(""))
    one = m.one
    project.edit(m=text.format("(metaclass=M)"))
    assert m.C.shout() == "M"
    assert isinstance(one, m.C)

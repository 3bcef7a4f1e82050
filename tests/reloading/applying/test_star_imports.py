"""Names that star imports bind."""


def test_names_come_and_go(project):
    """A name that the source gains is there, one that it loses is gone, and values follow."""
    project.write(m="A = 1\nB = 2\n", n="from m import *\nC = A\n")
    n = project.load("n")
    project.edit(m="A = 3\nD = 4\n")
    assert (n.A, n.C, n.D, hasattr(n, "B")) == (3, 3, 4, False)


def test_what_the_module_rebound(project):
    """A name that the module bound itself stays."""
    project.write(m="A = 1\n", n="from m import *\nA = 'mine'\n")
    n = project.load("n")
    project.edit(m="A = 2\n")
    assert n.A == "mine"

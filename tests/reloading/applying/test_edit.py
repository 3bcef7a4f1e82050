"""An edit as a whole."""


def test_order_of_modules(project):
    """What is imported comes first, whatever the order in which files were saved."""
    project.write(a="A = 1\n", b="from a import A\nB = A + 1\n", c="from b import B\nC = B + 1\n")
    c = project.load("c")
    project.edit(c="from b import B\nC = B + 10\n", a="A = 100\n")
    assert c.C == 111


def test_report(project):
    """It names what was done, in order, with the place."""
    m = project.load("m", "A = 1\nB = A\ndef f(): return 1\n")
    report = project.edit(m="A = 2\nB = A\ndef f(): return 2\n")
    done = {change.name: (str(change.action), change.place.line if change.place else None) for change in report.changes}
    assert set(done) == {"A", "B", "f"}
    assert done["f"][1] == 3
    assert (m.B, m.f()) == (2, 2)

"""Statements that an edit executes."""


def test_values_that_are_equal(project):
    """What is equal is the same value: who reads it does not run again, and the object stays."""
    text = "seen = []\nA = {}\nB = tuple(A)\nseen.append(B)\n"
    m = project.load("m", text.format("[1, 2]"))
    project.edit(m=text.format("[1] + [2]"))
    assert m.A == [1, 2]
    project.edit(m=text.format("[3]"))
    assert m.B == (3,)


def test_what_failed_statements_did(project):
    """A statement that fails leaves names, containers and attributes as they were."""
    m = project.load("m", "TABLE = {}\nA = 1\n")
    table = m.TABLE
    report = project.try_edit(m="TABLE = {}\nA = 2\nTABLE['a'] = A\nB = 1 / 0\n")
    assert isinstance(report.error, ZeroDivisionError)
    assert (m.A, m.TABLE is table, table, hasattr(m, "B")) == (1, True, {}, False)

"""Enumerations."""


def test_members_keep_their_identity(project):
    """A member that stays is the same object; one that is added is there, one that is removed is gone."""
    m = project.load("m", "import enum\nclass Color(enum.Enum):\n    RED = 1\n    BLUE = 2\n")
    red, cls = m.Color.RED, m.Color
    project.edit(m="import enum\nclass Color(enum.Enum):\n    RED = 1\n    GREEN = 3\n")
    assert m.Color is cls
    assert m.Color.RED is red
    assert m.Color(3) is m.Color.GREEN
    assert [one.name for one in m.Color] == ["RED", "GREEN"]


def test_value_of_a_member(project):
    """A member with another value is the member that it was."""
    m = project.load("m", "import enum\nclass Color(enum.Enum):\n    RED = 1\n")
    red = m.Color.RED
    project.edit(m="import enum\nclass Color(enum.Enum):\n    RED = 5\n")
    assert m.Color.RED is red
    assert (red.value, m.Color(5)) == (5, red)

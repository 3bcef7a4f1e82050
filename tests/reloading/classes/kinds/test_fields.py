"""Fields of dataclasses and named tuples."""


def test_field_with_a_default(project):
    """Objects from before the edit have it, each its own if it is made by a factory."""
    text = "import dataclasses\n@dataclasses.dataclass\nclass C:\n    x: int\n{}"
    m = project.load("m", text.format(""))
    one, other = m.C(1), m.C(2)
    project.edit(m=text.format("    tags: list = dataclasses.field(default_factory=list)\n"))
    one.tags.append("mine")
    assert (one, other) == (m.C(1, ["mine"]), m.C(2, []))


def test_named_tuple(project):
    """A tuple is as long as its class says."""
    text = "import typing\nclass P(typing.NamedTuple):\n    x: int\n    y: int = 0\n{}"
    m = project.load("m", text.format(""))
    held = [m.P(1, 2)]
    project.edit(m=text.format("    z: int = 9\n"))
    assert held == [m.P(1, 2, 9)]
    assert held[0].z == 9

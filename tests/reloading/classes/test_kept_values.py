"""What stays when a class is made again."""


def test_statements_that_did_not_change(project):
    """Their values are those of the live class, also if it is made again because of another member."""
    text = "import dataclasses\n@dataclasses.dataclass\nclass C:\n    x: int = 1\n    seen = []\n{}"
    m = project.load("m", text.format(""))
    m.C.seen.append("kept")
    project.edit(m=text.format("    y: int = 2\n"))
    assert m.C.seen == ["kept"]
    assert m.C() == m.C(1, 2)

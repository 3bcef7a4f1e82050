"""Class bodies that read a value which an edit changes."""

from __future__ import annotations


def test_only_dependent_of_an_edit(project):
    """A class attribute is computed from the new value, also if nothing else of the edit has to be live before."""
    project.load("provider", "TAX = 20\n")
    user = project.load("user", "from provider import TAX\nclass Item:\n    note = TAX\n    fixed = []\n")
    fixed = user.Item.fixed
    report = project.edit(provider="TAX = 50\n")
    assert user.Item.note == 50
    assert user.Item.fixed is fixed
    assert "Item.note" in [change.name for change in report.changes]

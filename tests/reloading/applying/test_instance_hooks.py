"""__on_reload__: live instances are told that their class changed."""

from __future__ import annotations

OLD = """\
class Account:
    def __init__(self):
        self.owner = "Ada"
"""
NEW = """\
class Account:
    def __init__(self):
        self.owner = "Ada"
        self.limit = 100
    def __on_reload__(self):
        self.limit = 100
"""


def test_method_added_by_the_edit_itself(project):
    """The edit that brings the method also calls it, on instances that were made before."""
    module = project.load("account", OLD)
    account = module.Account()
    project.edit(account=NEW)
    assert account.limit == 100


def test_method_removed_by_the_edit(project):
    """An edit that takes the method away does not call it."""
    module = project.load("account", NEW)
    account = module.Account()
    account.limit = 7
    project.edit(account=OLD)
    assert account.limit == 7

"""One module of an edit."""

import threading

from reloading.conftest import Project

SLOW = """
import threading
started, go_on = threading.Event(), threading.Event()
started.set()
go_on.wait(20)
VALUE = 1
"""


def test_statement_that_the_module_is_about_to_execute(project: Project) -> None:
    """While the top level of a module runs, what is behind that place waits."""
    project.write(slow=SLOW)
    thread = threading.Thread(target=__import__, args=("slow",))
    thread.start()
    import sys

    while "slow" not in sys.modules or not hasattr(sys.modules["slow"], "go_on"):
        thread.join(0.01)
    module = sys.modules["slow"]
    assert module.started.wait(20)
    report = project.try_edit(slow=SLOW.replace("VALUE = 1", "VALUE = 2"))
    module.go_on.set()
    thread.join()
    assert report.error is None
    assert [change.note for change in report.changes if change.name == "VALUE"] == [
        "the module's top level is running now, with the old code"
    ]

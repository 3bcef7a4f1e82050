"""Names that functions imported, and may still hold."""

from dyntransform.runtime.lookup import replacements

TURNS = """
def turns():
    from m import make
    while True:
        yield make
"""


def test_generator_that_goes_on(project):
    """It has the new value at its next turn; when nobody can hold the old one, nothing is asked any more."""
    project.write(
        m="class Old: pass\nmake = Old\n",
        n="def turns():\n    from m import make\n    while True:\n        yield make\n",
    )
    n = project.load("n")
    m = project.load("m")
    going = n.turns()
    assert next(going) is m.Old
    project.edit(m="class Old: pass\ndef make(): return 'new'\n")
    assert next(going) is m.make
    del going
    project.edit(m="class Old: pass\ndef make(): return 'newer'\n")
    assert not replacements

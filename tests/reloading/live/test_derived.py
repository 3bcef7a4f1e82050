"""What is derived from a class, and kept."""

import collections.abc

import pytest

from dyntransform.reloading.live.derived import with_subclasses


@pytest.mark.parametrize("asked", [False, True])
def test_answers_of_abstract_classes(project, asked):
    """An abstract class whose hook looks at members is asked again, whether or not it was asked before."""
    m = project.load("m", "class C:\n    def __len__(self): return 1\nclass D(C): pass\n")
    one = m.D()
    if asked:
        assert isinstance(one, collections.abc.Sized)
        assert not isinstance(one, collections.abc.Iterable)
    project.edit(m="class C:\n    def __iter__(self): return iter(())\nclass D(C): pass\n")
    assert not isinstance(one, collections.abc.Sized)
    assert isinstance(one, collections.abc.Iterable)


def test_hook_that_is_edited(project):
    """Its class forgets what it answered of others."""
    text = "import abc\nclass A(abc.ABC):\n    @classmethod\n    def __subclasshook__(cls, other): return {}\n"
    m = project.load("m", text.format("True"))
    assert isinstance(1, m.A)
    project.edit(m=text.format("False"))
    assert not isinstance(1, m.A)


def test_classes_below():
    """Each class below another comes once, bases first."""

    class A:
        pass

    class B(A):
        pass

    class C(A):
        pass

    class D(B, C):
        pass

    assert list(with_subclasses(A)) == [A, B, C, D]

"""The class statements of compiled code that gain the base."""

import sys

import pytest

from dyntransform.compiled.rewriting import rewrite
from dyntransform.runtime import DynamicClass
from dyntransform.transform.decide import Options

PLAIN = [
    "class A: pass",
    "class A(object): pass",
    "class B:\n class A: pass\nA = B.A",
    "class B:\n class A:\n  def f(self): return __class__\n  x = B0 = 1\nA = B.A",
    "if True:\n class A: pass",
    "try:\n class A: pass\nfinally: pass",
    "class A: __slots__: tuple",
    "class A:\n def f(self): __slots__ = ()",
]
OTHERS = [
    "@(lambda cls: cls)\nclass A: pass",
    "class A: __slots__ = ()",
    "class A: __slots__: tuple = ()",
    "class A:\n if True: __slots__ = ()",
    "class A(metaclass=type): pass",
    "class A(int): pass",
    "class A(*(object,)): pass",
    "from os import PathLike as object\nclass A(object): pass",
    "object = int\ndef f():\n global object\n object = 1\nclass A(object): pass",
    "class A(object):\n object = int\n class B(object): pass",
    "def f():\n class A: pass\n return A\nA = f()",
    "def f():\n class B:\n  class A: pass\n return B.A\nA = f()",
]


ALL = Options()


def made(text: str, options: Options = ALL) -> type:
    """Rewrite and execute a module; return its class A."""
    rewritten = rewrite(compile(text, "file.py", "exec", dont_inherit=True), options)
    assert not rewritten.reason
    namespace: dict[str, type] = {"__name__": "m"}  # type: ignore[dict-item]
    exec(rewritten.code, namespace)
    return namespace["A"]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_classes_gain_it(text: str) -> None:
    """Those of which nothing else would show it."""
    assert made(text).__bases__ == (DynamicClass,)
    assert DynamicClass not in made(text, Options(lambda _name: False)).__mro__


@pytest.mark.parametrize("text", OTHERS)
def test_others_do_not(text: str) -> None:
    """Classes with bases, keywords, slots or decorators, and those in functions, are what they were."""
    assert DynamicClass not in made(text).__mro__


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no type parameters")
def test_type_parameters() -> None:
    """Type parameters are the base `Generic`; they are no function around a class in the class."""
    assert DynamicClass not in made("class A[T]: pass").__mro__
    assert made("class B[T]:\n class A: pass\nA = B.A").__bases__ == (DynamicClass,)


NAMESPACE = """
class N(dict):
    def __missing__(self, name):
        return globals().get(name)
class M(type):
    def __prepare__(*args):
        return N()
class B(metaclass=M):
    class A: pass
A = B.A
"""


def test_namespaces_with_an_answer_to_everything() -> None:
    """In the body of a class the base is read as a builtin."""
    assert made(NAMESPACE).__bases__ == (DynamicClass,)

"""The comparison that stands between rewritten code and the program."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import CodeType

import pytest

from dyntransform.compiled import rewriting
from dyntransform.compiled.check import difference
from dyntransform.compiled.classes import find_builds
from dyntransform.compiled.imports import find_imports
from dyntransform.compiled.instructions import Handler, Instruction, Listing, assemble, disassemble
from dyntransform.compiled.questions import Question
from dyntransform.compiled.reads import Read, find_reads
from dyntransform.compiled.rewriting import rewrite
from dyntransform.compiled.scopes import Scope
from dyntransform.runtime.dynamic_class import BASE
from dyntransform.transform.decide import Options

TEXT = """
def f(a):
    from m import y
    try:
        while a:
            a = y(a)
    except ValueError:
        print(y)
    return y
"""
SOURCES = (("m", "y"),)


def function() -> tuple[Listing, list[Read], CodeType]:
    """Return the function taken apart, its reads, and its rewritten code."""
    module = Scope(compile(TEXT, "file.py", "exec", dont_inherit=True))
    (scope,) = module.children.values()
    reads = find_reads(scope, {(scope, "y"): SOURCES})
    code = rewrite(module.code, Options()).code
    return scope.listing, reads, next(one for one in code.co_consts if isinstance(one, CodeType))


def test_rewritten_code_passes() -> None:
    """What was rewritten differs in nothing but its lookups."""
    original, reads, new = function()
    assert len(reads) >= 3
    assert difference(original, new, reads) == ""


def _changed(new: CodeType, change: Callable[[Listing], object]) -> CodeType:
    listing = disassemble(new)
    change(listing)
    return assemble(listing, {}, new.co_names, new.co_consts, new.co_stacksize)


def _first(listing: Listing, name: str) -> Instruction:
    return next(one for one in listing.instructions if one.name == name)


def _jump_elsewhere(listing: Listing) -> None:
    one = next(one for one in listing.instructions if one.name.startswith("POP_JUMP") and one.name.endswith("FALSE"))
    assert one.target is not None
    one.target = listing.instructions[listing.instructions.index(one.target) + 1]


def _other_place(listing: Listing, name: str) -> None:
    one = _first(listing, name)
    assert one.location is not None
    assert one.location.lineno is not None
    one.location = dataclasses.replace(one.location, lineno=one.location.lineno, end_col_offset=99)


def _other_handler(listing: Listing) -> None:
    handler = listing.handlers[0]
    index = listing.instructions.index(handler.start) + 1
    listing.handlers[0] = Handler(
        listing.instructions[index], handler.last, handler.target, handler.depth, handler.lasti
    )


def _another_key(listing: Listing) -> None:
    call = next(index for index, one in enumerate(listing.instructions) if one.name == "JUMP_FORWARD")
    key = next(one for one in listing.instructions[call:] if one.name == "LOAD_CONST")
    key.argument = 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda listing: listing.instructions.insert(3, Instruction("NOP", None, None)), "became NOP"),
        (lambda listing: listing.instructions.append(Instruction("NOP", None, None)), "more than before"),
        (lambda listing: listing.instructions.remove(_first(listing, "POP_TOP")), "POP_TOP became"),
        (lambda listing: setattr(_first(listing, "STORE_FAST"), "argument", 0), "STORE_FAST became STORE_FAST"),
        (lambda listing: _other_place(listing, "STORE_FAST"), "STORE_FAST moved"),
        (lambda listing: _other_place(listing, "JUMP_FORWARD"), "another place"),
        (_jump_elsewhere, "leads somewhere else"),
        (_other_handler, "exception table"),
        (_another_key, "something else than a lookup"),
    ],
)
def test_a_difference_is_found(change: Callable[[Listing], object], says: str) -> None:
    """Instructions, places, jumps, handlers and lookups are all looked at."""
    original, reads, new = function()
    assert says in difference(original, _changed(new, change), reads)


@pytest.mark.parametrize(
    "change",
    [
        {"co_flags": 0},
        {"co_varnames": ("b", "y")},
        {"co_name": "g"},
        {"co_firstlineno": 7},
        {"co_stacksize": 2},
        {"co_names": ("n",) * 9},
        {"co_consts": (1,) * 9},
    ],
)
def test_fields_are_compared(change: dict[str, object]) -> None:
    """What is not in the instructions has to be the same, and the stack has to be large enough."""
    original, reads, new = function()
    if "co_flags" in change:
        change = {"co_flags": new.co_flags | 0x20}
    assert difference(original, new.replace(**change), reads)  # type: ignore[arg-type]


def test_the_original_stands_in_where_the_check_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function stays as it is, the rest is rewritten, and the reason names the function."""
    plain = compile(TEXT + TEXT.replace("f(", "g("), "file.py", "exec", dont_inherit=True)
    monkeypatch.setattr(rewriting, "difference", lambda listing, *_: "it is odd" if listing.code.co_name == "f" else "")
    rewritten = rewrite(plain, Options())
    before, after = [[one for one in code.co_consts if isinstance(one, CodeType)] for code in (plain, rewritten.code)]
    assert after[0] is before[0]
    assert after[1] != before[1]
    assert rewritten.reason == "imported names and classes stay as they are in f: it is odd"
    assert rewritten.lookups == SOURCES


def test_unknown_code_is_left_as_it_is() -> None:
    """Code that Python's compiler does not write, as other tools do, is no reason to fail."""
    plain = compile(TEXT, "file.py", "exec", dont_inherit=True)
    (scope,) = Scope(plain).children.values()
    listing = scope.listing
    index = next(index for index, one in enumerate(listing.instructions) if one.name == "IMPORT_NAME")
    listing.instructions.insert(index, Instruction("NOP", None, None))
    odd = assemble(listing, {}, scope.code.co_names, scope.code.co_consts, scope.code.co_stacksize)
    consts = tuple(odd if one is scope.code else one for one in plain.co_consts)
    module = plain.replace(co_consts=consts)
    rewritten = rewrite(module, Options())
    assert rewritten.code is module
    assert (rewritten.links, rewritten.lookups) == ((), ())
    assert rewritten.reason.startswith("left as it is: Python's own compiler writes no such code")


CLASSES = "class A: pass\nclass B(object):\n class C: pass\n"


def test_bases_are_compared() -> None:
    """A class that gains the base differs in nothing else; code without it, or with another one, is found."""
    scope = Scope(compile(CLASSES, "file.py", "exec", dont_inherit=True))
    builds = list(find_builds(scope))
    new = rewrite(scope.code, Options()).code
    assert difference(scope.listing, new, [], builds) == ""
    assert difference(scope.listing, new, []) != ""
    assert "base" in difference(scope.listing, scope.code, [], builds)
    wrong = new.replace(co_names=tuple("other" if name == BASE else name for name in new.co_names))
    assert difference(scope.listing, wrong, [], builds) == "line 1: the class has no base of ours"


IMPORTS = {
    "module": "try:\n from m import y, z as q\nexcept E:\n pass\nprint(y)\n",
    "class": "class C:\n from m import y, z as q\n print(y)\n",
    "function": "def f():\n global y, q\n try:\n  from m import y, z as q\n finally:\n  print(y)\n",
    "global in a module": "from m import y, z as q\ndef f(): global y, q\nprint(y)\n",
}


def asked(text: str) -> tuple[Listing, list[Question], CodeType]:
    """Return the innermost scope of a text that imports taken apart, its questions, and its rewritten code."""
    module = Scope(compile(text, "file.py", "exec", dont_inherit=True))
    ((scope, questions),) = find_imports(module, Options()).questions.items()
    code = rewrite(module.code, Options()).code
    if scope.parent is not None:
        code = next(one for one in code.co_consts if isinstance(one, CodeType))
    return scope.listing, questions, code


@pytest.mark.parametrize("text", list(IMPORTS.values()), ids=list(IMPORTS))
def test_what_is_asked_behind_an_import_passes(text: str) -> None:
    """Nothing else differs; where it is not expected, or expected elsewhere, that is found."""
    original, questions, new = asked(text)
    assert difference(original, new, [], [], questions) == ""
    assert "became" in difference(original, new, [])
    assert difference(original, original.code, [], [], questions) != ""
    (question,) = questions
    for names in (question.names[:1], question.names[::-1], (*question.names, question.names[0])):
        other = dataclasses.replace(question, names=names)
        assert difference(original, new, [], [], [other]) != ""


def _question(listing: Listing) -> list[Instruction]:
    """Return the instructions behind an import."""
    begin = next(index for index, one in enumerate(listing.instructions) if one.name.endswith("IF_NONE"))
    return listing.instructions[begin - 1 : listing.instructions.index(_over(listing))]


def _over(listing: Listing) -> Instruction:
    target = next(one for one in listing.instructions if one.name.endswith("IF_NONE")).target
    assert target is not None
    return target


def _other_name(listing: Listing) -> None:
    test = _question(listing)[0]
    assert test.argument is not None
    test.argument = test.argument - (2 if test.name == "LOAD_GLOBAL" else 1)


def _over_too_much(listing: Listing) -> None:
    jump, over = _question(listing)[1], _over(listing)
    jump.target = listing.instructions[listing.instructions.index(over) + 1]


def _set(listing: Listing, name: str, **fields: object) -> None:
    one = [one for one in _question(listing) if one.name.startswith(name)][-1]
    for field, value in fields.items():
        setattr(one, field, value)


def _opposite(listing: Listing) -> None:
    jump = _question(listing)[1]
    jump.name = jump.name.replace("IF_NONE", "IF_NOT_NONE")


def _moved(listing: Listing) -> None:
    location = _question(listing)[-1].location
    assert location is not None
    _set(listing, "STORE", location=dataclasses.replace(location, end_col_offset=99))


@pytest.mark.parametrize("text", list(IMPORTS.values()), ids=list(IMPORTS))
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_other_name, "something else than a lookup stands behind the import"),
        (_over_too_much, "something else than a lookup"),
        (_moved, "another place than the import"),
        (lambda listing: _set(listing, "LOAD_CONST", argument=0), "something else than a lookup"),
        (lambda listing: _set(listing, "STORE", argument=0), "something else than a lookup"),
        (lambda listing: _set(listing, "CALL", argument=1), "something else than a lookup"),
        (_opposite, "something else than a lookup"),
        (lambda listing: _set(listing, "LOAD", argument=0), "something else than a lookup"),
        (lambda listing: listing.instructions.insert(0, Instruction("NOP", None, None)), "became NOP"),
    ],
)
def test_a_difference_behind_an_import_is_found(text: str, change: Callable[[Listing], object], says: str) -> None:
    """Names, keys, jumps and places of what was put in are all looked at."""
    original, questions, new = asked(text)
    listing = disassemble(new)
    change(listing)
    wrong = assemble(listing, {}, new.co_names, new.co_consts, new.co_stacksize)
    assert says in difference(original, wrong, [], [], questions)


def test_what_is_asked_is_protected_as_the_import_is() -> None:
    """What follows an import in a protected range stands in it, and has enough of a stack."""
    original, questions, new = asked(IMPORTS["module"])
    assert difference(original, new.replace(co_stacksize=1), [], [], questions) == "the stack is too small"
    listing = disassemble(new)
    inside = _question(listing)
    covered = [
        handler
        for handler in listing.handlers
        if listing.instructions.index(handler.start) < listing.instructions.index(inside[0])
        and listing.instructions.index(handler.last) >= listing.instructions.index(inside[-1])
    ]
    assert covered
    handler = listing.handlers[0]
    listing.handlers[0] = Handler(handler.start, inside[0], handler.target, handler.depth, handler.lasti)
    wrong = assemble(listing, {}, new.co_names, new.co_consts, new.co_stacksize)
    assert difference(original, wrong, [], [], questions) == "the exception table differs"

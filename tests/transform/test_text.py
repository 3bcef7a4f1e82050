"""The readable form: the same text, line for line, with lookups and bases written out."""

from __future__ import annotations

import ast
import re
import sys
import threading
import warnings

import pytest

from dyntransform.transform.decide import Options
from dyntransform.transform.text import Rewritten, lowered, rewrite

BOTH = "from dyntransform.runtime import DynamicClass, _dyn_lookup"
BASE = "from dyntransform.runtime import DynamicClass"
LOOKUP = "from dyntransform.runtime import _dyn_lookup"
LINK = 'y = _dyn_lookup("m", "y", y)'
IN_FULL = '__import__("dyntransform.runtime").runtime.'


def rewritten(text: str) -> str:
    """Rewrite a text that must be rewritten, twice."""
    result = rewrite(text, "file.py", Options())
    assert not result.reason
    assert rewrite(result.text, "file.py", Options()) == Rewritten(result.text), "rewriting twice changes nothing more"
    return result.text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from m import y\n", f"{LOOKUP}; from m import y; {LINK}\n"),
        ("from m import y", f"{LOOKUP}; from m import y; {LINK}"),
        ("x = 1\nfrom m import y  # c\n", f"{LOOKUP}; x = 1\nfrom m import y; {LINK}  # c\n"),
        ("x = 1\nfrom m import y;  x = 2 ;\n", f"{LOOKUP}; x = 1\nfrom m import y; {LINK};  x = 2 ;\n"),
        ("x = 1; from m import y; x\n", f"{LOOKUP}; x = 1; from m import y; {LINK}; x\n"),
        ("0\nfrom m import (\n  y,  # c\n)\n", f"{LOOKUP}; 0\nfrom m import (\n  y,  # c\n); {LINK}\n"),
        ("0\nfrom m import \\\n  y\n", f"{LOOKUP}; 0\nfrom m import \\\n  y; {LINK}\n"),
        ("0\nif 1: from m import y\n", f"{LOOKUP}; 0\nif 1: from m import y; {LINK}\n"),
        (
            "0\nclass A: from m import y ; x\n",
            f"{BOTH}; 0\nclass A(DynamicClass): from m import y; {LINK} ; x\n",
        ),
        ("0\nclass A(B): from m import y\nclass C(k=1): from m import y\n",) * 2,
        ("0\nfrom m import *\n", "0\nfrom m import *\n"),
        ("0\nclass A: pass\n", f"{BASE}; 0\nclass A(DynamicClass): pass\n"),
        ("0\nclass A ( ) : pass\n", f"{BASE}; 0\nclass A (DynamicClass) : pass\n"),
        ("0\nclass A( object ): pass\n", f"{BASE}; 0\nclass A( DynamicClass ): pass\n"),
        ("0\nclass A(object,): pass\n", f"{BASE}; 0\nclass A(DynamicClass,): pass\n"),
        ("0\n@d(\n1)\nclass A:\n\tpass\n", "0\n@d(\n1)\nclass A:\n\tpass\n"),
        ("0\nclass A(B): pass\nclass C(B, k=1): pass\n", "0\nclass A(B): pass\nclass C(B, k=1): pass\n"),
    ],
)
def test_statements(before: str, after: str) -> None:
    """A live binding follows its import on the line; a class gains the base in its parentheses."""
    assert rewritten(before) == after


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("return y", 'return _dyn_lookup("m", "y", y)'),
        ("return (y)(y)", 'return (_dyn_lookup("m", "y", y))(_dyn_lookup("m", "y", y))'),
        ("return y . a", 'return _dyn_lookup("m", "y", y) . a'),
        ("return not(y)", 'return not(_dyn_lookup("m", "y", y))'),
        ("y = y", 'y = _dyn_lookup("m", "y", y)'),
        ("return 'é', y", 'return \'é\', _dyn_lookup("m", "y", y)'),
        ("return f'{y}'", 'return f\'{_dyn_lookup("m", "y", y)}\''),
        ('return f"{y!r:>{y}}"', "return f\"{_dyn_lookup('m', 'y', y)!r:>{_dyn_lookup('m', 'y', y)}}\""),
        ('return f"""{y}"""', 'return f"""{_dyn_lookup(\'m\', \'y\', y)}"""'),
        ("return f\"{f'{y}'}\"", "return f\"{f'{y}'}\""),
        ('return f"{y=} {[y]=}", y', 'return f"{y=} {[y]=}", _dyn_lookup("m", "y", y)'),
        ("return rf'\\{y}', b'', u''", "return rf'\\{_dyn_lookup(\"m\", \"y\", y)}', b'', u''"),
        ("del y", "del y"),
        ("global z; from n import z", 'global z; from n import z; z = _dyn_lookup("n", "z", z)'),
    ],
)
def test_reads(body: str, after: str) -> None:
    """A read becomes a lookup; in an f-string its quotes differ, and where none are left it stays a plain name."""
    head = "0\ndef f():\n    from m import y\n    "
    text = rewritten(f"{head}{body}\n")
    if "_dyn_lookup" not in after:
        head = head.removeprefix("0")
        assert text.endswith(f"0{head}{after}\n")
    else:
        assert text == f"{LOOKUP}; {head}{after}\n"


def test_more_sources() -> None:
    """A name that several imports may have bound carries all its sources."""
    text = "0\ndef f():\n from m import y\n from ..n import z as y\n return y\n"
    assert '_dyn_lookup("m", "y", y, "..n", "z")' in rewritten(text)


def test_private_names() -> None:
    """A private name in a class keeps its text; the attribute that is looked up is the one that Python imports."""
    text = "0\nclass A(B):\n def f(s):\n  from m import __y\n  return __y\n"
    assert rewritten(text).endswith('return _dyn_lookup("m", "_A__y", __y)\n')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""Doc."""\nclass A: pass\n', f'"""Doc."""; {BASE}\nclass A(DynamicClass): pass\n'),
        ('"""Doc\ntwo."""  # c\nclass A: pass\n', f'"""Doc\ntwo."""; {BASE}  # c\nclass A(DynamicClass): pass\n'),
        ("'a' 'b' ;\nclass A: pass\n", f"'a' 'b'; {BASE} ;\nclass A(DynamicClass): pass\n"),
        (
            "'a'\nfrom __future__ import division\nfrom __future__ import annotations; x = 1\nclass A: pass\n",
            (
                f"'a'\nfrom __future__ import division\nfrom __future__ import annotations; {BASE}; x = 1\n"
                "class A(DynamicClass): pass\n"
            ),
        ),
        ("# c\nx = 1\nclass A: pass\n", f"# c\n{BASE}; x = 1\nclass A(DynamicClass): pass\n"),
        ("\nclass A: pass\n", f"\nclass A({IN_FULL}DynamicClass): pass\n"),
        ("#!x\n\nclass A: pass\n", f"#!x\n{BASE}\nclass A(DynamicClass): pass\n"),
        ("#!x\n# coding: utf-8\n\n\nclass A: pass\n", f"#!x\n# coding: utf-8\n{BASE}\n\nclass A(DynamicClass): pass\n"),
        ("\f\n\f\n\nclass A: pass\n", f"\f\n\f\n{BASE}\nclass A(DynamicClass): pass\n"),
        ("class A: pass", f"class A({IN_FULL}DynamicClass): pass"),
        ("# c\nclass A: pass\n", f"# c\nclass A({IN_FULL}DynamicClass): pass\n"),
        ("@d\nclass A: pass\n", "@d\nclass A: pass\n"),
    ],
)
def test_header(before: str, after: str) -> None:
    """The header goes on a line that is there: after what must come first, before a statement, or on a blank line."""
    assert rewritten(before) == after


def test_names_that_the_program_uses() -> None:
    """Names of ours that the program has itself are imported under others."""
    text = "from dyntransform import DynamicClass\nclass A(DynamicClass): pass\nclass B: pass\n"
    assert "import DynamicClass as _DynamicClass, _dyn_lookup; from dyntransform" in rewritten(text)
    assert rewritten(text).endswith("class A(DynamicClass): pass\nclass B(_DynamicClass): pass\n")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    """Line ends stay as they are, also mixed and missing ones."""
    text = "0\n\ndef f():\n    from m import y\n\treturn y\nclass A: pass\n\n".replace("\t", "    ")
    with_ends = text.replace("\n", end)
    assert rewritten(with_ends) == rewritten(text).replace("\n", end)
    assert rewritten(with_ends.rstrip()) == rewritten(text).replace("\n", end).rstrip()
    assert rewritten("x = 1\n" + with_ends).startswith(f"{BOTH}; x = 1\n0{end}")


def test_form_feed_and_other_separators() -> None:
    """Form feeds and Unicode line separators, which end no line in Python, are kept."""
    text = "x = '\u2028'\n\f\nclass A:\n  \f  a = '\x1c\x85'\n\n\f\fdef f():\n from m import y; return '\u2029', y\n"
    result = rewritten(text)
    assert result.count("\n") == text.count("\n")
    assert re.sub(r"[^\f\u2028\u2029\x1c\x85]", "", result) == re.sub(r"[^\f\u2028\u2029\x1c\x85]", "", text)


def test_what_libcst_does_not_keep() -> None:
    """Lines that libcst would give back changed stay as they are where nothing is marked."""
    text = "0\ntry:\n    pass\nexcept (A, B) :\n    pass\nclass A: pass\n"
    assert rewritten(text) == f"{BASE}; {text}".replace("class A:", "class A(DynamicClass):")


def test_marked_expression_in_such_a_line() -> None:
    """Such a line may even be marked: libcst sees the expression alone."""
    text = "0\ndef f():\n from m import y\n try: pass\n except (A, y) : pass\n"
    assert rewritten(text).endswith(' except (A, _dyn_lookup("m", "y", y)) : pass\n')


def test_import_on_the_line_of_the_future() -> None:
    """The header comes before what needs it, also on one line."""
    text = "from __future__ import annotations; from m import y\n"
    assert rewritten(text) == f"from __future__ import annotations; {LOOKUP}; from m import y; {LINK}\n"


@pytest.mark.parametrize("text", ["", "\n", "# c", "x = 1\n", "import m\n", "def f(): import m\n"])
def test_nothing_to_change(text: str) -> None:
    """A text without anything to change comes back as it is, without a reason."""
    assert rewrite(text, "file.py", Options()) == Rewritten(text)


@pytest.mark.parametrize(
    "text", ["x = = 1\n", "return 1\n", "def f(a, a): pass\n", "def f():\n x = 1\n global x\n", "'\n", "if x:\n"]
)
def test_invalid(text: str) -> None:
    """Text that is not valid Python is refused with Python's own error, at its place."""
    with pytest.raises(SyntaxError) as plain:
        compile(text, "file.py", "exec")
    with pytest.raises(SyntaxError) as ours:
        rewrite(text, "file.py", Options())
    assert (ours.type, ours.value.args) == (plain.type, plain.value.args)


def test_import_before_global() -> None:
    """Where a live binding would not be valid, there is none."""
    text = "0\ndef f():\n from m import y\n global y\n"
    assert rewritten(text) == text


@pytest.mark.parametrize("depth", [100, 300, 900, 5_000])
@pytest.mark.parametrize("form", ["+ y", ".a", "[y]", "and y", "(y)", "if y else y"])
def test_deep_nesting_in_small_threads(form: str, depth: int) -> None:
    """Deep nesting is rewritten, or is a reason, also on a thread with little stack."""
    results: list[Rewritten | BaseException] = []
    text = f"from n import a\ndef f():\n from m import y\n return y {f' {form} ' * depth}\n"

    def run() -> None:
        try:
            results.append(rewrite(text, "file.py", Options()))
        except SyntaxError as problem:
            results.append(problem)

    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    (result,) = results
    if isinstance(result, SyntaxError):
        with pytest.raises(SyntaxError):
            compile(text, "file.py", "exec")
    else:
        assert result.reason or result.text.count("_dyn_lookup") > 1
        assert result.reason == "" or result.text == text


def test_ten_thousand_lines() -> None:
    """A long file is rewritten from its first line to its last."""
    text = "x = 1\n" + "def f():\n    from m import y\n    return y\nclass A:\n    pass\n" * 2_000
    result = rewritten(text)
    assert result.count('return _dyn_lookup("m", "y", y)') == 2_000
    assert result.count("class A(DynamicClass):") == 2_000
    assert result.count("\n") == text.count("\n")


def test_no_warning_is_given_twice() -> None:
    """Warnings about the text are those of one compilation."""
    text = "x = '\\d' \\\n'\\N{EM DASH}' f'\\{1}{1}' r'\\\"\\d' '\\'' \"\\\\\"\ndef f():\n from m import y\n return y\n"
    with warnings.catch_warnings(record=True) as plain:
        warnings.simplefilter("always")
        compile(text, "file.py", "exec")
    with warnings.catch_warnings(record=True) as ours:
        warnings.simplefilter("always")
        lowered(text, "file.py", Options())
    assert [str(one.message) for one in ours] == [str(one.message) for one in plain]
    assert plain


def test_lowered() -> None:
    """The lowered code can be shown as source, and is what the hook compiles."""
    text = lowered("class A:\n    def f(self):\n        from m import y  # c\n        return y\n", "file.py", Options())
    assert text == (
        "class A(__dyn_class__):\n\n    def f(self):\n        from m import y\n"
        "        return __dyn_replaced__((('m', 'y'),), y) if __dyn_replaced__ is not None else y\n"
    )
    assert ast.parse(text)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 701 is new in Python 3.12")
def test_nested_f_strings_with_equal_quotes() -> None:
    """f-strings in f-strings with the same quotes are rewritten as well (PEP 701)."""
    text = "0\ndef f():\n    from m import y\n    return f'{f'{y}'}'\n"
    assert rewritten(text).endswith("return f'{f'{_dyn_lookup(\"m\", \"y\", y)}'}'\n")


def test_a_file_that_opted_out() -> None:
    """It stays as it is, with the reason; its lowered form looks nothing up."""
    text = "# dyntransform: off\nclass A:\n  def f(self):\n    from m import y\n    return y\n"
    result = rewrite(text, "file.py", Options())
    assert result.text == text
    assert result.reason == "file.py: left as it is: it says # dyntransform: off"
    assert "__dyn_replaced__" not in lowered(text, "file.py", Options())


def test_a_class_that_opted_out() -> None:
    """The class is not written anew, what surrounds it is."""
    assert rewritten("0\nclass A:  # dyntransform: off\n  pass\nclass B: pass\n") == (
        f"{BASE}; 0\nclass A:  # dyntransform: off\n  pass\nclass B(DynamicClass): pass\n"
    )


@pytest.mark.skipif(sys.version_info < (3, 14), reason="no template strings")
def test_template_strings() -> None:
    """A template has the text of its expressions, so names in them stay plain, as those before ``=`` do."""
    text = '0\ndef f():\n from m import y\n return y, t"{y} {y!r:>{y}} {[y]}", f"{y}{t\'{y}\'}"\n'
    call = '_dyn_lookup("m", "y", y)'
    after = text.replace("return y", f"return {call}").replace('f"{y}', "f\"{_dyn_lookup('m', 'y', y)}")
    assert rewritten(text) == f"{LOOKUP}; {after}"


@pytest.mark.skipif(sys.version_info < (3, 14), reason="no template strings")
def test_lowered_template_strings() -> None:
    """What is shown as lowered has the expressions that are evaluated; the program sees the text of the source."""
    text = 'def f():\n from m import y\n return t"{y}"\n'
    assert "__dyn_replaced__" in lowered(text, "file.py", Options()).split("return")[1]


@pytest.mark.skipif(sys.version_info < (3, 15), reason="no lazy imports")
def test_lazy_imports() -> None:
    """A live binding of a lazy import is not written out: its lookup would load the module."""
    text = "0\nlazy from m import y\nfrom n import z\n"
    assert rewritten(text) == f'{LOOKUP}; 0\nlazy from m import y\nfrom n import z; z = _dyn_lookup("n", "z", z)\n'
    assert rewrite("0\nlazy from m import y\n", "file.py", Options()).text == "0\nlazy from m import y\n"


@pytest.mark.skipif(sys.version_info < (3, 15), reason="no unpacking in comprehensions")
def test_unpacking_in_comprehensions() -> None:
    """Comprehensions that unpack (PEP 798) have scopes like others."""
    text = "0\ndef f():\n from m import y\n return [*a for a in y], {**a for a in y}, (*y for y in y)\n"
    assert rewritten(text) == f"{LOOKUP}; " + text.replace("in y", 'in _dyn_lookup("m", "y", y)')

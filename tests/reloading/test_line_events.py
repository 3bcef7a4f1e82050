"""What tracers and coverage see of an edited program is what they see of one that was started with the edited files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hooked import run, write

SOURCE = 'value = "old"\ndef func(*args):\n    return args\n'
MODULE = """\
from source import value

def first():
    return 1

def factory(a, b):
    def inner(x):
        if a:
            x += a
        return (x
            + b)
    return inner

class C:
    def method(self):
        from source import value as v
        return v

    @property
    def one(self):
        return 1

def generator(n):
    from source import value as v
    for i in range(n):
        yield v, i

def untouched():
    from source import value as v, func as f
    many = [
        v,
        f(
            v,
        ),
    ]
    for x in many:
        try:
            x()
        except TypeError:
            continue
    return many
"""
EDITED = {
    "source.py": '# moved\nvalue = "new"\ndef func(*args):\n    return list(args)\n',
    "module.py": MODULE.replace(
        "return 1\n\ndef factory", "y = 1\n    while y < 3: y += 1\n    return [\n        y]\n\n# moved\ndef factory"
    )
    .replace("if a:\n            x += a", "if x:\n            x += 1")
    .replace("+ b)", "+ 1)")
    .replace("        return v\n", "        if v:\n            return [\n            v,\n            self.one]\n")
    .replace("        yield v, i\n", "        if i:\n            yield (v,\n                i)\n"),
}
DRIVE = """
    def drive():
        module.first(); inner(1); inner(0); module.C().method(); list(module.generator(3)); print(module.untouched())
    """
HOOKED = f"""
    import dyntransform
    from pathlib import Path
    import module
    inner, suspended = module.factory(1, 2), module.generator(2)
    next(suspended)
    for name, text in {{edited}}.items(): Path(name).write_text(text)
    assert dyntransform.reload().error is None
    assert __builtins__.__dyn_replaced__ is not None
{DRIVE}"""
PLAIN = f"""
    import module
    inner = module.factory(1, 2)
{DRIVE}"""
TRACERS = {
    "settrace": """
    import sys
    def trace(frame, event, arg):
        if frame.f_code.co_filename.endswith(("module.py", "source.py")):
            print(event, frame.f_lineno, frame.f_code.co_qualname)
            return trace
    sys.settrace(trace); drive(); sys.settrace(None)
    """,
    "monitoring": """
    import sys
    def line(code, number):
        if code.co_filename.endswith(("module.py", "source.py")): print(number, code.co_qualname)
    sys.monitoring.use_tool_id(3, "test")
    sys.monitoring.register_callback(3, sys.monitoring.events.LINE, line)
    sys.monitoring.set_events(3, sys.monitoring.events.LINE); drive(); sys.monitoring.set_events(3, 0)
    """,
    "coverage": """
    import coverage
    measured = coverage.Coverage(branch=True, data_file=None, include=["./*.py"], config_file=False)
    measured.start(); drive(); measured.stop()
    data = measured.get_data()
    for name in sorted(data.measured_files()):
        print(name, sorted(data.lines(name)), measured.branch_stats(name), measured.analysis2(name)[1:])
    """,
}


@pytest.mark.parametrize("tracer", TRACERS)
def test_events_of_an_edited_program(tmp_path: Path, tracer: str) -> None:
    """Changed functions, closures made before, moved functions and late reads have the lines of the new files."""
    if tracer == "monitoring" and sys.version_info < (3, 12):
        pytest.skip("sys.monitoring is new in Python 3.12")
    write(tmp_path, EDITED)
    plain = run(tmp_path, PLAIN + TRACERS[tracer], hook=False)
    assert "module.py" in plain or "C.method" in plain
    write(tmp_path, {"source.py": SOURCE, "module.py": MODULE})
    assert run(tmp_path, HOOKED.format(edited=EDITED) + TRACERS[tracer]) == plain

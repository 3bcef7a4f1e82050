"""Work on a large stack."""

from __future__ import annotations

import threading

import pytest

from dyntransform.transform.stack import is_small, on_large_stack


def test_result_and_error() -> None:
    """What the work returns or raises comes back, and the size of other threads' stacks stays."""
    before = threading.stack_size()
    assert on_large_stack(lambda: 42) == 42
    with pytest.raises(KeyError):
        on_large_stack(lambda: {}["missing"])
    assert threading.stack_size() == before


def test_is_small() -> None:
    """The main thread's stack is large; any other may be small."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(is_small()))
    thread.start()
    thread.join()
    assert answers == [True]
    assert not is_small()

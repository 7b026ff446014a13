from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from netsim.sweeps.ahead import ahead


def test_the_next_item_is_worked_out_while_one_is_used_and_no_further() -> None:
    begun = [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for number, event in enumerate(begun):
            event.set()
            yield number

    for used, number in enumerate(ahead(items())):
        assert number == used
        assert begun[min(number + 1, 3)].wait(timeout=60)
        assert not any(event.is_set() for event in begun[number + 2 :])
    assert number == 3


def test_what_fails_is_raised_where_it_is_used() -> None:
    def items() -> Iterator[int]:
        yield 0
        raise RuntimeError("second")

    coming = ahead(items())
    assert next(coming) == 0
    with pytest.raises(RuntimeError, match="second"):
        next(coming)
    assert list(ahead([])) == []
    assert list(ahead([None, None])) == [None, None]

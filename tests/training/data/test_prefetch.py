from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pix2style.training.data.prefetch import iterate_in_thread


def test_all_items_arrive_in_order() -> None:
    assert list(iterate_in_thread(iter(range(50)), ahead=2)) == list(range(50))


def test_an_exception_in_the_thread_is_raised_where_the_items_are_used() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    items = iterate_in_thread(broken())
    assert next(items) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(items)


def test_the_thread_ends_when_its_consumer_stops() -> None:
    produced: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            produced.append(len(produced))
            yield produced[-1]

    items = iterate_in_thread(endless(), ahead=2)
    assert next(items) == 0
    items.close()
    assert not any(thread.name == "pairs" for thread in threading.enumerate())
    assert len(produced) <= 5

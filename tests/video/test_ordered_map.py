"""A function runs on items in several threads, the results keep the order, and nothing is left running."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from signalled_condition import SignalledCondition

from pix2style.video.ordered_map import OrderedMap
from pix2style.video.thread_queue import ReadAhead

WAIT_S = 60


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def slow_for_even_numbers(number: int) -> int:
    time.sleep(0.004 * (number % 2 == 0))
    return number * 10


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_results_have_the_order_of_the_items(threads: int, count: int) -> None:
    with OrderedMap(slow_for_even_numbers, iter(range(count)), threads) as results:
        assert list(results) == [number * 10 for number in range(count)]


def test_items_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=WAIT_S)
    with OrderedMap(lambda _: both.wait() >= 0, iter(range(6)), 2) as results:
        assert list(results) == [True] * 6


def test_few_items_are_taken_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with OrderedMap(int, items(), 2) as results:
        for number in results:
            assert len(taken) <= number + 1 + 2 * 2
            time.sleep(0.002)
    assert len(taken) == 100


@pytest.mark.parametrize("fails", ["function", "items"])
def test_an_error_is_raised_where_results_are_taken(fails: str) -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        if fails == "items":
            raise OSError("cannot be read")
        yield from range(5, 1000)

    def work(number: int) -> int:
        if fails == "function" and number == 5:
            raise OSError("cannot be stylized")
        return number

    given: list[int] = []
    with pytest.raises(OSError, match="cannot be"), OrderedMap(work, items(), 2) as results:
        given.extend(results)
    assert given == list(range(len(given)))
    assert len(given) <= 5


def test_an_error_of_the_items_is_raised_even_if_another_thread_asks_for_an_item_at_once() -> None:
    class SlowToStop(OrderedMap[int, int]):
        """Lets the other thread run between the error and its report, if it can."""

        def _stop(self, error: BaseException | None = None) -> None:
            if error:
                time.sleep(0.05)
            super()._stop(error)

    def items() -> Iterator[int]:
        yield 0
        time.sleep(0.05)  # the only result is taken meanwhile
        raise OSError("cannot be read")

    with pytest.raises(OSError, match="cannot be read"), SlowToStop(int, items(), 2) as results:
        list(results)


def test_an_error_of_the_taker_ends_the_threads() -> None:
    def take() -> None:
        with ReadAhead(lambda: iter(range(1000)), 2) as items, OrderedMap(int, iter(items), 2) as results:
            for number in results:
                _ = 1 // (number - 3)

    with pytest.raises(ZeroDivisionError):
        take()


def press_ctrl_c() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_a_wait_for_a_result() -> None:
    is_waiting, goes_on = threading.Event(), threading.Event()

    def work(number: int) -> int:
        is_waiting.wait(WAIT_S)
        if number == 0:
            press_ctrl_c()
        goes_on.wait(WAIT_S)
        return number

    def take() -> None:
        with OrderedMap(work, iter(range(9)), 1) as results:
            try:
                is_waiting.set()
                next(iter(results))
            finally:
                assert not goes_on.is_set()
                goes_on.set()

    with pytest.raises(KeyboardInterrupt):
        take()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("use", [lambda made: next(iter(made)), lambda made: made._stop()])
def test_ctrl_c_leaves_no_lock_taken(use: Callable[[OrderedMap[int, int]], object]) -> None:
    made = OrderedMap(int, iter(range(1)), 1)
    made._results[0] = 0
    made._changed = changed = SignalledCondition()
    with pytest.raises(KeyboardInterrupt):
        use(made)
    free: list[bool] = []
    thread = threading.Thread(target=lambda: free.append(changed.acquire(timeout=1)))
    thread.start()
    thread.join()
    assert free == [True]

"""Ctrl-C while the main thread holds a lock of a queue, and in a work of three threads."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from signalled_condition import SignalledCondition

from pix2style.video.thread_queue import ReadAhead, ThreadQueue, WriteBehind

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def take(queue: ThreadQueue[int]) -> None:
    next(iter(queue))


@pytest.mark.parametrize("use", [lambda queue: queue.put(1), take, ThreadQueue.end, ThreadQueue.stop])
@pytest.mark.parametrize("items", [0, 1])
def test_ctrl_c_leaves_no_lock_taken(use: Callable[[ThreadQueue[int]], None], items: int) -> None:
    queue = ThreadQueue[int](1)
    for item in range(items):
        queue.put(item)
    queue._changed = changed = SignalledCondition()
    with pytest.raises(KeyboardInterrupt):
        use(queue)
    # From another thread, because this one may take its own lock again.
    taken: list[bool] = []
    thread = threading.Thread(target=lambda: taken.append(changed.acquire(timeout=1)))
    thread.start()
    thread.join()
    assert taken == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def numbers(count: int) -> Callable[[], Iterator[int]]:
    return lambda: iter(range(count))


def test_ctrl_c_between_two_items_ends_all_threads() -> None:
    written: list[int] = []
    running = threading.active_count()

    def work() -> None:
        with WriteBehind[int](written.extend, 2) as writer, ReadAhead(numbers(1000), 2) as reader:
            for item in reader:
                writer.put(item)
                if item == 10:
                    signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert threading.active_count() == running
    assert len(written) < 1000


def test_ctrl_c_ends_a_wait_for_the_other_thread() -> None:
    goes_on, is_waiting = threading.Event(), threading.Event()

    def slow() -> Iterator[int]:
        is_waiting.set()
        goes_on.wait(60)
        yield 1

    def press() -> None:
        is_waiting.wait(60)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def work() -> None:
        with ReadAhead(slow, 2) as reader:
            try:
                next(iter(reader))
            finally:
                assert not goes_on.is_set()
                goes_on.set()

    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        work()


def test_no_handler_is_left_between_items() -> None:
    handler = signal.getsignal(signal.SIGINT)
    with ReadAhead(numbers(3), 2) as reader:
        for _ in reader:
            assert signal.getsignal(signal.SIGINT) is handler
    assert signal.getsignal(signal.SIGINT) is handler


def test_another_thread_than_the_main_one_may_use_it() -> None:
    read: list[int] = []

    def work() -> None:
        with WriteBehind[int](read.extend, 2) as writer, ReadAhead(numbers(9), 2) as reader:
            for item in reader:
                writer.put(item)
            writer.finish()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert read == list(range(9))

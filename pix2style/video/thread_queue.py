"""Pass items from one thread to the next, a few at a time, so that neither waits for the other longer than needed.

An error in any thread ends the others at the next item that they give or take. So does Ctrl-C in the main thread, where
it waits until no lock is taken.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

from pix2style.system.interrupts import POLL_S, interrupts_held

_Item = TypeVar("_Item")


class StoppedError(Exception):
    """The work has ended early: whoever gives or takes items has to end, too."""


class ThreadQueue(Generic[_Item]):
    """A queue between two threads that holds few items.

    Args:
        length: Number of items that may wait.
    """

    def __init__(self, length: int) -> None:
        self._length, self._items = length, deque[_Item]()
        self._changed = threading.Condition()
        self._ended = self._stopped = False
        self._error: BaseException | None = None

    def put(self, item: _Item) -> None:
        """Add an item; wait while the queue is full.

        Raises:
            StoppedError: The queue was stopped.
            BaseException: The error with which the queue was stopped.
        """
        with interrupts_held() as interrupts, self._changed:
            while len(self._items) >= self._length and not self._stopped:
                self._changed.wait(POLL_S)
                interrupts.check()
            if self._stopped:
                raise self._error or StoppedError
            self._items.append(item)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[_Item]:
        """Yield items until there are no more.

        Raises:
            StoppedError: The queue was stopped.
            BaseException: The error with which the queue was stopped.
        """
        while True:
            with interrupts_held() as interrupts, self._changed:
                while not (self._items or self._ended or self._stopped):
                    self._changed.wait(POLL_S)
                    interrupts.check()
                if self._stopped:
                    raise self._error or StoppedError
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item

    def end(self) -> None:
        """Say that no more items come."""
        with interrupts_held(), self._changed:
            self._ended = True
            self._changed.notify_all()

    def stop(self, error: BaseException | None = None) -> None:
        """End both sides at once: drop the items that wait, and raise the error wherever an item is given or taken."""
        with interrupts_held(), self._changed:
            if not self._stopped:
                self._stopped, self._error = True, error
            self._items.clear()
            self._changed.notify_all()


class Worker(ABC):
    """Threads that exchange items with the thread that started them; leaving the `with` block ends them.

    Args:
        name: Name of the threads.
        threads: Number of threads.
    """

    def __init__(self, name: str, threads: int = 1) -> None:
        # Daemon threads do not keep the program from ending after a second Ctrl-C.
        self._threads = [threading.Thread(target=self._work, name=name, daemon=True) for _ in range(threads)]

    @abstractmethod
    def _work(self) -> None:
        """Do the work of a thread."""

    @abstractmethod
    def _stop(self) -> None:
        """Let the threads end soon."""

    def _wait(self) -> None:
        with interrupts_held() as interrupts:
            for thread in self._threads:
                while thread.is_alive():
                    thread.join(POLL_S)
                    interrupts.check()

    def __enter__(self) -> Self:
        try:
            with interrupts_held():
                for thread in self._threads:
                    thread.start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._wait()


class ReadAhead(Worker, Generic[_Item]):
    """Runs a generator in a thread of its own, a few items ahead, inside a `with` block.

    Args:
        items: Called in the thread; returns the generator, which is closed in the thread, too.
        length: Number of items that may wait.
    """

    def __init__(self, items: Callable[[], Iterator[_Item]], length: int) -> None:
        super().__init__("pix2style-read")
        self._items, self._queue = items, ThreadQueue[_Item](length)

    def __iter__(self) -> Iterator[_Item]:
        """Yield the items; an error of the generator is raised here, without the items that still wait."""
        return iter(self._queue)

    def _work(self) -> None:
        try:
            items = self._items()
            try:
                for item in items:
                    self._queue.put(item)
            finally:
                if close := getattr(items, "close", None):
                    close()
            self._queue.end()
        except BaseException as error:  # noqa: BLE001 - raised in the thread that takes the items
            self._queue.stop(error)

    def _stop(self) -> None:
        self._queue.stop()


class WriteBehind(Worker, Generic[_Item]):
    """Runs a function that takes items in a thread of its own, inside a `with` block.

    Args:
        take: Called in the thread with an iterator over the items. The iterator raises an error where the work is given
            up, so that nothing unfinished is taken for finished.
        length: Number of items that may wait.
    """

    def __init__(self, take: Callable[[Iterator[_Item]], None], length: int) -> None:
        super().__init__("pix2style-write")
        self._take, self._queue = take, ThreadQueue[_Item](length)
        self._error: BaseException | None = None

    def put(self, item: _Item) -> None:
        """Hand an item over; an error of the function is raised here."""
        self._queue.put(item)

    def finish(self) -> None:
        """Wait until the function has taken all items and returned.

        Raises:
            BaseException: The error of the function.
        """
        self._queue.end()
        self._wait()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            self._take(iter(self._queue))
        except BaseException as error:  # noqa: BLE001 - raised in the thread that gives the items
            self._error = error
            self._queue.stop(error)
        else:
            self._queue.stop()  # a function that leaves items must not let the other side wait

    def _stop(self) -> None:
        self._queue.stop()

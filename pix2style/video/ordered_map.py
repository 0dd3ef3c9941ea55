"""Run a function on items in several threads, and get the results in the order of the items."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from pix2style.system.interrupts import POLL_S, interrupts_held
from pix2style.video.thread_queue import StoppedError, Worker

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class OrderedMap(Worker, Generic[_Given, _Made]):
    """Runs a function on items in several threads, inside a `with` block.

    An error of the items or of the function ends all threads, and is raised where the results are taken. So does Ctrl-C
    in the main thread, where it waits until no lock is taken.

    Args:
        function: Called with one item at a time in each thread.
        items: The items. One thread at a time takes the next one, so an ordinary generator will do.
        threads: Number of threads, and of results that may wait.
    """

    def __init__(self, function: Callable[[_Given], _Made], items: Iterator[_Given], threads: int) -> None:
        super().__init__("pix2style-map", threads)
        self._function, self._items = function, items
        self._taking, self._taken = threading.Lock(), 0
        self._changed = threading.Condition()
        self._results: dict[int, _Made] = {}
        self._given, self._count = 0, -1  # results that were taken; number of items once it is known
        self._is_stopped = False
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[_Made]:
        """Yield the results.

        Raises:
            BaseException: The error of the items or of the function.
        """
        while True:
            with interrupts_held() as interrupts, self._changed:
                while not (self._given in self._results or self._given == self._count or self._is_stopped):
                    self._changed.wait(POLL_S)
                    interrupts.check()
                if self._is_stopped:
                    raise self._error or StoppedError
                if self._given == self._count:
                    return
                made = self._results.pop(self._given)
                self._given += 1
                self._changed.notify_all()
            yield made

    def _work(self) -> None:
        try:
            while (taken := self._take()) is not None:
                number, item = taken
                made = self._function(item)
                with self._changed:
                    while number >= self._given + len(self._threads) and not self._is_stopped:
                        self._changed.wait()
                    self._results[number] = made
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - raised in the thread that takes the results
            self._stop(error)

    def _take(self) -> tuple[int, _Given] | None:
        """Return the next item and its number, or None if there is none."""
        with self._taking:
            if self._is_stopped:
                return None
            try:
                for item in self._items:
                    self._taken += 1
                    return self._taken - 1, item
            except BaseException as error:  # noqa: BLE001 - raised in the thread that takes the results
                # While no other thread can take an item: a generator that has failed only seems to be at its end.
                self._stop(error)
                return None
            with self._changed:
                self._count = self._taken
                self._changed.notify_all()
            return None

    def _stop(self, error: BaseException | None = None) -> None:
        with interrupts_held(), self._changed:
            if not self._is_stopped:
                self._is_stopped, self._error = True, error
            self._results.clear()
            self._changed.notify_all()

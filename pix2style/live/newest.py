"""A place for one item between two threads: a newer item takes the place of an older one."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class Newest(Generic[_Item]):
    """Hand the newest item from one thread to another.

    The receiver never waits for items that are out of date, and the sender never waits at all. So the time from camera
    to window does not grow where stylizing is slower than the camera: frames in between are dropped.

    Attributes:
        dropped: Number of items that were replaced before they were taken.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: _Item | None = None
        self._is_closed = False
        self._error: BaseException | None = None
        self.dropped = 0

    def put(self, item: _Item) -> None:
        """Leave an item for the receiver, in place of the last one if that was not taken."""
        with self._changed:
            self.dropped += self._item is not None
            self._item = item
            self._changed.notify_all()

    def take(self, timeout_s: float | None = None) -> _Item | None:
        """Return the item that waits, or wait for one.

        Args:
            timeout_s: Longest time to wait; None to wait until there is an item or no more will come.

        Returns:
            The item; None if none came in time or none will come any more.

        Raises:
            BaseException: The error that the sender closed with, after its last item was taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._is_closed, timeout_s)
            item, self._item = self._item, None
            if item is None and self._error is not None:
                raise self._error
            return item

    def close(self, error: BaseException | None = None) -> None:
        """Say that no more items will come, and why if it is an error. The last item can still be taken."""
        with self._changed:
            if not self._is_closed:
                self._is_closed, self._error = True, error
            self._changed.notify_all()

    @property
    def is_finished(self) -> bool:
        """Whether the last item was taken and no more will come."""
        with self._changed:
            return self._is_closed and self._item is None

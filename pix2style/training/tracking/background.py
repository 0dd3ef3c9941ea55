"""Run a tracker in a thread, so that training steps do not wait for it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pix2style.plural import counted
from pix2style.training.tracking.base import Tracker, warn

_CAPACITY = 1_000
_CLOSE_TIMEOUT_S = 90.0


class TrackerError(Exception):
    """A tracker raised an exception in its thread; this passes it on to the main thread."""


class BackgroundTracker:
    """Passes calls on to a tracker, in their order, from a thread.

    Calls that find the queue full are dropped and counted. The thread is a daemon: it ends with the process.

    Args:
        tracker: Tracker to call from the thread.
        capacity: Largest number of calls that may wait.
        close_timeout_s: How long `close` waits at most for the calls in the queue and for the tracker's `close`.

    Attributes:
        dropped: Number of calls that were dropped.
    """

    def __init__(
        self, tracker: Tracker, *, capacity: int = _CAPACITY, close_timeout_s: float = _CLOSE_TIMEOUT_S
    ) -> None:
        self.dropped = 0
        self._tracker, self._close_timeout_s = tracker, close_timeout_s
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue(capacity)  # None ends the thread
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._work, name=type(tracker).__name__, daemon=True)
        self._thread.start()

    @property
    def run_id(self) -> str | None:
        """See `Tracker.run_id`."""
        return self._tracker.run_id

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """See `Tracker.log`; returns at once."""
        copied = dict(metrics)  # the caller may change its dictionary before the thread reads it
        self._enqueue(lambda: self._tracker.log(step, copied))

    def log_image(self, step: int, name: str, path: Path) -> None:
        """See `Tracker.log_image`; returns at once."""
        self._enqueue(lambda: self._tracker.log_image(step, name, path))

    def close(self, summary: Mapping[str, Any]) -> None:
        """Let the tracker finish the calls in the queue and close, for at most `close_timeout_s` seconds.

        Raises:
            TrackerError: The tracker raised an exception.
        """
        self._raise_failure()
        deadline = time.monotonic() + self._close_timeout_s
        if self._put_before(lambda: self._tracker.close(summary), deadline) and self._put_before(None, deadline):
            self._thread.join(max(0.0, deadline - time.monotonic()))
        name = type(self._tracker).__name__
        if self._thread.is_alive():
            warn(f"{name} did not end within {self._close_timeout_s:.0f} s: the program no longer waits for it")
        if self.dropped:
            warn(f"{name} was too slow: {counted(self.dropped, 'line', verb='was')} dropped (metrics.jsonl has all)")
        self._raise_failure()

    def _enqueue(self, call: Callable[[], None]) -> None:
        self._raise_failure()
        try:
            self._queue.put_nowait(call)
        except queue.Full:
            self.dropped += 1

    def _put_before(self, call: Callable[[], None] | None, deadline: float) -> bool:
        """Wait for room in the queue; return False if there is none before the deadline."""
        try:
            self._queue.put(call, timeout=max(0.0, deadline - time.monotonic()))
        except queue.Full:
            return False
        return True

    def _work(self) -> None:
        while (call := self._queue.get()) is not None:
            if self._failure is not None:
                continue  # still empty the queue, so that `close` finds room in it
            try:
                call()
            except Exception as error:  # noqa: BLE001 (raised again in the main thread, where `Trackers` handles it)
                self._failure = error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise TrackerError(f"{type(self._tracker).__name__}: {self._failure}") from self._failure

"""A tracker in a thread of its own: however slow it is, steps do not wait for it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pix2style.training.tracking.base import Tracker, warn

_CAPACITY = 1_000
_CLOSE_TIMEOUT_S = 90.0


class TrackerError(Exception):
    """What a tracker in a thread failed with."""


class BackgroundTracker:
    """Hands lines to a tracker in their order, from a thread.

    What comes while the queue is full is dropped and counted; the thread ends with the process.

    Args:
        tracker: hears them.
        capacity: lines and pictures that may wait.
        close_timeout_s: how long `close` waits at most for what is still in the queue and for the tracker's own end.

    Attributes:
        dropped: lines and pictures that found the queue full.
    """

    def __init__(
        self, tracker: Tracker, *, capacity: int = _CAPACITY, close_timeout_s: float = _CLOSE_TIMEOUT_S
    ) -> None:
        self.dropped = 0
        self._tracker, self._close_timeout_s = tracker, close_timeout_s
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue(capacity)
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._work, name=type(tracker).__name__, daemon=True)
        self._thread.start()

    @property
    def run_id(self) -> str | None:
        """The tracker's."""
        return self._tracker.run_id

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """See `Tracker.log`; returns at once."""
        copied = dict(figures)
        self._put(lambda: self._tracker.log(step, copied))

    def log_image(self, step: int, name: str, path: Path) -> None:
        """See `Tracker.log_image`; returns at once."""
        self._put(lambda: self._tracker.log_image(step, name, path))

    def close(self, summary: Mapping[str, Any]) -> None:
        """Let the tracker hear the rest and the summary, for `close_timeout_s` seconds at most."""
        self._raise_failure()
        deadline = time.monotonic() + self._close_timeout_s
        if self._in_time(lambda: self._tracker.close(summary), deadline) and self._in_time(None, deadline):
            self._thread.join(max(0.0, deadline - time.monotonic()))
        name = type(self._tracker).__name__
        if self._thread.is_alive():
            warn(f"{name} did not end within {self._close_timeout_s:.0f} s and is left behind")
        if self.dropped:
            warn(f"{name} was too slow: {self.dropped} lines were dropped (metrics.jsonl has them all)")
        self._raise_failure()

    def _put(self, call: Callable[[], None]) -> None:
        self._raise_failure()
        try:
            self._waiting.put_nowait(call)
        except queue.Full:
            self.dropped += 1

    def _in_time(self, call: Callable[[], None] | None, deadline: float) -> bool:
        try:
            self._waiting.put(call, timeout=max(0.0, deadline - time.monotonic()))
        except queue.Full:
            return False
        return True

    def _work(self) -> None:
        while (call := self._waiting.get()) is not None:
            if self._failure is not None:
                continue  # keep emptying the queue, so that nobody waits for room in it
            try:
                call()
            except Exception as error:  # noqa: BLE001 (raised in the main thread, where Trackers leaves it out)
                self._failure = error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise TrackerError(f"{type(self._tracker).__name__}: {self._failure}") from self._failure

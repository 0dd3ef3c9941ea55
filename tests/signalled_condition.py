"""A condition to whose lock a signal comes at the worst moments."""

from __future__ import annotations

import signal
import threading


class SignalledCondition(threading.Condition):
    """Ctrl-C comes when the main thread has just taken the lock, and at the end of its waits.

    Args:
        after: Number of times that the main thread takes the lock before.
    """

    def __init__(self, after: int = 0) -> None:
        super().__init__()
        self._left = after

    def __enter__(self) -> bool:
        taken = super().__enter__()
        self._signal()
        return taken

    def wait(self, timeout: float | None = None) -> bool:
        has_changed = super().wait(timeout)
        self._signal()
        return has_changed

    def _signal(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._left -= 1
            if self._left < 0:
                signal.raise_signal(signal.SIGINT)

"""The clock of a run, by which `train.minutes` limits the training time."""

from __future__ import annotations

import time


def now_s() -> float:
    """Return the present moment in seconds; only differences have a meaning."""
    return time.monotonic()


class RunClock:
    """Measures the training time of a run, over all its sessions.

    Args:
        earlier_s: Seconds that earlier sessions took, from the checkpoint that this one resumes from.
        began_s: Moment at which this session began, on the scale of `time.monotonic()`.
    """

    def __init__(self, earlier_s: float, began_s: float) -> None:
        self._earlier_s, self._began_s = earlier_s, began_s

    def elapsed_s(self) -> float:
        """Return the seconds that all sessions took up to now."""
        return self._earlier_s + now_s() - self._began_s

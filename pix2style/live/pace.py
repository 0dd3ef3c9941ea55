"""When the frames of a file that is read over the network are due."""

from __future__ import annotations

import time

_LONGEST_WAIT_S = 5.0  # for a frame of a file; more means that its times jumped


class Pace:
    """Tells when frames are due: as long after the first one as their times say."""

    def __init__(self) -> None:
        self._begin_s: float | None = None

    def wait_s(self, time_s: float | None) -> float:
        """Return how long to wait before a frame is shown. Frames that come late are the new beginning."""
        now_s = time.monotonic()
        if time_s is None:
            return 0.0
        wait_s = (now_s if self._begin_s is None else self._begin_s + time_s) - now_s
        if self._begin_s is None or not 0 <= wait_s <= _LONGEST_WAIT_S:
            self._begin_s, wait_s = now_s - time_s, 0.0
        return wait_s

"""How long jobs took lately, so that clients can be told when to ask again."""

from __future__ import annotations

import math
from collections import deque

from pix2style.serve.limits import ServeLimits

_REMEMBERED_JOBS = 32
_USUAL_JOB_S = 0.5


class RecentJobs:
    """The seconds that the last jobs took."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED_JOBS)

    def add(self, seconds: float) -> None:
        """Add the seconds of a job."""
        self._seconds.append(seconds)

    def retry_after_s(self, limits: ServeLimits) -> int:
        """Return after how many seconds there should be a place, if jobs take as long as they did lately."""
        usual_s = math.fsum(self._seconds) / len(self._seconds) if self._seconds else _USUAL_JOB_S
        return max(1, min(math.ceil(limits.job_s), math.ceil(usual_s * limits.queue / 2)))

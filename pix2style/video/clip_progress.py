"""How far the work on a clip is, and how fast it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pix2style.video.clip import ClipFacts
from pix2style.video.clip_settings import ClipSettings

_EVERY_S = 0.1  # the stylizer does not wait for a bar that is drawn


@dataclass(frozen=True, slots=True)
class ClipProgress:
    """How far the work on a clip is.

    Attributes:
        done: Number of frames that are stylized, also by earlier calls.
        total: Number of all frames, as the clip states it; None if it does not.
        frames_per_s: Frames of this call per second; None at the beginning.
        times_real_time: Duration of these frames when they are played, divided by the time to make them; None at the
            beginning.
    """

    done: int
    total: int | None
    frames_per_s: float | None
    times_real_time: float | None

    @property
    def share(self) -> float | None:
        """Share that is done, from 0 to 1; None if the number of frames is not known."""
        return min(1.0, self.done / self.total) if self.total else None

    @property
    def left_s(self) -> float | None:
        """Seconds that the other frames will take; None if it is not known."""
        return max(0, self.total - self.done) / self.frames_per_s if self.total and self.frames_per_s else None


ClipProgressCallback = Callable[[ClipProgress], None]


class ClipMeter:
    """Counts the frames of a call.

    Args:
        facts: What the clip is.
        settings: Which part of it is stylized.
        done: Number of frames that earlier calls have made.
        on_progress: Called from time to time.
    """

    def __init__(
        self, facts: ClipFacts, settings: ClipSettings, done: int, on_progress: Callable[[ClipProgress], None]
    ) -> None:
        self._facts, self._on_progress = facts, on_progress
        self._before, self._count, self._total = done, 0, _total(facts, settings)
        self._first_time = self._last_time = 0
        self._started_s = self._shown_s = time.monotonic()

    def count(self, frame_time: int) -> None:
        """Count a frame.

        Args:
            frame_time: Its presentation time in units of the clip's time base.
        """
        if not self._count:
            self._first_time = frame_time
        self._last_time = frame_time
        self._count += 1
        if (now_s := time.monotonic()) - self._shown_s >= _EVERY_S:
            self._shown_s = now_s
            rate = self._count / (now_s - self._started_s)
            self._on_progress(ClipProgress(self._before + self._count, self._total, rate, self.times_real_time))

    @property
    def times_real_time(self) -> float | None:
        """Duration of the frames of this call when they are played, divided by the time since it began."""
        if not self._count:
            return None
        frame_s = float(1 / self._facts.frame_rate)
        played_s = float((self._last_time - self._first_time) * self._facts.time_base_s) + frame_s
        return played_s / max(time.monotonic() - self._started_s, 1e-9)


def _total(facts: ClipFacts, settings: ClipSettings) -> int | None:
    """Return the number of frames in the part that is stylized."""
    if settings.start_s is None and settings.end_s is None:
        return facts.frames
    if facts.duration_s is None and settings.end_s is None:
        return None
    ends = [end_s for end_s in (facts.duration_s, settings.end_s) if end_s is not None]
    return max(0, round((min(ends) - (settings.start_s or 0)) * facts.frame_rate))

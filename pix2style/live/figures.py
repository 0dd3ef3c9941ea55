"""Frames per second and latency of the last second or so."""

from __future__ import annotations

from collections import deque

_WINDOW_S = 1.5
_LATENCIES = 30


class LiveFigures:
    """Measure how fast frames are shown, and how old they are by then.

    Attributes:
        frames: Number of frames that were shown.
    """

    def __init__(self) -> None:
        self.frames = 0
        self._shown_s: deque[float] = deque()
        self._latencies_s: deque[float] = deque(maxlen=_LATENCIES)
        self._first_s = self._last_s = 0.0

    def add(self, captured_s: float, shown_s: float) -> None:
        """Count a frame that was captured and shown at these times, in seconds of one clock."""
        if not self.frames:
            self._first_s = shown_s
        self.frames, self._last_s = self.frames + 1, shown_s
        self._shown_s.append(shown_s)
        self._latencies_s.append(shown_s - captured_s)
        while shown_s - self._shown_s[0] > _WINDOW_S:
            self._shown_s.popleft()

    @property
    def rate(self) -> float:
        """Frames per second, of late; 0 if fewer than two frames were shown."""
        if len(self._shown_s) < 2:
            return 0.0
        return (len(self._shown_s) - 1) / max(self._shown_s[-1] - self._shown_s[0], 1e-9)

    @property
    def mean_rate(self) -> float:
        """Frames per second since the first frame; 0 if fewer than two frames were shown."""
        return (self.frames - 1) / max(self._last_s - self._first_s, 1e-9) if self.frames > 1 else 0.0

    @property
    def latency_s(self) -> float:
        """Mean time from the camera's frame to the window, of late, in seconds; 0 before the first frame."""
        return sum(self._latencies_s) / len(self._latencies_s) if self._latencies_s else 0.0

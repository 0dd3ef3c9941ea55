"""The size at which frames are stylized: as large as a frame rate allows, down to a smallest size, or fixed."""

from __future__ import annotations

import statistics

from pix2style.images import size_within

TARGET_RATE = 15.0
"""Frames per second that are aimed at by stylizing smaller frames; a slow filter stays below at the smallest size."""
_SHARES = (1.0, 0.75, 0.5, 0.375, 0.25)  # of the longer side
_SMALLEST_SIDE_PX = 256
# Times that a decision is based on. The first at a size counts not at all: memory is allocated then.
_SAMPLES_TO_SHRINK = 5
_SAMPLES_TO_GROW = 45
# A larger size has to be expected to take at most so much of the time that there is, or the size would go up and down.
_GROW_MARGIN = 0.7


class WorkSize:
    """Choose the size at which frames are stylized.

    The time that a filter takes is proportional to the number of pixels. From the times at one size follows which
    size keeps `TARGET_RATE`. If none does, the smallest is taken.

    Args:
        fixed_side_px: Longer side of frames; larger frames are shrunk to it. None for a size that adapts.
        target_s: Longest time for a frame, if the size adapts.
    """

    def __init__(self, fixed_side_px: int | None = None, target_s: float = 1 / TARGET_RATE) -> None:
        self._fixed_side_px, self._target_s = fixed_side_px, target_s
        self._level, self._seconds = 0, list[float]()

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width at which a frame of `height` x `width` pixels is stylized."""
        if self._fixed_side_px is not None:
            return size_within(height, width, self._fixed_side_px)
        longer = max(height, width)
        return size_within(height, width, max(round(longer * _SHARES[self._level]), min(longer, _SMALLEST_SIDE_PX)))

    def restart(self) -> None:
        """Forget the times so far: another filter is used from now on."""
        self._seconds.clear()

    def add(self, seconds: float) -> None:
        """Count the time that a frame took, and choose the size of the next one."""
        if self._fixed_side_px is not None:
            return
        self._seconds.append(seconds)
        if len(self._seconds) <= _SAMPLES_TO_SHRINK:
            return
        recent = statistics.median(self._seconds[-_SAMPLES_TO_SHRINK:])
        if recent > self._target_s:
            fitting = [level for level in self._smaller() if self._predict(level, recent) <= self._target_s]
            self._change_to(fitting[0] if fitting else len(_SHARES) - 1)
        elif self._level and len(self._seconds) > _SAMPLES_TO_GROW:
            if self._predict(self._level - 1, statistics.median(self._seconds[1:])) <= _GROW_MARGIN * self._target_s:
                self._change_to(self._level - 1)
            self._seconds.clear()

    def _smaller(self) -> range:
        return range(self._level + 1, len(_SHARES))

    def _predict(self, level: int, seconds: float) -> float:
        return seconds * (_SHARES[level] / _SHARES[self._level]) ** 2

    def _change_to(self, level: int) -> None:
        if level != self._level:
            self._level = level
            self._seconds.clear()

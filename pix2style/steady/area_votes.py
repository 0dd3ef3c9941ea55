"""Which of several motions most of a frame has: things that move by themselves may have more texture than the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pix2style.steady.luminance import Floats, Ints

# A pixel votes for a motion that leaves so many levels less than every other one; noise and plain areas do not vote.
_MARGIN_LEVELS = 1.5
# Votes of fewer pixels, as a share of the frame, tell nothing.
_MIN_SHARE = 0.01
# Larger motions than this share of the shorter side leave too little of the frame to compare.
_MAX_STEP_SHARE = 0.25


def votes(before: Floats, now: Floats, steps: Sequence[tuple[float, float]]) -> Ints:
    """Count for each motion the pixels of the frame that it explains best.

    Args:
        before: Luminance of the frame before, float32 [height, width], in levels.
        now: That of this frame, in the same shape.
        steps: Motions between the two in pixels of these images: down, to the right.

    Returns:
        Pixels for each motion, int64 [motions]; zeros if too few pixels tell a difference.
    """
    counts: Ints = np.zeros(len(steps), np.int64)
    largest = [max(map(abs, step)) for step in steps]
    compared = [number for number, size in enumerate(largest) if size <= _MAX_STEP_SHARE * min(now.shape)]
    if len(compared) < 2:
        return counts
    margin = math.ceil(max(largest[number] for number in compared)) + 2
    # A fade or a flash is no motion: brightness and contrast are made alike.
    contrast = now.std() / max(float(before.std()), 1.0)
    before = (before - before.mean()) * contrast + now.mean()
    first, *others = (_misfit(before, now, steps[number], margin) for number in compared)
    best, second, winner = first, np.full_like(first, np.inf), np.zeros(first.shape, np.int64)
    for number, misfit in enumerate(others, start=1):  # faster than sorting
        winner[misfit < best] = number
        second = np.minimum(second, np.maximum(best, misfit))
        best = np.minimum(best, misfit)
    clear = second - best > _MARGIN_LEVELS
    if np.count_nonzero(clear) >= _MIN_SHARE * clear.size:
        counts[compared] = np.bincount(winner[clear], minlength=len(compared))
    return counts


def _misfit(before: Floats, now: Floats, step: tuple[float, float], margin: int) -> Floats:
    """Return the mean difference over 3 x 3 pixels between a frame and the one before it, moved by a step."""
    (row, down), (column, right) = (_whole_and_part(distance) for distance in step)
    height, width = (size - 2 * margin + 2 for size in now.shape)
    top, left = margin - 1 - row, margin - 1 - column
    corner = before[top - 1 : top + height, left - 1 : left + width]  # a row and a column more, to interpolate from
    rows = corner[1:] + np.float32(down) * (corner[:-1] - corner[1:])
    moved = rows[:, 1:] + np.float32(right) * (rows[:, :-1] - rows[:, 1:])
    rest = np.abs(now[margin - 1 : margin - 1 + height, margin - 1 : margin - 1 + width] - moved)
    rest = rest[:-2] + rest[1:-1] + rest[2:]
    total: Floats = (rest[:, :-2] + rest[:, 1:-1] + rest[:, 2:]) / np.float32(9)
    return total


def _whole_and_part(distance: float) -> tuple[int, float]:
    whole = math.floor(distance)
    return whole, distance - whole

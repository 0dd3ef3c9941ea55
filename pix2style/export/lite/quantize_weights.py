"""Weights as whole numbers of steps, so rounded that flat places do not notice."""

from __future__ import annotations

import numpy as np

from pix2style.export.graph_builder import Floats

# One less than a signed byte holds: a weight may be rounded away from zero where the nearest is the other way.
_WEIGHT_MAX = 126
_LEAST = 1e-8  # of a filter's largest weight: one of zeros has a step, too


def rounded(weight: Floats, *, colours: int | None = None) -> tuple[Floats, Floats]:
    """Round each kernel's weights so that its sum is rounded to the nearest: the nearest weights with that sum.

    What a filter makes of a flat place depends on its kernels' sums alone. Rounded one by one, nine weights miss their
    sum by 0.87 steps (root mean square) instead of 0.29, and so does all of a smooth sky, where features hardly change.

    Args:
        weight: [filters, channels, height, width].
        colours: of a `FlatHead`, whose filters come pixel by pixel: those of one colour share a step, and their
            kernels' sums, so that in whole numbers, too, the pixels of a patch agree on flat places.

    Returns:
        Whole numbers from -127 to 127, shaped as `weight`; and each filter's step, float32 numbers, [filters].
    """
    largest = np.maximum(np.abs(weight).max(axis=(1, 2, 3)), _LEAST)
    if colours is not None:
        largest = np.tile(largest.reshape(-1, colours).max(axis=0), len(largest) // colours)
    steps = (largest / _WEIGHT_MAX).astype(np.float32).astype(np.float64)
    wanted = weight / steps[:, None, None, None]
    sums = wanted.sum(axis=(2, 3))
    if colours is not None:
        # they are the same already, but for float32's rounding
        sums = np.tile(sums.reshape(-1, colours, sums.shape[1]).mean(axis=0), (len(sums) // colours, 1))
    low = np.floor(wanted)
    taken_up = np.rint(sums) - low.sum(axis=(2, 3))
    rests = (wanted - low).reshape(*taken_up.shape, -1)
    ranks = np.argsort(np.argsort(-rests, axis=-1, kind="stable"), axis=-1, kind="stable")
    return low + (ranks < taken_up[..., None]).reshape(low.shape), steps

"""Enlarge a stylized image to the size of its photo, with the edges and textures of the photo.

The stylized image is enlarged, and what the photo loses when it is shrunk and enlarged is added, times a gain. The gain
is the local slope by which the stylized image follows the photo, as in the guided filter (He, Sun and Tang 2010, in
its fast form with coefficients of the small image: He and Sun 2015, arXiv 1505.00996). So an edge gets as much of the
photo's sharpness as it has of the photo's contrast, which draws no halo; an edge that the style has inverted is
sharpened inversely; and in even areas the slope is 0, so that the photo's noise stays out. Unlike in the guided filter,
which blurs everything that does not follow the photo, the strokes themselves are kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8, resize
from pix2style.images.enlarge import Enlarger, enlarge, grey_levels
from pix2style.processes import result_of, submit_ahead, thread_pool, usable_cores

_Floats = NDArray[np.float32]
# Variance in levels below which a difference in the photo counts as noise rather than as an edge.
_NOISE_VARIANCE = 30.0
# Gains are stored in bytes, as _ZERO + _UNIT * gain. Then gain times detail fits 16 bits, which numpy computes fast.
_ZERO, _UNIT = 128, 64
_PIXELS_PER_STRIP = 32_768
_COMPENSATIONS = 2
_MAX_THREADS = 4
_RADIUS = 1


def enlarge_with_detail(
    photo: Image8, version: Image8, stylized: Image8, strength: float = 1.0, *, threads: int | None = None
) -> Image8:
    """Enlarge a stylized image to the size of its photo, with the photo's detail.

    Shrinking the result gives the stylized image again, up to little. At strength 0 the result is exactly the photo.

    Args:
        photo: uint8 [height, width, 3].
        version: The photo, shrunk to the size in which it was stylized; uint8 [h, w, 3].
        stylized: What a stylizer made of `version`, uint8 [h, w, 3].
        strength: Share of the style in `stylized`. The photo's share of it gets all of the photo's detail.
        threads: Number of threads, of which four are used at most; None for as many as there are cores. With 1, the
            caller's thread does it.

    Returns:
        uint8 [height, width, 3].
    """
    kept, (height, width) = 1 - strength, photo.shape[:2]
    sources = [stylized, grey_levels(version)] + ([version] if kept else [])
    sharp = Enlarger([_compensate(source, height, width) for source in sources], height, width)
    smooth = Enlarger([_gains(version, stylized, kept)], height, width, linear=True)
    result = np.empty_like(photo)

    def fill(rows: slice) -> None:
        strip = np.ascontiguousarray(photo[rows])
        base, grey, *others = sharp.rows(rows)
        [gains] = smooth.rows(rows)
        levels = _detail(strip, grey, gains)
        levels += base
        for enlarged in others:
            levels += np.rint(np.float32(kept) * (strip.astype(np.float32) - enlarged)).astype(np.int16)
        result[rows] = np.clip(levels, 0, 255, out=levels)

    count = min(threads or usable_cores(), _MAX_THREADS)
    if count == 1:
        for rows in sharp.strips:
            fill(rows)
        return result
    with thread_pool(count) as pool:
        for _, filling in submit_ahead(pool, fill, sharp.strips, count):
            result_of(filling)
    return result


def _detail(photo: Image8, grey: Image8, gains: Image8) -> NDArray[np.int16]:
    """Return what the photo has beyond the grey levels of its enlarged version, times the gains, in levels."""
    difference = grey_levels(photo).astype(np.int16) - grey
    levels = gains.astype(np.int16)
    levels -= _ZERO
    for channel in range(3):  # faster than multiplying by difference[..., None]
        levels[..., channel] *= difference
    levels += _UNIT // 2
    levels >>= _UNIT.bit_length() - 1
    return levels


def _compensate(image: Image8, height: int, width: int) -> Image8:
    """Sharpen a small image so that it comes back when it is enlarged to `height` x `width` and shrunk again.

    What it loses on the way is added to it, twice. The loss hardly depends on the factor. So it is measured at a factor
    of at most 2.
    """
    rows, columns = image.shape[:2]
    sharpened = image
    for _ in range(_COMPENSATIONS):
        enlarged = enlarge(sharpened, min(2 * rows, height), min(2 * columns, width))
        levels = sharpened + (image.astype(np.int16) - resize(enlarged, rows, columns))
        sharpened = np.clip(levels, 0, 255, out=levels).astype(np.uint8)
    return sharpened


def _gains(version: Image8, stylized: Image8, kept: float) -> Image8:
    """Return the slope of each channel of `stylized` - `kept` * `version` over the grey levels of `version`.

    It is the slope of the regression line in the 3x3 pixels around each pixel, with ridge `_NOISE_VARIANCE`.

    Returns:
        uint8 [h, w, 3], in units of 1 / `_UNIT` from `_ZERO` on.
    """
    grey, (height, width) = grey_levels(version), version.shape[:2]
    gains = np.empty(version.shape, np.uint8)
    rows = max(1, _PIXELS_PER_STRIP // width)
    for top in range(0, height, rows):
        around = np.clip(np.arange(top - _RADIUS, min(top + rows, height) + _RADIUS), 0, height - 1)
        levels = stylized[around].astype(np.float32)
        if kept:
            levels -= np.float32(kept) * version[around]
        slope = _slope(grey[around].astype(np.float32), levels)
        np.clip(np.rint(slope * _UNIT + _ZERO), _ZERO - 127, _ZERO + 127, out=slope)
        gains[top : top + rows] = slope
    return gains


def _slope(grey: _Floats, levels: _Floats) -> _Floats:
    """Return the local slope of `levels` [h + 2, w, 3] over `grey` [h + 2, w], as float32 [h, w, 3]."""
    centred: _Floats = grey[..., None] - np.float32(127.5)  # squares of numbers around 0 lose fewer digits
    mean_grey = _mean_3x3(centred)
    covariance = _mean_3x3(centred * levels) - mean_grey * _mean_3x3(levels)
    variance = _mean_3x3(centred * centred) - mean_grey * mean_grey
    np.maximum(variance, 0, out=variance)  # rounding can make it negative
    variance += np.float32(_NOISE_VARIANCE)
    return (covariance / variance).astype(np.float32, copy=False)


def _mean_3x3(values: _Floats) -> _Floats:
    """Return the mean of each pixel and its 8 neighbours: [h + 2, w, n] to [h, w, n]; columns are repeated outside."""
    rows = values[:-2] + values[1:-1] + values[2:]
    total = rows.copy()
    total[:, 1:] += rows[:, :-1]
    total[:, :1] += rows[:, :1]
    total[:, :-1] += rows[:, 1:]
    total[:, -1:] += rows[:, -1:]
    total *= np.float32(1 / 9)
    return total

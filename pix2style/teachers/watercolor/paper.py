"""The sheet of paper: seeded noise that depends on the position of a pixel and not on the image.

The noise depends only on row, column and seed, so that photos of different sizes lie on the same sheet.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

# The sheet repeats after so many pixels. This is not visible, because its structures are not larger than a few strokes.
SHEET_PX = 512


@dataclass(frozen=True, slots=True)
class Sheet:
    """Noise fields, float32 [height, width], each with mean 0 and standard deviation 1 over the repeating sheet.

    Attributes:
        wobble_x: Horizontal error of the hand.
        wobble_y: Vertical error of the hand.
        flow: Places where water carried more pigment (structures of 20 px and 7 px).
        temperature: Places where the pigment is warmer (18 px and 6 px).
        grain: Hollows of the paper in which pigment settles (about 1 px).
        relief: Shading of the paper's surface (1 to 2 px).
    """

    wobble_x: Plane
    wobble_y: Plane
    flow: Plane
    temperature: Plane
    grain: Plane
    relief: Plane

    def cut(self, height: int, width: int) -> Sheet:
        """Return the upper left `height` x `width` pixels, with the sheet repeated as often as needed."""
        index = np.ix_(np.arange(height) % SHEET_PX, np.arange(width) % SHEET_PX)
        return Sheet(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


@lru_cache(maxsize=4)
def make_sheet(seed: int) -> Sheet:
    """Make the sheet, [SHEET_PX, SHEET_PX], of a seed. Cached, because it takes longer than stylizing a small photo."""
    return Sheet(
        wobble_x=_octaves(seed, 0, (6.0, 1.0)),
        wobble_y=_octaves(seed, 1, (6.0, 1.0)),
        flow=_octaves(seed, 2, (20.0, 1.0), (7.0, 0.7)),
        temperature=_octaves(seed, 4, (18.0, 1.0), (6.0, 0.7)),
        grain=_octaves(seed, 6, (0.7, 1.0), (1.5, 1.0)),
        relief=_octaves(seed, 8, (0.9, 1.0), (2.0, 0.8)),
    )


def _octaves(seed: int, stream: int, *octaves: tuple[float, float]) -> Plane:
    """Return the normalised sum of octaves of smooth periodic noise, given as (sigma in px, weight)."""
    total = np.zeros((SHEET_PX, SHEET_PX), np.float32)
    for number, (sigma, weight) in enumerate(octaves):
        total += np.float32(weight) * _normalised(_blur_periodic(_white_noise(seed, stream + number), sigma))
    total = _normalised(total)
    total.flags.writeable = False  # all images share it
    return total


def _white_noise(seed: int, stream: int) -> Plane:
    """Return uniform noise in [0, 1) from a hash of row, column, seed and stream.

    A new version of numpy may draw other numbers from the same seed. An integer hash stays the same (xor-shift and
    multiply, with the "lowbias32" constants of C. Wellons, "Prospecting for hash functions", 2018,
    https://nullprogram.com/blog/2018/07/31/).
    """
    rows, columns = np.indices((SHEET_PX, SHEET_PX), dtype=np.uint32)
    salt = np.uint32((seed * 0x9E3779B9 + stream * 0x85EBCA6B + 1) & 0xFFFFFFFF)
    bits = _mix(_mix(columns + salt) + rows)
    return (bits >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)


def _mix(bits: NDArray[np.uint32]) -> NDArray[np.uint32]:
    bits = (bits ^ (bits >> np.uint32(16))) * np.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> np.uint32(15))) * np.uint32(0x846CA68B)
    return bits ^ (bits >> np.uint32(16))


def _blur_periodic(noise: Plane, sigma: float) -> Plane:
    margin = int(4 * sigma) + 2
    blurred = cv2.GaussianBlur(np.pad(noise, margin, mode="wrap"), (0, 0), sigma)
    return np.asarray(blurred[margin:-margin, margin:-margin], np.float32)


def _normalised(noise: Plane) -> Plane:
    centred = noise - noise.mean(dtype=np.float64)
    scaled: Plane = (centred / centred.std(dtype=np.float64)).astype(np.float32)
    return scaled

"""Blend photo and stylized photo by a strength, for filter files that have no input `strength`."""

from __future__ import annotations

import numpy as np

from pix2style.errors import ConfigError
from pix2style.images import Image8

# Photos are blended in strips of rows that fit the processor's cache. So a large photo needs no copy in float32 either.
_VALUES_PER_STRIP = 100_000


def check_strength(strength: object) -> float:
    """Return the strength as a float, or raise a ConfigError if it is no number from 0 to 1."""
    # Written so that it refuses NaN as well.
    if not isinstance(strength, int | float | np.floating | np.integer) or not 0 <= strength <= 1:
        raise ConfigError(f"strength is {strength!r}: give a number from 0 (the photo) to 1 (the full style)")
    return float(strength)


def blend(photo: Image8, stylized: Image8, strength: float) -> Image8:
    """Compute round(photo + strength * (stylized - photo)), as filter files with an input `strength` do.

    It is computed in float32 and rounded half to even. So 0 gives exactly the photo, and 1 exactly the stylized photo.

    Args:
        photo: uint8 [batch, height, width, 3].
        stylized: uint8 of the same shape.
        strength: From 0 to 1.
    """
    blended = np.empty(photo.shape, np.uint8)
    rows = max(1, _VALUES_PER_STRIP // (photo.shape[0] * photo.shape[2] * photo.shape[3]))
    for top in range(0, photo.shape[1], rows):
        strip = np.s_[:, top : top + rows]
        original = photo[strip].astype(np.float32)
        blended[strip] = np.rint(original + (stylized[strip] - original) * np.float32(strength))
    return blended

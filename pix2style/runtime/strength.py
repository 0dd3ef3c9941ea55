"""How much of the style a picture gets, where the filter file does not see to it itself."""

from __future__ import annotations

import numpy as np

from pix2style.errors import ConfigError
from pix2style.images import Image8

# Rows are blended in pieces that stay in the processor's cache; and a large photo then needs no copy in floats.
_VALUES_AT_ONCE = 100_000


def check_strength(strength: float) -> float:
    """The number itself.

    Raises:
        ConfigError: it is not between 0 and 1.
    """
    if not 0 <= strength <= 1:  # also refuses what is not a number
        raise ConfigError(f"strength is {strength}: give a number from 0 (the photo) to 1 (the filter's whole style)")
    return float(strength)


def blend(photo: Image8, stylized: Image8, strength: float) -> Image8:
    """round(photo + strength * (stylized - photo)), as filter files with an input `strength` compute it.

    In float32, rounded half to even: 0 gives the photo's bytes, 1 those of the stylized picture.

    Args:
        photo: uint8 [batch, height, width, 3].
        stylized: the same shape.
        strength: from 0 to 1.
    """
    blended = np.empty(photo.shape, np.uint8)
    rows = max(1, _VALUES_AT_ONCE // (photo.shape[0] * photo.shape[2] * photo.shape[3]))
    for top in range(0, photo.shape[1], rows):
        part = np.s_[:, top : top + rows]
        original = photo[part].astype(np.float32)
        blended[part] = np.rint(original + (stylized[part] - original) * np.float32(strength))
    return blended

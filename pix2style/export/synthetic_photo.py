"""Synthetic photos, on which an exported file is compared with its network."""

from __future__ import annotations

import numpy as np

from pix2style.images import Image8


def synthetic_photo(height: int, width: int, seed: int = 0) -> Image8:
    """Return an image with smooth areas, hard edges and some grain, like a photo: uint8 [height, width, 3].

    White noise would not do: networks turn it into almost uniform grey, on which wrong files would agree as well.

    Args:
        height: Height in pixels.
        width: Width in pixels.
        seed: Seed of the random numbers; the same seed gives the same image.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / 256
    waves = [np.sin(9 * (a * x + b * y) + c) for a, b, c in rng.uniform(-1, 1, (3, 3))]
    image = 127.5 + 80 * np.stack(waves, axis=-1)
    for top, left, level in rng.uniform(0, 1, (6, 3)):
        image[(y > top) & (x > left) & (y + x < 2 * top + left + 0.3)] = 255 * level
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)

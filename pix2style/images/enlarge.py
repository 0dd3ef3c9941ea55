"""Enlarge images strip by strip, so that a large result is never held as a whole, and read their grey levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from pix2style.images.picture import Image8

# A strip of three enlarged images fits the processor's second cache.
_PIXELS_PER_STRIP = 131_072


class Enlarger:
    """Enlarges images of one size, any rows of the result at a time. Several threads may use it at once.

    Args:
        images: uint8 arrays [h, w, 3] or [h, w], of one h and w.
        height: Height of the results in pixels.
        width: Width of the results in pixels.
        linear: Whether to interpolate linearly. Else it is bicubic, which is sharper, takes twice as long, and
            overshoots at edges less than Lanczos.
    """

    def __init__(self, images: Sequence[Image8], height: int, width: int, *, linear: bool = False) -> None:
        self._sources = [Image.fromarray(image) for image in images]
        self._height, self._width = height, width
        self._window = Image.Resampling.BILINEAR if linear else Image.Resampling.BICUBIC

    @property
    def strips(self) -> list[slice]:
        """Rows that are of a good size to be computed at once, from top to bottom."""
        count = max(1, _PIXELS_PER_STRIP // self._width)
        return [slice(top, min(top + count, self._height)) for top in range(0, self._height, count)]

    def rows(self, rows: slice) -> list[Image8]:
        """Return rows of each enlarged image.

        Pillow chooses by the size of the result along which axis it enlarges first, and rounds and clips in between. So
        the order is fixed here: else strips would not fit together.
        """
        count, enlarged = rows.stop - rows.start, []
        for source in self._sources:
            scale = source.height / self._height
            box = (0, rows.start * scale, source.width, min(rows.stop * scale, source.height))
            tall = source.resize((source.width, count), self._window, box)
            enlarged.append(np.asarray(tall.resize((self._width, count), self._window)))
        return enlarged


def enlarge(image: Image8, height: int, width: int) -> Image8:
    """Enlarge an image uint8 [h, w, 3] or [h, w] to `height` x `width` pixels with bicubic interpolation."""
    [enlarged] = Enlarger([image], height, width).rows(slice(0, height))
    return enlarged


def grey_levels(rgb: Image8) -> Image8:
    """Return the luma of an image (ITU-R BT.601): uint8 [height, width]."""
    return np.asarray(Image.fromarray(rgb).convert("L"))

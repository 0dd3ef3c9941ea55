"""Enlarge images strip by strip, so that a large result is never held as a whole, and read their grey levels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from pix2style.images.picture import Image8

# A strip of three enlarged images fits the processor's second cache.
_PIXELS_PER_STRIP = 131_072


def enlarge(image: Image8, height: int, width: int) -> Image8:
    """Enlarge an image with bicubic interpolation, which overshoots at edges less than Lanczos.

    Args:
        image: uint8 [h, w, 3] or [h, w].
        height: Height of the result in pixels.
        width: Width of the result in pixels.
    """
    return np.asarray(_enlarge_rows(Image.fromarray(image), slice(0, height), height, width))


def enlarge_in_strips(images: Sequence[Image8], height: int, width: int) -> Iterator[tuple[slice, list[Image8]]]:
    """Enlarge images of one size as `enlarge` does, and yield the results strip by strip, from top to bottom.

    Args:
        images: uint8 arrays [h, w, 3] or [h, w], of one h and w.
        height: Height of the results in pixels.
        width: Width of the results in pixels.

    Yields:
        The rows of a strip, and these rows of each result.
    """
    sources = [Image.fromarray(image) for image in images]
    count = max(1, _PIXELS_PER_STRIP // width)
    for top in range(0, height, count):
        rows = slice(top, min(top + count, height))
        yield rows, [np.asarray(_enlarge_rows(source, rows, height, width)) for source in sources]


def _enlarge_rows(source: Image.Image, rows: slice, height: int, width: int) -> Image.Image:
    """Return rows of an image that is enlarged to `height` x `width`.

    Pillow chooses by the size of the result along which axis it enlarges first, and rounds and clips in between. So the
    order is fixed here: else strips would not fit together.
    """
    box = (0, rows.start * source.height / height, source.width, rows.stop * source.height / height)
    tall = source.resize((source.width, rows.stop - rows.start), Image.Resampling.BICUBIC, box)
    return tall.resize((width, tall.height), Image.Resampling.BICUBIC)


def grey_levels(rgb: Image8) -> Image8:
    """Return the luma of an image (ITU-R BT.601): uint8 [height, width]."""
    return np.asarray(Image.fromarray(rgb).convert("L"))

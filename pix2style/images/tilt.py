"""Rotate images by a few degrees without empty corners."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from pix2style.images.picture import Image8


def tilt(rgb: Image8, degrees: float, *, most_share: float = 1.0) -> Image8:
    """Rotate an image about its centre with bicubic interpolation, and crop so that no corner is empty.

    The crop has the aspect ratio of the image and is the largest one that lies inside the rotated image. A long strip
    loses a larger share of its area than a square does.

    Args:
        rgb: uint8 [height, width, 3].
        degrees: Angle, counterclockwise, between -90 and 90.
        most_share: Upper bound for the share of height and width that is kept, 0 to 1.

    Returns:
        uint8 [height, width, 3], smaller than the input, with at least one pixel.
    """
    height, width = rgb.shape[:2]
    share = min(most_share, share_inside(height, width, degrees))
    kept_height, kept_width = max(1, math.floor(height * share)), max(1, math.floor(width * share))
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    # The affine map goes from the result to the input and keeps the centre in place. The y axis points down.
    across = (cosine, -sine, (width - cosine * kept_width + sine * kept_height) / 2)
    down = (sine, cosine, (height - sine * kept_width - cosine * kept_height) / 2)
    turned = Image.fromarray(rgb).transform(
        (kept_width, kept_height), Image.Transform.AFFINE, (*across, *down), Image.Resampling.BICUBIC
    )
    return np.array(turned, dtype=np.uint8)


def share_inside(height: int, width: int, degrees: float) -> float:
    """Return the scale of the largest rectangle of the same aspect ratio that, rotated, fits into height x width.

    The bounding box of the rotated rectangle, scale * (width cos + height sin) by scale * (height cos + width sin), has
    to fit.
    """
    sine, cosine = abs(math.sin(math.radians(degrees))), math.cos(math.radians(degrees))
    return 1 / (cosine + max(height / width, width / height) * sine)

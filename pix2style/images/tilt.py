"""Pictures turned by a few degrees."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from pix2style.images.picture import Image8


def tilt(rgb: Image8, degrees: float, *, most_share: float = 1.0) -> Image8:
    """Turn a picture about its middle, bicubically, and keep what lies inside of it all around.

    What is kept has the picture's shape, smaller: turned back, all of its pixels lie in the picture, so that no corner
    is empty. A long strip has to give up more for that than a square.

    Args:
        rgb: uint8 [height, width, 3].
        degrees: counterclockwise, less than 90 either way.
        most_share: of height and width that is kept at most.

    Returns:
        uint8 [less than height, less than width, 3], of one pixel at least.
    """
    height, width = rgb.shape[:2]
    share = min(most_share, share_inside(height, width, degrees))
    kept_height, kept_width = max(1, math.floor(height * share)), max(1, math.floor(width * share))
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    # From places in the result to places in the picture, the middle to the middle (y points down).
    across = (cosine, -sine, (width - cosine * kept_width + sine * kept_height) / 2)
    down = (sine, cosine, (height - sine * kept_width - cosine * kept_height) / 2)
    turned = Image.fromarray(rgb).transform(
        (kept_width, kept_height), Image.Transform.AFFINE, (*across, *down), Image.Resampling.BICUBIC
    )
    return np.array(turned, dtype=np.uint8)


def share_inside(height: int, width: int, degrees: float) -> float:
    """The share of height and width of the largest picture of that shape that, turned, lies inside of it.

    Its bounding box, share * (width cos + height sin) by share * (height cos + width sin), must fit in.
    """
    sine, cosine = abs(math.sin(math.radians(degrees))), math.cos(math.radians(degrees))
    return 1 / (cosine + max(height / width, width / height) * sine)

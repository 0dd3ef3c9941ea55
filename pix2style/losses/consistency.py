"""A loss that makes a generator steady in video, without video: motion in, the same motion out."""

from __future__ import annotations

from torch import Tensor

from pix2style.losses.pixel import mse


def consistency(output: Tensor, expected: Tensor, margin_px: int = 0) -> Tensor:
    """Compute the mean squared difference between the output for moved photos and the moved output for the photos.

    Args:
        output: Images that the generator made of the moved photos, [batch, channels, height, width].
        expected: Images that it made of the photos, moved in the same way.
        margin_px: Width of a border that does not count, because the motion brings unknown pixels into it. A quarter
            of the sides at most is left out on each side.

    Raises:
        ValueError: The shapes differ.
    """
    height, width = output.shape[-2:]
    rows, columns = min(margin_px, height // 4), min(margin_px, width // 4)
    inside = (..., slice(rows, height - rows), slice(columns, width - columns))
    return mse(output[inside], expected[inside])

"""What quality to expect of the time that quickstart has."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pix2style.config import Config


@dataclass(frozen=True, slots=True)
class _Example:
    """Metrics on held-out photos after a number of training images: means of style08 and style19 (docs/results.md)."""

    images: int
    ssim: float
    gram_distance: float


_EXAMPLES = (_Example(10_000, 0.58, 0.16), _Example(62_000, 0.63, 0.13))
_FIRST_IMPRESSION_IMAGES = 2_000  # fewer improve the base weights only a little
# With 10,000 images the filters of two styles were as near to their teacher as earlier ones with 54,000.
_ADVISED_IMAGES = 10_000


def expectation(config: Config, images_per_s: float, seconds: float, minutes: float) -> list[str]:
    """Return lines that say how many images fit, what metrics to expect, and which time to choose for better ones.

    Args:
        config: Configuration of the training.
        images_per_s: Training speed on this machine.
        seconds: Time for the training.
        minutes: Time of the whole quickstart.
    """
    images = images_per_s * seconds
    lines = [f"  about {images:,.0f} images in {seconds:.0f} s, at {images_per_s:.0f} images/s on this machine"]
    if config.model.generator != "lite" or config.model.lite.norm == "none":
        return lines
    if images < _FIRST_IMPRESSION_IMAGES:
        lines.append("  so few images give little more than the filter without training: a first impression")
    elif images >= _ADVISED_IMAGES:
        reached = ", and ".join(
            f"SSIM {row.ssim:.2f} and Gram distance {row.gram_distance:.2f} after {row.images:,} images"
            for row in _EXAMPLES
        )
        lines.append(f"  for comparison, filters of two other paintings, against their teachers: {reached}")
    for wanted, gain in ((_ADVISED_IMAGES, "for fine strokes"), (_EXAMPLES[-1].images, "for a better filter")):
        if images < wanted:
            needed = math.ceil(minutes + (wanted - images) / images_per_s / 60)
            lines.append(f"  {gain}, the same command with --minutes {needed} goes on from here")
            break
    return lines

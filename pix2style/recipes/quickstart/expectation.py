"""What quality to expect of the time that quickstart has."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pix2style.config import Config


@dataclass(frozen=True, slots=True)
class _Example:
    """Figures on held-out photos that a painting reached after a number of training images (docs/results.md)."""

    images: int
    ssim: float
    gram_distance: float


_EXAMPLES = (_Example(1_300, 0.67, 0.18), _Example(9_400, 0.70, 0.19), _Example(21_100, 0.63, 0.13))
# A trial with 18,000 images, from another style's weights, came within 0.03 of the SSIM of 54,000 from random weights.
_ADVISED_IMAGES = 16_000


def expectation(config: Config, images_per_s: float, seconds: float, minutes: float) -> list[str]:
    """Return lines that say how many images fit, what figures to expect, and which time to choose for better ones.

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
    example = max((row for row in _EXAMPLES if row.images <= images), key=lambda row: row.images, default=None)
    if example is None:
        lines.append("  so few images give the colours of the painting, but not its strokes yet: a first impression")
    else:
        lines.append(
            f"  for comparison: with one painting, the filter reached SSIM {example.ssim:.2f} and Gram distance"
            f" {example.gram_distance:.2f} to its teacher after {example.images:,} images; yours will differ"
        )
    if images < _ADVISED_IMAGES:
        advised = minutes + (_ADVISED_IMAGES - images) / images_per_s / 60
        lines.append(f"  for fine strokes, the same command with --minutes {math.ceil(advised)} goes on from here")
    return lines

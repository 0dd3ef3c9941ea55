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


_EXAMPLES = (_Example(10_000, 0.56, 0.12), _Example(18_600, 0.72, 0.14))
_FIRST_IMPRESSION_IMAGES = 2_000  # fewer do not show strokes
# With 10,000 images the filters of two styles were as near to their teacher as earlier ones with 54,000.
_ADVISED_IMAGES = 10_000


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
    if images < _FIRST_IMPRESSION_IMAGES:
        lines.append("  so few images give the colours of the painting, but not its strokes yet: a first impression")
    elif example is not None:
        lines.append(
            f"  for comparison: with one painting, the filter reached SSIM {example.ssim:.2f} and Gram distance"
            f" {example.gram_distance:.2f} to its teacher after {example.images:,} images; yours will differ"
        )
    if images < _ADVISED_IMAGES:
        advised = minutes + (_ADVISED_IMAGES - images) / images_per_s / 60
        lines.append(f"  for fine strokes, the same command with --minutes {math.ceil(advised)} goes on from here")
    return lines

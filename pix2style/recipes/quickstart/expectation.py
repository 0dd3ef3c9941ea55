"""What quality to expect of the time that quickstart has."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pix2style.config import Config


@dataclass(frozen=True, slots=True)
class _Measured:
    """Figures on held-out photos after a number of training images: worst and best of six paintings.

    `docs/results.md` says how they were measured.
    """

    images: int
    ssim: tuple[float, float]
    gram_distance: tuple[float, float]


_FROM_BASE = (
    _Measured(4_000, (0.40, 0.60), (0.15, 0.25)),
    _Measured(16_000, (0.45, 0.65), (0.12, 0.20)),
)
# More images than this still help, but only little.
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
    if config.model.start_from != "base":
        return lines
    measured = max((row for row in _FROM_BASE if row.images <= images), key=lambda row: row.images, default=None)
    if measured is None:
        lines.append("  that is a first impression: colours are right, strokes are not there yet")
    else:
        (low, high), (near, far) = measured.ssim, measured.gram_distance
        lines.append(
            f"  expect SSIM {low:.2f} to {high:.2f} and Gram distance {near:.2f} to {far:.2f} to the teacher, as six"
            " paintings reached"
        )
    if images < _ADVISED_IMAGES:
        advised = minutes + (_ADVISED_IMAGES - images) / images_per_s / 60
        lines.append(f"  for fine strokes, the same command with --minutes {math.ceil(advised)} goes on from here")
    return lines

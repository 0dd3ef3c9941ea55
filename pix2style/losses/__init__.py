"""Losses: pure functions of tensors, scalars out. Which network made the tensors is the caller's business.

Whatever precision comes in, sums are taken in float32 (float64 stays): float16 overflows, bfloat16 has three digits.
"""

from pix2style.losses.activations import (
    content,
    feature_matching,
    gram,
    gram_distance,
    grams,
    perceptual,
    relative_gram_distance,
)
from pix2style.losses.adversarial import (
    ADVERSARIAL_KINDS,
    adversarial_discriminator,
    adversarial_generator,
    squared_gradient,
)
from pix2style.losses.color import color
from pix2style.losses.pixel import charbonnier, l1, mse, total_variation
from pix2style.losses.structure import ms_ssim

__all__ = [
    "ADVERSARIAL_KINDS",
    "adversarial_discriminator",
    "adversarial_generator",
    "charbonnier",
    "color",
    "content",
    "feature_matching",
    "gram",
    "gram_distance",
    "grams",
    "l1",
    "ms_ssim",
    "mse",
    "perceptual",
    "relative_gram_distance",
    "squared_gradient",
    "total_variation",
]

"""Loss functions: pure functions from tensors to a scalar. Callers run the networks.

Sums are computed in float32 whatever the precision of the input (float64 stays float64), because sums overflow float16,
and bfloat16 has only three digits. `training/objective/terms.py` lists which of them training uses.
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
from pix2style.losses.consistency import consistency
from pix2style.losses.pixel import charbonnier, l1, mse, total_variation
from pix2style.losses.structure import ms_ssim

__all__ = [
    "ADVERSARIAL_KINDS",
    "adversarial_discriminator",
    "adversarial_generator",
    "charbonnier",
    "color",
    "consistency",
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

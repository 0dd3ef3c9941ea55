"""Images, layers and networks that the tests of objectives share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pix2style.config import Config
from pix2style.runs.networks import build_discriminator
from pix2style.training.batch import PairBatch
from pix2style.training.objective.objective import Objective
from pix2style.training.objective.step_losses import GeneratorLosses

NO_LOSSES = {"l1": 0, "adversarial": {"weight": 0}, "perceptual": {"weight": 0}}
LAYERS = {"enc1": 1.0, "enc2": 0.5}
PIXEL_LOSSES = ("l1", "charbonnier", "ms_ssim", "color", "total_variation")
JOHNSON_LOSSES = (
    "losses.style.weight=2",
    "losses.style.to=painting",
    "losses.content.weight=1",
    "losses.total_variation=0.1",
)


def seeded_images(seed: int, batch: int = 2) -> Tensor:
    """Noise; by convention the tests use seed 0 for content, 1 for target and 2 for output."""
    return torch.rand(batch, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def make_batch(batch: int = 2, style: Tensor | None = None) -> PairBatch:
    return PairBatch(seeded_images(0, batch), seeded_images(1, batch), style)


def make_discriminator(config: Config) -> nn.Module:
    torch.manual_seed(5)
    return build_discriminator(config.model)


def compute_losses(objective: Objective, config: Config, images_seen: int = 0) -> GeneratorLosses:
    return objective.generator_losses(
        seeded_images(2), make_batch(), make_discriminator(config), images_seen=images_seen
    )

"""What the tests of objectives share: pictures, layers, a discriminator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pix2style.config import Config
from pix2style.runs.networks import build_discriminator
from pix2style.training.batch import PairBatch
from pix2style.training.objective.objective import Objective
from pix2style.training.objective.terms import GeneratorLosses

NOTHING = {"l1": 0, "adversarial": {"weight": 0}, "perceptual": {"weight": 0}}
LAYERS = {"enc1": 1.0, "enc2": 0.5}
PIXELS = ("l1", "charbonnier", "ms_ssim", "color", "total_variation")
JOHNSON = (
    "losses.style.weight=2",
    "losses.style.to=painting",
    "losses.content.weight=1",
    "losses.total_variation=0.1",
)


def pictures_of(seed: int, batch: int = 2) -> Tensor:
    return torch.rand(batch, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def batch_of(batch: int = 2, style: Tensor | None = None) -> PairBatch:
    return PairBatch(pictures_of(0, batch), pictures_of(1, batch), style)


def judge_of(config: Config) -> nn.Module:
    torch.manual_seed(5)
    return build_discriminator(config.model)


def computed(objective: Objective, config: Config, images_seen: int = 0) -> GeneratorLosses:
    return objective.generator_losses(pictures_of(2), batch_of(), judge_of(config), images_seen=images_seen)

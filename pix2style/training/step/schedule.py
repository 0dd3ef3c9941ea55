"""What changes with the number of pictures seen: learning rates, and how closely the average follows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pix2style.config.train import TrainConfig

if TYPE_CHECKING:
    from pix2style.training.step.state import TrainingState

# The averaged weights follow a young run more closely: Karras et al., EDM (arXiv:2206.00364), `ema_rampup_ratio`.
_EMA_RAMPUP = 0.05


def learning_rate_factor(train: TrainConfig, images_seen: int) -> float:
    """What of the full learning rates the next step gets, 0 to 1.

    It grows linearly over `warmup_images` (the first step gets a batch's worth of it, not nothing), and from
    `decay_from` on falls to what is 0 after the last picture, linearly or as half a cosine.

    Args:
        train: the section.
        images_seen: training pictures seen before the step.
    """
    begin = train.decay_from * train.images
    left = (train.images - images_seen) / max(train.images - begin, 1)
    share = min(1.0, max(0.0, left))
    if train.decay == "cosine":
        share = 0.5 * (1 - math.cos(math.pi * share))
    if images_seen + train.batch < train.warmup_images:
        share *= (images_seen + train.batch) / train.warmup_images
    return share


def set_learning_rates(state: TrainingState, train: TrainConfig) -> float:
    """Set both optimisers' step sizes for the pictures seen so far; returns the share of the full size, 0 to 1.

    They are numbers of the host, also on a GPU: a fused optimiser takes them as arguments of its kernel, so that
    nothing waits for them.
    """
    share = learning_rate_factor(train, state.images_seen)
    for optimizer, config in (
        (state.generator_optimizer, train.generator),
        (state.discriminator_optimizer, train.discriminator),
    ):
        for group in optimizer.param_groups if optimizer is not None else ():
            group["lr"] = config.lr * share
    return share


@torch.no_grad()
def update_ema(state: TrainingState, train: TrainConfig) -> None:
    """Move the averaged weights towards the generator's; copy what is no weight (BatchNorm's statistics).

    Also after a step that was left out: the average follows the weights as they are, by pictures seen.
    """
    if state.ema is state.generator:
        return
    halflife = min(train.ema_halflife_images, max(state.images_seen, 1) * _EMA_RAMPUP)
    keep = 0.5 ** (train.batch / halflife)
    averaged: list[Tensor] = list(state.ema.parameters())
    torch._foreach_lerp_(averaged, list(state.generator.parameters()), 1 - keep)
    for old, new in zip(state.ema.buffers(), state.generator.buffers(), strict=True):
        old.copy_(new)

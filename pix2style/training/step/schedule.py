"""Quantities that depend on the number of images seen: learning rates and the averaged weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pix2style.config.train import TrainConfig

if TYPE_CHECKING:
    from pix2style.training.step.state import TrainingState

# Early in training the average has a shorter half-life, this share of the images seen so far, so that it forgets the
# random initial weights: `ema_rampup_ratio` of Karras et al., EDM (arXiv:2206.00364).
_EMA_RAMPUP_RATIO = 0.05


def learning_rate_factor(train: TrainConfig, images_seen: int) -> float:
    """Return the factor, 0 to 1, that the next step multiplies the configured learning rates by.

    It grows linearly over the first `warmup_images` images, from the value after one batch, not from 0. After the share
    `decay_from` of the training it falls, linearly or as half a cosine, and reaches 0 after the last image.

    Args:
        train: Section `train` of the configuration.
        images_seen: Number of training images before the step.
    """
    begin = train.decay_from * train.images
    remaining = (train.images - images_seen) / max(train.images - begin, 1)
    factor = min(1.0, max(0.0, remaining))
    if train.decay == "cosine":
        factor = 0.5 * (1 - math.cos(math.pi * factor))
    if images_seen + train.batch < train.warmup_images:
        factor *= (images_seen + train.batch) / train.warmup_images
    return factor


def set_learning_rates(state: TrainingState, train: TrainConfig) -> float:
    """Set the learning rates of both optimisers for the next step; return the factor of `learning_rate_factor`.

    Learning rates are Python numbers, also on a GPU: fused Adam passes them to its kernel as arguments, so nothing has
    to be copied to the GPU or waited for.
    """
    factor = learning_rate_factor(train, state.images_seen)
    for optimizer, config in (
        (state.generator_optimizer, train.generator),
        (state.discriminator_optimizer, train.discriminator),
    ):
        for group in optimizer.param_groups if optimizer is not None else ():
            group["lr"] = config.lr * factor
    return factor


@torch.no_grad()
def update_ema(state: TrainingState, train: TrainConfig) -> None:
    """Move the averaged weights towards the generator's weights, and copy its buffers (BatchNorm's statistics).

    It is also called after a skipped step, because the decay depends on the number of images seen, and a GPU would have
    to be waited for to know that the step was skipped.
    """
    if state.ema is state.generator:
        return
    halflife = min(train.ema_halflife_images, max(state.images_seen, 1) * _EMA_RAMPUP_RATIO)
    decay = 0.5 ** (train.batch / halflife)
    averages: list[Tensor] = list(state.ema.parameters())
    torch._foreach_lerp_(averages, list(state.generator.parameters()), 1 - decay)
    for average, buffer in zip(state.ema.buffers(), state.generator.buffers(), strict=True):
        average.copy_(buffer)

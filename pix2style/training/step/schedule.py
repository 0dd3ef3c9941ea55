"""Quantities that depend on how far the training is: learning rates and the averaged weights."""

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
_SHORTEST_S = 1e-3  # instead of 0 or less, where the end of the run alone takes all of `train.minutes`


def training_share(state: TrainingState, train: TrainConfig) -> float:
    """Return the share of the training, 0 to 1, that is done before the next step, by images or by time.

    With both limits it is the larger share, because the training ends at whichever comes first. The time that the end
    of the run takes (`end_s`) does not count as time for steps.
    """
    by_images = 0.0 if train.images is None else state.images_seen / train.images
    limit_s = train.limit_s
    by_time = 0.0 if limit_s is None else state.elapsed_s / max(limit_s - state.end_s, _SHORTEST_S)
    return min(1.0, max(by_images, by_time))


def learning_rate_factor(train: TrainConfig, images_seen: int, share: float) -> float:
    """Return the factor, 0 to 1, that the next step multiplies the configured learning rates by.

    It grows linearly over the first `warmup_images` images, from the value after one batch, not from 0, or over the
    share `warmup_share` of the training. After the share
    `decay_from` of the training it falls, linearly or as half a cosine, and reaches 0 at its end.

    Args:
        train: Section `train` of the configuration.
        images_seen: Number of training images before the step.
        share: Share of the training that is done before the step (`training_share`).
    """
    factor = min(1.0, (1 - share) / max(1 - train.decay_from, 1e-9))
    if train.decay == "cosine":
        factor = 0.5 * (1 - math.cos(math.pi * factor))
    if images_seen + train.batch < train.warmup_images:
        factor *= (images_seen + train.batch) / train.warmup_images
    if train.warmup_share > 0:
        step_share = 0.0 if train.images is None else train.batch / train.images
        factor *= min(1.0, (share + step_share) / train.warmup_share)
    return factor


def set_learning_rates(state: TrainingState, train: TrainConfig) -> float:
    """Set both optimisers' learning rates for the next step; return the factor of `learning_rate_factor`.

    Learning rates are Python numbers, also on a GPU: fused Adam passes them to its kernel as arguments, so nothing has
    to be copied to the GPU or waited for.
    """
    factor = learning_rate_factor(train, state.images_seen, training_share(state, train))
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

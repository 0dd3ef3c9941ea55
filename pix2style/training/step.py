"""One step of learning: tensors in, losses out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pix2style import losses
from pix2style.config.losses import LossesConfig
from pix2style.nets.features import FeatureNetwork
from pix2style.nets.patchgan import PatchGan
from pix2style.training.data import PairBatch


@dataclass(frozen=True, slots=True)
class GeneratorLosses:
    """Parts as they stand before their weights, and their weighted sum; None is not computed."""

    total: Tensor
    l1: Tensor | None
    adversarial: Tensor | None
    perceptual: Tensor | None


@dataclass(frozen=True, slots=True)
class DiscriminatorLosses:
    """Mean over teacher's and generator's pictures, and how often it was right about each (0 to 1)."""

    total: Tensor
    real_share_right: Tensor
    fake_share_right: Tensor


def generator_losses(
    output: Tensor,
    batch: PairBatch,
    config: LossesConfig,
    discriminator: nn.Module | None,
    features: FeatureNetwork | None,
) -> GeneratorLosses:
    """What the generator is to lower.

    Args:
        output: its pictures [batch, 3, height, width] in [-1, 1].
        batch: content and target.
        config: weights.
        discriminator: None: no adversarial part (its weight is 0, or the game has not begun).
        features: None: no perceptual part.
    """
    total = output.new_zeros(())
    l1 = adversarial = perceptual = None
    if config.l1 > 0:
        l1 = losses.l1(output, batch.target)
        total = total + config.l1 * l1
    if discriminator is not None:
        adversarial = losses.adversarial_generator(config.adversarial.kind, discriminator(batch.content, output))
        total = total + config.adversarial.weight * adversarial
    if features is not None:
        with torch.no_grad():
            wanted = features(batch.target)
        perceptual = losses.perceptual(features(output), wanted, config.perceptual.layers)
        total = total + config.perceptual.weight * perceptual
    return GeneratorLosses(total, l1, adversarial, perceptual)


def discriminator_losses(
    discriminator: PatchGan | nn.Module, output: Tensor, batch: PairBatch, config: LossesConfig
) -> DiscriminatorLosses:
    """What the discriminator is to lower.

    Args:
        discriminator: sees photo and picture.
        output: the generator's pictures, without gradient.
        batch: content and target.
        config: for the kind of loss.
    """
    real = discriminator(batch.content, batch.target)
    fake = discriminator(batch.content, output)
    # least squares aims at 1 for real and 0 for fake, the others at the logit's sign
    border = 0.5 if config.adversarial.kind == "lsgan" else 0.0
    return DiscriminatorLosses(
        losses.adversarial_discriminator(config.adversarial.kind, real, fake),
        (real.detach() > border).float().mean(),
        (fake.detach() < border).float().mean(),
    )

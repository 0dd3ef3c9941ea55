"""The loss of the discriminator, with its gradient penalties."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pix2style import losses
from pix2style.config.losses import AdversarialConfig
from pix2style.training.batch import PairBatch
from pix2style.training.objective.diff_augment import Augmentation, draw_augmentation
from pix2style.training.objective.step_losses import DiscriminatorLosses
from pix2style.training.objective.step_tensors import target_of


def discriminator_losses(
    config: AdversarialConfig,
    discriminator: nn.Module,
    output: Tensor,
    batch: PairBatch,
    augmentations: Sequence[str] = (),
) -> DiscriminatorLosses:
    """Compute the loss of the discriminator: targets are real, images of the generator are fake.

    Args:
        config: Section `losses.adversarial`.
        discriminator: See `pix2style.nets.discriminator.Discriminator`. With r1 or r2 its eager forward pass runs even
            if it is compiled (in place), because a compiled network cannot be differentiated twice.
        output: Images of the generator, [batch, 3, height, width] in [-1, 1], without gradient.
        batch: Photos that they were generated from, and their targets.
        augmentations: Kinds of augmentation (`train.augment.discriminator`).

    Raises:
        ValueError: The batch has no targets.
    """
    target = target_of(batch)
    augment = draw_augmentation(augmentations, batch.content)
    content = augment(batch.content)
    real, r1 = _logits(discriminator, content, target, augment, penalised=config.r1 > 0)
    fake, r2 = _logits(discriminator, content, output, augment, penalised=config.r2 > 0)
    by_scale = [losses.adversarial_discriminator(config.kind, a, b) for a, b in zip(real, fake, strict=True)]
    total = torch.stack(by_scale).mean()
    if r1 is not None:
        total = total + config.r1 * r1
    if r2 is not None:
        total = total + config.r2 * r2
    real_right, fake_right = _shares_right(config.kind, real, fake)
    return DiscriminatorLosses(total=total, real_share_right=real_right, fake_share_right=fake_right, r1=r1, r2=r2)


def _logits(
    discriminator: nn.Module, content: Tensor, images: Tensor, augment: Augmentation, *, penalised: bool
) -> tuple[list[Tensor], Tensor | None]:
    """Logits of each scale, and if `penalised` the squared gradient at the images before augmentation."""
    if not penalised:
        return [scale[-1] for scale in discriminator(content, augment(images))], None
    images = images.detach().float().requires_grad_()  # float32, because a squared gradient is small
    # `module.compile()` replaces `__call__` only; calling `forward` runs the eager network.
    logits = [scale[-1] for scale in discriminator.forward(content, augment(images))]
    return logits, losses.squared_gradient(logits, images)


@torch.no_grad()
def _shares_right(kind: str, real: Sequence[Tensor], fake: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Shares of patches that the discriminator classifies rightly, of real and of fake images; means over scales."""
    # Least squares aims at the logits 1 (real) and 0 (fake); the other kinds decide by the sign.
    threshold = 0.5 if kind == "lsgan" else 0.0
    by_scale = []
    for real_logits, fake_logits in zip(real, fake, strict=True):
        if kind == "relativistic":
            right = (real_logits > fake_logits, real_logits > fake_logits)
        else:
            right = (real_logits > threshold, fake_logits < threshold)
        by_scale.append(torch.stack([correct.float().mean() for correct in right]))
    real_right, fake_right = torch.stack(by_scale).mean(dim=0)
    return real_right, fake_right

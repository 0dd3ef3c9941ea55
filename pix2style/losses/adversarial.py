"""Adversarial losses of generator and discriminator, and the gradient penalty that stabilises their training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pix2style.losses.tensors import check_same_shape, wide

ADVERSARIAL_KINDS = ("bce", "lsgan", "hinge", "relativistic")


def adversarial_generator(kind: str, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
    """Compute the adversarial loss of the generator, averaged over all patches.

    - "bce": the non-saturating loss, -log sigmoid(logit) (Goodfellow et al. 2014; pix2pix's).
    - "lsgan": (logit - 1)^2 (Mao et al. 2017, arXiv 1611.04076, with b = c = 1). Without their factor 1/2, as in
      pix2pix, so that published weights can be used.
    - "hinge": -logit (Lim and Ye 2017, arXiv 1705.02894).
    - "relativistic": -log sigmoid(fake - real), patch by patch (R3GAN: Huang et al. 2024, arXiv 2501.05441, eq. 2;
      Jolicoeur-Martineau 2018). The papers pair real and generated images at random; here each output is paired with
      its target.

    Args:
        kind: One of `ADVERSARIAL_KINDS`.
        fake_logits: Logits of the discriminator for outputs, of any shape.
        real_logits: Logits for targets, of the same shape; only "relativistic" uses them.

    Raises:
        ValueError: Unknown kind, or "relativistic" without real logits or with logits of different shapes.
    """
    fake = wide(fake_logits)
    if kind == "bce":
        return F.softplus(-fake).mean()
    if kind == "lsgan":
        return (fake - 1).square().mean()
    if kind == "hinge":
        return -fake.mean()
    if kind == "relativistic":
        if real_logits is None:
            raise ValueError("relativistic compares with the logits of targets: pass real_logits")
        check_same_shape(fake_logits, real_logits)
        return F.softplus(wide(real_logits) - fake).mean()
    raise _unknown_kind(kind)


def adversarial_discriminator(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Compute the adversarial loss of the discriminator, averaged over all patches.

    "relativistic" is -log sigmoid(real - fake), patch by patch. The other kinds are the mean of a loss on targets and a
    loss on outputs. The mean contains the factor 1/2 that pix2pix (appendix 6.2) uses to slow the discriminator down,
    and for "lsgan" also the factor of Mao et al.

    Args:
        kind: One of `ADVERSARIAL_KINDS`.
        real_logits: Logits for targets, of any shape.
        fake_logits: Logits for outputs, which the caller has detached from the generator.

    Raises:
        ValueError: Unknown kind, or "relativistic" with logits of different shapes.
    """
    real_logits, fake_logits = wide(real_logits), wide(fake_logits)
    if kind == "relativistic":
        check_same_shape(fake_logits, real_logits)
        return F.softplus(fake_logits - real_logits).mean()
    if kind == "bce":
        real, fake = F.softplus(-real_logits), F.softplus(fake_logits)
    elif kind == "lsgan":
        real, fake = (real_logits - 1).square(), fake_logits.square()
    elif kind == "hinge":
        real, fake = F.relu(1 - real_logits), F.relu(1 + fake_logits)
    else:
        raise _unknown_kind(kind)
    return 0.5 * (real.mean() + fake.mean())


def squared_gradient(logits: Sequence[Tensor], images: Tensor) -> Tensor:
    """Compute the zero-centred gradient penalty: R1 at targets, R2 at outputs.

    Mescheder et al. 2018 (arXiv 1801.04406, eq. 9) define it for one logit per image: the squared norm of the logit's
    gradient with respect to the image, averaged over images. R3GAN (arXiv 2501.05441) weighs it gamma / 2. With a logit
    per patch, this is the squared norm of the gradient of their sum, divided by their number. If patches do not overlap
    that is the mean over patches, so that it does not depend on the size of the crop. Averaged over scales.

    Args:
        logits: One tensor [batch, 1, h, w] for each scale, computed from `images` by a network that can be
            differentiated twice (not a compiled one).
        images: [batch, channels, height, width], with `requires_grad`.

    Returns:
        A scalar that can be differentiated with respect to the weights of the network.

    Raises:
        ValueError: There are no logits.
    """
    if not logits:
        raise ValueError("logits is empty: pass those of at least one scale")
    by_scale = []
    for scale in logits:
        [gradient] = torch.autograd.grad(wide(scale).sum(), images, create_graph=True)
        patches = scale.numel() // len(scale)
        by_scale.append(wide(gradient).square().sum(dim=(1, 2, 3)).mean() / patches)
    return torch.stack(by_scale).mean()


def _unknown_kind(kind: str) -> ValueError:
    return ValueError(f"kind must be one of {', '.join(ADVERSARIAL_KINDS)}, got {kind!r}")

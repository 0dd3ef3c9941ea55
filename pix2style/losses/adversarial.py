"""The game: what discriminator and generator are to lower, and the penalties that keep the game from diverging."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pix2style.losses.tensors import check_same_shape, wide

ADVERSARIAL_KINDS = ("bce", "lsgan", "hinge", "relativistic")


def adversarial_generator(kind: str, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
    """How badly the generator fools the discriminator, averaged over all patches.

    - "bce": the non-saturating loss, -log sigmoid(logit) (Goodfellow et al. 2014; pix2pix's).
    - "lsgan": (logit - 1)^2 (Mao et al. 2017, arXiv 1611.04076, with b = c = 1). Their factor 1/2 is left out, as in
      pix2pix, so that published weights of this part keep their meaning.
    - "hinge": -logit (Lim and Ye 2017, arXiv 1705.02894).
    - "relativistic": -log sigmoid(fake - real), patch by patch (R3GAN: Huang et al. 2024, arXiv 2501.05441, eq. 2;
      Jolicoeur-Martineau 2018). There any real picture faces any generated one; here it is the teacher's of the same
      photo.

    Args:
        kind: one of `ADVERSARIAL_KINDS`.
        fake_logits: the discriminator's, of generated pictures; any shape.
        real_logits: of the teacher's, in the same shape; only "relativistic" looks at them.

    Raises:
        ValueError: an unknown kind; "relativistic" without real logits, or of other shapes.
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
            raise ValueError("relativistic compares with the teacher's pictures: give real_logits")
        check_same_shape(fake_logits, real_logits)
        return F.softplus(wide(real_logits) - fake).mean()
    raise _unknown(kind)


def adversarial_discriminator(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """How badly the discriminator tells the teacher's pictures from the generator's.

    "relativistic" is -log sigmoid(real - fake), patch by patch. The others are the mean of the part on real and the
    part on generated pictures: the factor 1/2 that pix2pix (appendix 6.2) uses to slow the discriminator down, and for
    "lsgan" also Mao et al.'s own.

    Args:
        kind: one of `ADVERSARIAL_KINDS`.
        real_logits: of the teacher's pictures; any shape.
        fake_logits: of generated pictures, detached from the generator by the caller.

    Raises:
        ValueError: an unknown kind; "relativistic" with two shapes.
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
        raise _unknown(kind)
    return 0.5 * (real.mean() + fake.mean())


def squared_gradient(logits: Sequence[Tensor], pictures: Tensor) -> Tensor:
    """The zero-centred gradient penalty: R1 at the teacher's pictures, R2 at the generator's.

    Mescheder et al. 2018 (arXiv 1801.04406, eq. 9), where a picture has one logit: the squared norm of its gradient,
    averaged over pictures; R3GAN (arXiv 2501.05441) weighs it gamma / 2. For patches, the gradient is that of the
    patches' sum, and its squared norm is divided by their number: as much as one patch's where patches do not overlap,
    so that the figure does not follow the size of the crop. Averaged over scales.

    Args:
        logits: one tensor [batch, 1, h, w] for each scale, computed from `pictures` by a network that can be
            differentiated twice (an eager one).
        pictures: [batch, channels, height, width], with `requires_grad`.

    Returns:
        A scalar that can be differentiated with respect to the network's weights.

    Raises:
        ValueError: no logits.
    """
    if not logits:
        raise ValueError("logits is empty: give those of at least one scale")
    parts = []
    for one in logits:
        [gradient] = torch.autograd.grad(wide(one).sum(), pictures, create_graph=True)
        patches = one.numel() // len(one)
        parts.append(wide(gradient).square().sum(dim=(1, 2, 3)).mean() / patches)
    return torch.stack(parts).mean()


def _unknown(kind: str) -> ValueError:
    return ValueError(f"kind must be one of {', '.join(ADVERSARIAL_KINDS)}, got {kind!r}")

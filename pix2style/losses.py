"""Losses: functions of tensors, scalars out. Which network made the tensors is the caller's business."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

ADVERSARIAL_KINDS = ("bce", "lsgan", "hinge")


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference.

    Args:
        output: any shape.
        target: the same shape; other shapes are refused, as broadcasting would hide a mistake.

    Raises:
        ValueError: the shapes differ.
    """
    _same_shape(output, target)
    return F.l1_loss(output, target)


def adversarial_generator(kind: str, fake_logits: Tensor) -> Tensor:
    """How badly the generator fools the discriminator, averaged over all patches.

    - "bce": the non-saturating loss, -log sigmoid(logit) (Goodfellow et al. 2014; pix2pix's).
    - "lsgan": (logit - 1)^2 (Mao et al. 2017, arXiv 1611.04076, with b = c = 1). Their factor 1/2 is left out, as in
      pix2pix, so that published weights of this part keep their meaning.
    - "hinge": -logit (Lim and Ye 2017, arXiv 1705.02894).

    Args:
        kind: one of `ADVERSARIAL_KINDS`.
        fake_logits: the discriminator's, of generated pictures; any shape.

    Raises:
        ValueError: an unknown kind.
    """
    fake_logits = fake_logits.float()
    if kind == "bce":
        return F.softplus(-fake_logits).mean()
    if kind == "lsgan":
        return (fake_logits - 1).square().mean()
    if kind == "hinge":
        return -fake_logits.mean()
    raise _unknown(kind)


def adversarial_discriminator(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """How badly the discriminator tells the teacher's pictures from the generator's.

    The mean of the part on real and the part on generated pictures: the factor 1/2 that pix2pix (appendix 6.2) uses to
    slow the discriminator down, and for "lsgan" also Mao et al.'s own.

    Args:
        kind: one of `ADVERSARIAL_KINDS`.
        real_logits: of the teacher's pictures; any shape.
        fake_logits: of generated pictures, detached from the generator by the caller.

    Raises:
        ValueError: an unknown kind.
    """
    real_logits, fake_logits = real_logits.float(), fake_logits.float()
    if kind == "bce":
        real, fake = F.softplus(-real_logits), F.softplus(fake_logits)
    elif kind == "lsgan":
        real, fake = (real_logits - 1).square(), fake_logits.square()
    elif kind == "hinge":
        real, fake = F.relu(1 - real_logits), F.relu(1 + fake_logits)
    else:
        raise _unknown(kind)
    return 0.5 * (real.mean() + fake.mean())


def perceptual(
    output_features: Mapping[str, Tensor], target_features: Mapping[str, Tensor], layer_weights: Mapping[str, float]
) -> Tensor:
    """Weighted sum over layers of the mean absolute difference of activations (pix2pixHD, arXiv 1711.11585, eq. 4).

    Args:
        output_features: layer name -> [batch, channels, h, w], of the generator's pictures.
        target_features: of the teacher's, in the same shapes; computed without gradient by the caller.
        layer_weights: layers to compare; others are ignored.

    Raises:
        ValueError: no layers, a layer that was not computed, or shapes that differ.
    """
    _check_layers(layer_weights, output_features, target_features)
    parts = [
        weight * l1(output_features[name].float(), target_features[name].float())
        for name, weight in layer_weights.items()
    ]
    return torch.stack(parts).sum()


def gram(features: Tensor) -> Tensor:
    """Products of every two channels, summed over positions and divided by channels * height * width.

    Johnson et al. 2016 (arXiv 1603.08155, section 3.2). Computed in float32, or float64 if that comes in: the sums
    overflow float16.

    Args:
        features: [batch, channels, h, w].

    Returns:
        [batch, channels, channels], symmetric.
    """
    batch, channels, height, width = features.shape
    with torch.autocast(features.device.type, enabled=False):
        wide = features if features.dtype == torch.float64 else features.float()
        flat = wide.reshape(batch, channels, height * width)
        return flat @ flat.transpose(1, 2) / (channels * height * width)


def gram_distance(
    output_features: Mapping[str, Tensor], style_features: Mapping[str, Tensor], layer_weights: Mapping[str, float]
) -> Tensor:
    """Weighted sum over layers of the squared Frobenius norm of the difference of Gram matrices.

    Averaged over the batch. Johnson et al. 2016 (section 3.2); four times the loss of Gatys et al. (2016, eq. 4) where
    both pictures have one size.

    Args:
        output_features: layer name -> [batch, channels, h, w].
        style_features: the same layers; sizes may differ, and a batch of 1 serves every picture.
        layer_weights: layers to compare; others are ignored.

    Raises:
        ValueError: no layers, or a layer that was not computed.
    """
    _check_layers(layer_weights, output_features, style_features)
    parts = [
        weight * (gram(output_features[name]) - gram(style_features[name])).square().sum(dim=(1, 2)).mean()
        for name, weight in layer_weights.items()
    ]
    return torch.stack(parts).sum()


def _same_shape(output: Tensor, target: Tensor) -> None:
    if output.shape != target.shape:
        raise ValueError(f"output {list(output.shape)} and target {list(target.shape)} must have one shape")


def _check_layers(layer_weights: Mapping[str, float], *features: Mapping[str, Tensor]) -> None:
    if not layer_weights:
        raise ValueError("layer_weights is empty: name at least one layer")
    for name in layer_weights:
        if any(name not in one for one in features):
            raise ValueError(f"layer {name} was not computed; computed were {', '.join(features[0])}")


def _unknown(kind: str) -> ValueError:
    return ValueError(f"kind must be one of {', '.join(ADVERSARIAL_KINDS)}, got {kind!r}")

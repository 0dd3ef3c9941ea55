"""Losses that compare a network's activations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from pix2style.losses.pixel import l1
from pix2style.losses.tensors import check_same_shape, wide

_TINY = 1e-16


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
    parts = [weight * l1(output_features[name], target_features[name]) for name, weight in layer_weights.items()]
    return torch.stack(parts).sum()


def content(
    output_features: Mapping[str, Tensor], photo_features: Mapping[str, Tensor], layer_weights: Mapping[str, float]
) -> Tensor:
    """Weighted sum over layers of the mean squared difference from the photo's activations.

    The feature reconstruction loss of Johnson et al. 2016 (arXiv 1603.08155, eq. 2).

    Args:
        output_features: layer name -> [batch, channels, h, w], of the generator's pictures.
        photo_features: of the photos that they were painted from, in the same shapes, without gradient.
        layer_weights: layers to compare; others are ignored.

    Raises:
        ValueError: no layers, a layer that was not computed, or shapes that differ.
    """
    _check_layers(layer_weights, output_features, photo_features)
    parts = []
    for name, weight in layer_weights.items():
        check_same_shape(output_features[name], photo_features[name])
        parts.append(weight * (wide(output_features[name]) - wide(photo_features[name])).square().mean())
    return torch.stack(parts).sum()


def feature_matching(output_scales: Sequence[Sequence[Tensor]], target_scales: Sequence[Sequence[Tensor]]) -> Tensor:
    """L1 distance of the discriminator's activations, summed over layers and averaged over scales.

    pix2pixHD (Wang et al. 2018, arXiv 1711.11585, eq. 3), averaged over scales as in its code, so that its weight of 10
    keeps its meaning. Logits are left out, as there.

    Args:
        output_scales: for each scale the activations of its layers, the last of which are the logits, for the
            generator's pictures.
        target_scales: for the teacher's, in the same shapes, without gradient.

    Raises:
        ValueError: numbers of scales or layers or shapes differ, or there is no layer before the logits.
    """
    layers = [len(scale) for scale in output_scales]
    if layers != [len(scale) for scale in target_scales] or min(layers, default=0) < 2:
        raise ValueError(f"both need the same scales, of at least one layer before the logits, got {layers}")
    parts = [
        torch.stack([l1(a, b) for a, b in zip(output[:-1], target[:-1], strict=True)]).sum()
        for output, target in zip(output_scales, target_scales, strict=True)
    ]
    return torch.stack(parts).mean()


def gram(features: Tensor) -> Tensor:
    """Products of every two channels, summed over positions and divided by channels * height * width.

    Johnson et al. 2016 (arXiv 1603.08155, section 3.2). Computed in float32, or float64 if that comes in: the sums
    overflow float16. bfloat16 has float32's range, and its products are summed in float32: it is multiplied as it
    comes, and only the sums are rounded.

    Args:
        features: [batch, channels, h, w].

    Returns:
        [batch, channels, channels], symmetric.
    """
    _, channels, height, width = features.shape
    with torch.autocast(features.device.type, enabled=False):
        known = features if features.dtype == torch.bfloat16 else wide(features)
        flat = known.permute(0, 2, 3, 1).flatten(1, 2)  # a view in both layouts: reshaping channels_last would copy
        return wide(flat.transpose(1, 2) @ flat) / (channels * height * width)


def grams(features: Mapping[str, Tensor], layers: Iterable[str]) -> dict[str, Tensor]:
    """Gram matrices of the named layers; see `gram`.

    Raises:
        ValueError: a layer that was not computed.
    """
    names = list(layers)
    _check_computed(names, features)
    return {name: gram(features[name]) for name in names}


def gram_distance(
    output_grams: Mapping[str, Tensor], style_grams: Mapping[str, Tensor], layer_weights: Mapping[str, float]
) -> Tensor:
    """Weighted sum over layers of the squared Frobenius norm of the difference of Gram matrices.

    Averaged over the batch. Johnson et al. 2016 (section 3.2); four times the loss of Gatys et al. (2016, eq. 4) where
    both pictures have one size.

    Args:
        output_grams: layer name -> [batch, channels, channels], what `grams` gives.
        style_grams: the same layers; a batch of 1 serves every picture.
        layer_weights: layers to compare; others are ignored.

    Raises:
        ValueError: no layers, a layer that was not computed, or shapes that differ in more than a batch of 1.
    """
    _check_layers(layer_weights, output_grams, style_grams)
    parts = []
    for name, weight in layer_weights.items():
        found, wanted = output_grams[name], style_grams[name]
        check_same_shape(found, wanted.expand_as(found) if len(wanted) == 1 else wanted)
        parts.append(weight * (found - wanted).square().sum(dim=(1, 2)).mean())
    return torch.stack(parts).sum()


def relative_gram_distance(
    output_grams: Mapping[str, Tensor], style_grams: Mapping[str, Tensor], layer_weights: Mapping[str, float]
) -> Tensor:
    """Weighted mean over layers of |G(output) - G(style)| / |G(style)| in the Frobenius norm, averaged over the batch.

    What `pix2style eval` calls style distance. Unlike `gram_distance` it does not depend on how large a network's
    activations are, nor does one layer or one bright picture outweigh the others; and its gradient does not fade as
    the two get near.

    Args:
        output_grams: layer name -> [batch, channels, channels], what `grams` gives.
        style_grams: the same layers; a batch of 1 serves every picture.
        layer_weights: layers to compare; others are ignored.

    Raises:
        ValueError: no layers, a layer that was not computed, or shapes that differ in more than a batch of 1.
    """
    _check_layers(layer_weights, output_grams, style_grams)
    parts = []
    for name, weight in layer_weights.items():
        found, wanted = output_grams[name], style_grams[name]
        check_same_shape(found, wanted.expand_as(found) if len(wanted) == 1 else wanted)
        # nothing but black gives a matrix of zeros; and the root of a sum of squares has no slope at 0
        apart = ((found - wanted).square().sum(dim=(1, 2)) + _TINY).sqrt()
        parts.append(weight * (apart / (wanted.square().sum(dim=(1, 2)) + _TINY).sqrt()).mean())
    return torch.stack(parts).sum() / sum(layer_weights.values())


def _check_layers(layer_weights: Mapping[str, float], *features: Mapping[str, Tensor]) -> None:
    if not layer_weights:
        raise ValueError("layer_weights is empty: name at least one layer")
    _check_computed(layer_weights, *features)


def _check_computed(names: Iterable[str], *features: Mapping[str, Tensor]) -> None:
    for name in names:
        if any(name not in one for one in features):
            raise ValueError(f"layer {name} was not computed; computed were {', '.join(features[0])}")

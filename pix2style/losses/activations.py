"""Losses that compare activations of a feature network or a discriminator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from pix2style.losses.pixel import l1
from pix2style.losses.tensors import check_same_shape, wide

# Added under square roots: the gradient of a square root is infinite at 0, and a norm may be 0.
_EPSILON = 1e-16


def perceptual(
    output_features: Mapping[str, Tensor], target_features: Mapping[str, Tensor], layer_weights: Mapping[str, float]
) -> Tensor:
    """Compute the perceptual loss of pix2pixHD (Wang et al. 2018, arXiv 1711.11585, eq. 4).

    It is the weighted sum over layers of the mean absolute difference between activations.

    Args:
        output_features: Activations for the output: layer -> [batch, channels, h, w].
        target_features: Activations for the target, in the same shapes; without gradient.
        layer_weights: Layers to compare, each with its weight; other layers are ignored.

    Raises:
        ValueError: No layers are named, a layer is missing from the activations, or shapes differ.
    """
    _check_layers(layer_weights, output_features, target_features)
    by_layer = [weight * l1(output_features[name], target_features[name]) for name, weight in layer_weights.items()]
    return torch.stack(by_layer).sum()


def content(
    output_features: Mapping[str, Tensor], content_features: Mapping[str, Tensor], layer_weights: Mapping[str, float]
) -> Tensor:
    """Compute the content loss (feature reconstruction loss) of Johnson et al. 2016 (arXiv 1603.08155, eq. 2).

    It is the weighted sum over layers of the mean squared difference between activations.

    Args:
        output_features: Activations for the output: layer -> [batch, channels, h, w].
        content_features: Activations for the photo, in the same shapes; without gradient.
        layer_weights: Layers to compare, each with its weight; other layers are ignored.

    Raises:
        ValueError: No layers are named, a layer is missing from the activations, or shapes differ.
    """
    _check_layers(layer_weights, output_features, content_features)
    by_layer = []
    for name, weight in layer_weights.items():
        check_same_shape(output_features[name], content_features[name])
        by_layer.append(weight * (wide(output_features[name]) - wide(content_features[name])).square().mean())
    return torch.stack(by_layer).sum()


def feature_matching(output_scales: Sequence[Sequence[Tensor]], target_scales: Sequence[Sequence[Tensor]]) -> Tensor:
    """Compute the feature matching loss of pix2pixHD (Wang et al. 2018, arXiv 1711.11585, eq. 3).

    It is the L1 distance between activations of the discriminator, without the logits, summed over layers and averaged
    over scales. The average is that of the published code, so that its weight of 10 can be used here.

    Args:
        output_scales: Activations for the output: for each scale those of its layers, the last of which are the logits.
        target_scales: Activations for the target, in the same shapes; without gradient.

    Raises:
        ValueError: Numbers of scales, numbers of layers or shapes differ, or there is no layer before the logits.
    """
    layers = [len(scale) for scale in output_scales]
    if layers != [len(scale) for scale in target_scales] or min(layers, default=0) < 2:
        raise ValueError(
            f"output and target need the same scales, with at least one layer before the logits, got {layers}"
        )
    by_scale = [
        torch.stack([l1(a, b) for a, b in zip(output[:-1], target[:-1], strict=True)]).sum()
        for output, target in zip(output_scales, target_scales, strict=True)
    ]
    return torch.stack(by_scale).mean()


def gram(features: Tensor) -> Tensor:
    """Compute Gram matrices: products of every two channels, summed over pixels (Johnson et al. 2016, section 3.2).

    The sums are divided by channels * height * width. They are computed in float32 (float64 stays float64), because
    they overflow float16. bfloat16 has the range of float32, and matrix products of it are summed in float32, so that
    it can be multiplied directly, which is faster; only the sums are then rounded to bfloat16.

    Args:
        features: Activations, [batch, channels, h, w].

    Returns:
        Symmetric matrices, [batch, channels, channels].
    """
    _, channels, height, width = features.shape
    with torch.autocast(features.device.type, enabled=False):
        factors = features if features.dtype == torch.bfloat16 else wide(features)
        # A view of a channels-last tensor, as networks return it; flattening [h, w] behind the channels would copy it.
        flat = factors.permute(0, 2, 3, 1).flatten(1, 2)
        return wide(flat.transpose(1, 2) @ flat) / (channels * height * width)


def grams(features: Mapping[str, Tensor], layers: Iterable[str]) -> dict[str, Tensor]:
    """Compute the Gram matrices of the named layers; see `gram`.

    Raises:
        ValueError: A layer is missing from the activations.
    """
    names = list(layers)
    _check_computed(names, features)
    return {name: gram(features[name]) for name in names}


def gram_distance(
    output_grams: Mapping[str, Tensor], style_grams: Mapping[str, Tensor], layer_weights: Mapping[str, float]
) -> Tensor:
    """Compute the style loss of Johnson et al. 2016 (arXiv 1603.08155, section 3.2).

    It is the weighted sum over layers of the squared Frobenius norm of the difference of Gram matrices, averaged over
    the batch: four times the loss of Gatys et al. (2016, eq. 4) if both images have the same size.

    Args:
        output_grams: Gram matrices of the output: layer -> [batch, channels, channels].
        style_grams: Gram matrices to compare with; a batch of 1 is compared with every image.
        layer_weights: Layers to compare, each with its weight; other layers are ignored.

    Raises:
        ValueError: No layers are named, a layer is missing, or shapes differ other than by a batch of 1.
    """
    _check_layers(layer_weights, output_grams, style_grams)
    by_layer = []
    for name, weight in layer_weights.items():
        output, style = _matching_grams(output_grams[name], style_grams[name])
        by_layer.append(weight * (output - style).square().sum(dim=(1, 2)).mean())
    return torch.stack(by_layer).sum()


def relative_gram_distance(
    output_grams: Mapping[str, Tensor], style_grams: Mapping[str, Tensor], layer_weights: Mapping[str, float]
) -> Tensor:
    """Compute the weighted mean over layers of |G(output) - G(style)| / |G(style)|, averaged over the batch.

    |.| is the Frobenius norm. `pix2style eval` reports this as style distance. Unlike `gram_distance` it does not
    depend on the magnitude of activations, so that no layer and no bright image dominates, and its gradient does not
    vanish as the distance approaches 0.

    Args:
        output_grams: Gram matrices of the output: layer -> [batch, channels, channels].
        style_grams: Gram matrices to compare with; a batch of 1 is compared with every image.
        layer_weights: Layers to compare, each with its weight; other layers are ignored.

    Raises:
        ValueError: No layers are named, a layer is missing, or shapes differ other than by a batch of 1.
    """
    _check_layers(layer_weights, output_grams, style_grams)
    by_layer = []
    for name, weight in layer_weights.items():
        output, style = _matching_grams(output_grams[name], style_grams[name])
        distance = ((output - style).square().sum(dim=(1, 2)) + _EPSILON).sqrt()
        # The Gram matrix of a black image may be 0 everywhere.
        by_layer.append(weight * (distance / (style.square().sum(dim=(1, 2)) + _EPSILON).sqrt()).mean())
    return torch.stack(by_layer).sum() / sum(layer_weights.values())


def _matching_grams(output: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
    """Return both, after checking that they have the same shape, or that the batch of `style` is 1."""
    check_same_shape(output, style.expand_as(output) if len(style) == 1 else style)
    return output, style


def _check_layers(layer_weights: Mapping[str, float], *features: Mapping[str, Tensor]) -> None:
    if not layer_weights:
        raise ValueError("layer_weights is empty: name at least one layer")
    _check_computed(layer_weights, *features)


def _check_computed(names: Iterable[str], *features: Mapping[str, Tensor]) -> None:
    for name in names:
        if any(name not in layers for layers in features):
            raise ValueError(f"layer {name} was not computed; computed were {', '.join(features[0])}")

"""Cross-layer equalisation of the lightweight generator: bring the channels of each tensor to similar ranges.

Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", arXiv 1906.04721; here with
ranges measured on photos instead of ranges of the weights.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from pix2style.export.reference import run_with_hooks
from pix2style.images import Image8
from pix2style.nets.lite import Lite, ResidualBlock
from pix2style.nets.photo_norm import PhotoScale
from pix2style.nets.style_condition import ConditionalBias

_MIN_RANGE_SHARE = 1e-3  # of the widest channel; narrower channels are nearly always 0 and are not scaled up


def equalise_channels(network: Lite, photos: Iterable[Image8], exponent: float) -> Lite:
    """Return a copy of a network that computes the same function with similar ranges in all channels.

    In 8 bits all channels of a tensor share one scale: a channel whose range is a tenth of the widest one uses only a
    tenth of the 256 values. ReLU commutes with a positive factor. So a layer's output channels are divided by factors,
    and the input weights of the layers that read them are multiplied by the same factors. The residual stream (the
    features that blocks add to) is one tensor with many writers and readers, and gets one set of factors.

    Args:
        network: Folded network in evaluation mode, on the CPU.
        photos: Photos on which the ranges are measured. The same photos give the same weights.
        exponent: 0 would change nothing, and 1 makes all channels equally wide. As activations become more even,
            weights become less even, and they are quantised, too (see `best_exponent`).
    """
    equalised = copy.deepcopy(network)
    stream_maxima, hidden_maxima = _measure_maxima(equalised, photos)
    stream_factors = _factors(stream_maxima, exponent) if stream_maxima else torch.ones(network.channels)
    hidden_factors = [_factors(maxima, exponent) for maxima in hidden_maxima]
    with torch.no_grad():
        # Behind a normalisation the channels have the ranges that it gives them.
        _divide_output_channels(equalised.stem_norm or equalised.stem, stream_factors)
        if equalised.context_network is not None:
            _divide_output_channels(equalised.context_network.statistics_layers[-1], stream_factors)
        for block, block_factors in zip(equalised.body, hidden_factors, strict=True):
            assert isinstance(block, ResidualBlock)  # noqa: S101 (ModuleList has no element type)
            _multiply_input_channels(block.first, stream_factors)
            _divide_output_channels(block.first_norm or block.first, block_factors)
            _multiply_input_channels(block.second, block_factors)
            _divide_output_channels(block.second_norm or block.second, stream_factors)
        _multiply_input_channels(equalised.head, stream_factors)
    return equalised


def _measure_maxima(network: Lite, photos: Iterable[Image8]) -> tuple[list[Tensor], list[list[Tensor]]]:
    """Return maxima of the channels of the residual stream, and of those inside each block: float32 [channels] each."""
    stream_maxima: list[Tensor] = []
    hidden_maxima: list[list[Tensor]] = [[] for _ in network.body]
    hooks: list[Any] = []

    def record_stream(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        stream_maxima.extend((_channel_maxima(inputs[0]), _channel_maxima(output)))

    for block, maxima in zip(network.body, hidden_maxima, strict=True):
        second: Any = block.second
        hooks.append(block.register_forward_hook(record_stream))
        hooks.append(
            second.register_forward_pre_hook(lambda _module, inputs, to=maxima: to.append(_channel_maxima(inputs[0])))
        )
    run_with_hooks(network, photos, hooks)
    return stream_maxima, hidden_maxima


def _channel_maxima(features: Tensor) -> Tensor:
    """Return the largest value of each channel of [1, channels, height, width]."""
    return features.amax(dim=(0, 2, 3))


def _factors(maxima: list[Tensor], exponent: float) -> Tensor:
    """Return each channel's divisor, 1 for the widest and less for narrower ones, from several maxima [channels]."""
    ranges = torch.stack(maxima).amax(dim=0)
    share = ranges / ranges.max().clamp(min=torch.finfo(ranges.dtype).tiny)
    return torch.where(share > _MIN_RANGE_SHARE, share**exponent, torch.ones_like(share))


def _divide_output_channels(layer: Any, factors: Tensor) -> None:
    """Divide the output channels of a convolution, linear layer or normalisation by factors, in place.

    Shifts of styles are divided as well.
    """
    if isinstance(layer, ConditionalBias):
        layer.table.div_(factors)
        layer = layer.layer
    layer.weight.div_(factors.view(-1, *[1] * (layer.weight.ndim - 1)))
    if not isinstance(layer, PhotoScale):  # which has no bias
        layer.bias.div_(factors)


def _multiply_input_channels(layer: Any, factors: Tensor) -> None:
    """Multiply the weights of a convolution for each input channel by a factor, in place."""
    convolution: Any = layer.layer if isinstance(layer, ConditionalBias) else layer
    convolution.weight.mul_(factors.view(1, -1, 1, 1))

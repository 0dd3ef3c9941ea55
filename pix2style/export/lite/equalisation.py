"""Channels of one map brought to one range before they become bytes; the network paints the same."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from pix2style.export.reference import run_watched
from pix2style.images import Image8
from pix2style.nets.lite import Lite
from pix2style.nets.style_condition import ConditionalBias

# As maps get even, weights get uneven, which are kept in 8 bits too: so only about half of the way.
_POWER = 0.45
_LEAST_SHARE = 1e-3  # of the largest range: a channel that is nearly always 0 is not blown up


def equalised(network: Lite, photos: Iterable[Image8]) -> Lite:
    """A copy that computes the same pictures, in whose maps all channels have about the same range.

    A map has one step for all its channels in 8 bits, so that a channel ten times as small as the largest keeps a
    tenth of the 256 values. ReLU does not mind a positive factor: what a channel is divided by where it is written, its
    readers' weights are multiplied by. Cross-layer equalisation (Nagel et al. 2019, arXiv 1906.04721), by measured
    ranges rather than weights. The sums of residual blocks are one map with many writers and readers.

    Args:
        network: folded, in evaluation mode, on the CPU.
        photos: to measure ranges on; the same photos give the same weights.
    """
    twin = copy.deepcopy(network)
    stream, inner = _ranges(twin, photos)
    with torch.no_grad():
        _write(twin.stem, stream)
        _write(twin.observe.tell[-1], stream)
        for block, range_ in zip(twin.body, inner, strict=True):
            _read(block.first, stream)
            _write(block.first, range_)
            _read(block.second, range_)
            _write(block.second, stream)
        _read(twin.head, stream)
    return twin


def _ranges(network: Lite, photos: Iterable[Image8]) -> tuple[Tensor, list[Tensor]]:
    """Of each channel: in the residual sums, and inside each block."""
    sums: list[Tensor] = []
    inside: list[list[Tensor]] = [[] for _ in network.body]
    handles: list[Any] = []

    def outside(_module: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        sums.extend((_largest(given[0]), _largest(out)))

    for block, found in zip(network.body, inside, strict=True):
        second: Any = block.second
        handles.append(block.register_forward_hook(outside))
        handles.append(second.register_forward_pre_hook(lambda _module, given, to=found: to.append(_largest(given[0]))))
    run_watched(network, photos, handles)
    ones = torch.ones(network.channels)
    return (_range(sums) if sums else ones), [_range(maps) for maps in inside]


def _largest(features: Tensor) -> Tensor:
    """Of each channel of [1, channels, h, w]; whole maps of many photos would not fit memory."""
    return features.amax(dim=(0, 2, 3))


def _range(maps: list[Tensor]) -> Tensor:
    """What each channel is to be divided by, from its largest values in several maps; 1 for the widest."""
    ranges = torch.stack(maps).amax(dim=0)
    share = ranges / ranges.max().clamp(min=torch.finfo(ranges.dtype).tiny)
    return torch.where(share > _LEAST_SHARE, share**_POWER, torch.ones_like(share))


def _write(layer: Any, ranges: Tensor) -> None:
    """Divide what a layer gives, channel by channel."""
    if isinstance(layer, ConditionalBias):
        layer.table.div_(ranges)
        layer = layer.layer
    layer.weight.div_(ranges.view(-1, *[1] * (layer.weight.ndim - 1)))
    layer.bias.div_(ranges)


def _read(layer: Any, ranges: Tensor) -> None:
    """Multiply what a convolution takes, channel by channel."""
    convolution: Any = layer.layer if isinstance(layer, ConditionalBias) else layer
    convolution.weight.mul_(ranges.view(1, -1, 1, 1))

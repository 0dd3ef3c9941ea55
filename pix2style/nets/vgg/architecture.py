"""The convolutional part of VGG16 and VGG19, with the indices of torchvision's `.features`."""

from __future__ import annotations

from typing import Literal

from torch import nn

Vgg = Literal["vgg16", "vgg19"]
# Configurations D and E of the paper: channels and number of convolutions of each block.
_BLOCKS: dict[Vgg, tuple[tuple[int, int], ...]] = {
    "vgg16": ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)),
    "vgg19": ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)),
}


def layer_indices(kind: Vgg) -> dict[str, int]:
    """Return the index of each layer in torchvision's `.features`, by name, from shallow to deep."""
    indices: dict[str, int] = {}
    for block, (_, convs) in enumerate(_BLOCKS[kind], start=1):
        for conv in range(1, convs + 1):
            indices[f"conv{block}_{conv}"] = len(indices)
            indices[f"relu{block}_{conv}"] = len(indices)
        indices[f"pool{block}"] = len(indices)
    return indices


def build_body(kind: Vgg, deepest: int) -> nn.Sequential:
    """Build the layers up to the index `deepest`, with fresh weights."""
    modules: list[nn.Module] = []
    into = 3
    for out, convs in _BLOCKS[kind]:
        for _ in range(convs):
            # The ReLU must not work in place: it would overwrite the activations of the convolution before it.
            modules += [nn.Conv2d(into, out, 3, padding=1), nn.ReLU()]
            into = out
        modules.append(nn.MaxPool2d(2))
    return nn.Sequential(*modules[: deepest + 1])

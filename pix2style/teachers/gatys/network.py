"""Load VGG19 for the optimisation: up to the deepest layer that is needed, and with the chosen pooling."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from pix2style.errors import ArtifactError
from pix2style.installation import install_extras
from pix2style.nets.features import FeatureNetwork, load_vgg19
from pix2style.teachers.gatys.settings import GatysSettings, layer_names


def load_network(settings: GatysSettings, weights: Path | None, device: torch.device) -> FeatureNetwork:
    """Load VGG19 up to the deepest layer of `settings`.

    Args:
        settings: Settings of the optimisation; layers and pooling are used.
        weights: Safetensors file of VGG19's weights; None for the places that `load_vgg` names.
        device: Device for the network.

    Raises:
        ArtifactError: If the weights cannot be downloaded or read, or end before the deepest layer.
    """
    if weights is not None:
        _check_depth(settings, weights)
    try:
        network = load_vgg19(settings.layers, weights)
    except ArtifactError as error:
        if weights is not None:
            raise
        # The message of load_vgg19 names options of `train`, which `stylize` does not have.
        raise ArtifactError(
            f"VGG19's weights cannot be downloaded ({error.__cause__ or error}): install the extra vgg"
            f" with {install_extras('vgg')}, or give a safetensors file that you have (--weights FILE)"
        ) from error
    if settings.pooling == "average":
        for index, module in enumerate(network.body):
            if isinstance(module, nn.MaxPool2d):
                network.body[index] = nn.AvgPool2d(2)
    return network.to(device)


def bfloat16_copy(network: FeatureNetwork) -> FeatureNetwork:
    """Return a copy whose weights are bfloat16, in the memory layout that is fastest for them."""
    fast = copy.deepcopy(network)
    fast.body.to(dtype=torch.bfloat16, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return fast


def weights_digest(network: FeatureNetwork) -> str:
    """Return the SHA-256 of names and values of the network's weights.

    The digest of values, not of a file, so that a file and torchvision's download of the same weights are the same.
    """
    digest = hashlib.sha256()
    for name, tensor in network.body.state_dict().items():
        digest.update(name.encode() + b"\0" + tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()


def deepest_layer(weights: Path) -> str | None:
    """Return the deepest layer for which a safetensors file has weights; None if it has not even the first.

    Raises:
        ArtifactError: If the file is missing, damaged or of another format.
    """
    if not weights.is_file():
        raise ArtifactError(f"{weights}: there is no such weights file: check --weights")
    try:
        with safe_open(weights, framework="pt") as file:
            keys = {key.removeprefix("features.") for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ArtifactError(
            f"{weights}: is damaged or not a safetensors file ({error}): get or make it again"
        ) from error
    deepest = None
    for index, name in enumerate(layer_names()):
        if name.startswith("conv") and f"{index}.weight" not in keys:
            break
        deepest = name  # ReLU and pooling have no weights: they come with the convolution before them
    return deepest


def has_weights_for(weights: Path, layers: Iterable[str]) -> bool:
    """Return whether a safetensors file of VGG19 has the weights for all of `layers`; raises as `deepest_layer`."""
    return not _missing_layers(deepest_layer(weights), layers)


def _missing_layers(deepest: str | None, layers: Iterable[str]) -> list[str]:
    """Return those of `layers` that lie deeper than `deepest`, from shallow to deep."""
    names = layer_names()
    available = 0 if deepest is None else names.index(deepest) + 1
    return sorted((name for name in layers if names.index(name) >= available), key=names.index)


def _check_depth(settings: GatysSettings, weights: Path) -> None:
    names = layer_names()
    deepest = deepest_layer(weights)
    if deepest is None:
        raise ArtifactError(
            f'{weights}: has no weights of VGG19 (keys should be "features.0.weight" and so on): get another file'
        )
    missing = _missing_layers(deepest, settings.layers)
    if not missing:
        return
    available = names[: names.index(deepest) + 1]
    last_conv = [name for name in available if name.startswith("conv")][-1]
    first_convs = [name for name in available if name.startswith("conv") and name.endswith("_1")]
    raise ArtifactError(
        f"{weights}: has no weights for {', '.join(missing)}, it ends at {last_conv}: choose layers that it has"
        f" (--content-layer {last_conv} --style-layers {','.join(first_convs)}, or --preset shallow; in make-pairs"
        " pairs.gatys.preset=shallow), or other weights"
    )

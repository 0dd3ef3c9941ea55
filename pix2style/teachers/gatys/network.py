"""VGG19 as the optimisation needs it: only to the deepest layer, with the pooling that is wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from pix2style.errors import ArtifactError
from pix2style.nets.features import FeatureNetwork, load_vgg19
from pix2style.teachers.gatys.settings import GatysSettings, layer_names


def load_network(settings: GatysSettings, weights: Path | None, device: torch.device) -> FeatureNetwork:
    """VGG19 up to the deepest layer of `settings`.

    Args:
        settings: layers and pooling.
        weights: a safetensors file as `load_vgg19` takes it; nothing: torchvision's, downloaded once (548 MB).
        device: where it runs.

    Raises:
        ArtifactError: the weights cannot be downloaded or read, or end before the deepest layer.
    """
    if weights is not None:
        _check_depth(settings, weights)
    try:
        network = load_vgg19(settings.layers, weights)
    except ArtifactError as error:
        if weights is not None:
            raise
        # load_vgg19 names the options of training.
        raise ArtifactError(
            f"VGG19's weights cannot be downloaded ({error.__cause__ or error}): give a safetensors file that you have"
            " (--weights FILE)"
        ) from error
    if settings.pooling == "average":
        for index, module in enumerate(network.body):
            if isinstance(module, nn.MaxPool2d):
                network.body[index] = nn.AvgPool2d(2)
    return network.to(device)


def weights_digest(network: FeatureNetwork) -> str:
    """SHA-256 of the weights in use, by name: the same from a file and from torchvision."""
    digest = hashlib.sha256()
    for name, tensor in network.body.state_dict().items():
        digest.update(name.encode() + b"\0" + tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()


def deepest_layer(weights: Path) -> str | None:
    """The deepest layer that a safetensors file of VGG19 reaches; None if it has not even the first.

    Raises:
        ArtifactError: it is missing, damaged or of another format.
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
    reached = None
    for index, name in enumerate(layer_names()):
        if name.startswith("conv") and f"{index}.weight" not in keys:
            break
        reached = name
    return reached


def reaches(weights: Path, layers: Iterable[str]) -> bool:
    """Whether a safetensors file of VGG19 has the weights for all of `layers`; see `deepest_layer` for errors."""
    return not _missing(deepest_layer(weights), layers)


def _missing(reached: str | None, layers: Iterable[str]) -> list[str]:
    """Those of `layers` that lie deeper, shallow to deep."""
    names = layer_names()
    there = 0 if reached is None else names.index(reached) + 1
    return sorted((name for name in layers if names.index(name) >= there), key=names.index)


def _check_depth(settings: GatysSettings, weights: Path) -> None:
    names = layer_names()
    reached = deepest_layer(weights)
    if reached is None:
        raise ArtifactError(
            f'{weights}: has no weights of VGG19 (keys should be "features.0.weight" and so on): get another file'
        )
    missing = _missing(reached, settings.layers)
    if not missing:
        return
    there = names[: names.index(reached) + 1]
    last_conv = [name for name in there if name.startswith("conv")][-1]
    firsts = [name for name in there if name.startswith("conv") and name.endswith("_1")]
    raise ArtifactError(
        f"{weights}: has no weights for {', '.join(missing)}, it ends at {last_conv}: choose layers that it has"
        f" (--content-layer {last_conv} --style-layers {','.join(firsts)}, or --preset shallow; in make-pairs"
        " pairs.gatys.preset=shallow), or other weights"
    )

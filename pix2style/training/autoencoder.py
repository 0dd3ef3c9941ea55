"""Train a small autoencoder, whose encoder can serve as the feature network of perceptual losses instead of VGG."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pix2style.errors import DataError, ImageError
from pix2style.images import FoundImage, Image8, fit_within, read_picture, to_batch
from pix2style.losses import l1
from pix2style.nets.autoencoder import Autoencoder, save_autoencoder
from pix2style.pairs.format.reader import PairReader

_BATCH = 8
# An encoder of 0.7 MB: small, because in training it runs on every output and target.
_CHANNELS = (24, 48, 72, 96)
_LEARNING_RATE = 1e-3
_MEASURED_BATCHES = 8
SIDE_PX = 384
"""Images are shrunk to this side: larger ones would fill the memory, and crops of them show little but flat areas."""


@dataclass(frozen=True, slots=True)
class AutoencoderReport:
    """Numbers of a trained autoencoder.

    Attributes:
        out: File with its weights.
        steps: Number of optimiser steps.
        seconds: Duration of the training.
        loss: Mean reconstruction loss over the last tenth of the steps, for values in [-1, 1].
        encoder_parameters: Number of weights of the encoder.
        pictures: Number of images that it was trained on.
    """

    out: Path
    steps: int
    seconds: float
    loss: float
    encoder_parameters: int
    pictures: int

    @property
    def encoder_bytes(self) -> int:
        """Size of the encoder's weights in float32."""
        return 4 * self.encoder_parameters


def train_autoencoder(
    images: Sequence[Image8],
    out: Path,
    *,
    steps: int = 200,
    seconds: float = float("inf"),
    crop: int = 96,
    channels: Sequence[int] = _CHANNELS,
    seed: int = 0,
    on_step: Callable[[float], None] = lambda _: None,
) -> AutoencoderReport:
    """Train an autoencoder to reconstruct random crops with an L1 loss, and save it atomically.

    Args:
        images: uint8 [height, width, 3] each; images smaller than `crop` are not used.
        out: Safetensors file to write.
        steps: Number of optimiser steps, with 8 crops each.
        seconds: Time limit. If it ends the training, the weights depend on the machine's speed.
        crop: Side of the crops in pixels, a multiple of 16.
        channels: Channels of the encoder's four layers.
        seed: Seed of weights and crops. The same seed gives the same weights on one machine with as many threads.
        on_step: Called with the loss after each step.

    Raises:
        DataError: No image is large enough.
    """
    usable = [image for image in images if min(image.shape[:2]) >= crop]
    if not usable:
        raise DataError(
            f"none of the {len(images)} images is {crop} px high and wide: the feature network needs larger photos"
        )
    with torch.random.fork_rng(devices=[]):  # leave the caller's random state as it is
        torch.manual_seed(seed)
        network = Autoencoder(channels)
    rng = np.random.default_rng(seed)
    started_s = time.perf_counter()
    losses = _train(network, lambda: _random_crops(usable, crop, rng), steps, started_s + seconds, on_step)
    network.measure_mean_activations(_random_crops(usable, crop, rng) for _ in range(_MEASURED_BATCHES))
    save_autoencoder(out, network)
    loss = float(np.mean(losses[-max(1, len(losses) // 10) :]))
    parameters = sum(weight.numel() for weight in network.encoder.parameters())
    return AutoencoderReport(out, len(losses), time.perf_counter() - started_s, loss, parameters, len(usable))


def read_photos(
    files: Sequence[FoundImage], limit: int, *, seed: int, on_read: Callable[[], None] = lambda: None
) -> tuple[list[Image8], list[ImageError]]:
    """Read photos for `train_autoencoder`, shrunk to 384 px.

    Args:
        files: Image files.
        limit: Largest number of files to read; if there are more, a random selection is read.
        seed: Seed of the selection.
        on_read: Called after each file.

    Returns:
        The photos, and the errors of files that cannot be read.
    """
    selected = sorted(np.random.default_rng(seed).permutation(len(files))[:limit].tolist())
    photos, failures = [], []
    for index in selected:
        try:
            photos.append(fit_within(read_picture(files[index].path, to_srgb=True).on_white(), SIDE_PX))
        except ImageError as error:
            failures.append(error)
        on_read()
    return photos, failures


def read_pairs(reader: PairReader, limit: int) -> list[Image8]:
    """Read contents and targets of the first `limit` training pairs, shrunk to 384 px.

    Trained on both, the encoder's features represent brush strokes as well as photographs.

    Raises:
        DataError: There are no training pairs, or a pair cannot be read.
    """
    entries = reader.entries("train")[:limit]
    if not entries:
        total = reader.manifest.pairs.total
        raise DataError(
            f"{reader.folder}: 0 of {total} pairs fell into the split for training: give more photos, at least 10, or"
            " smaller pairs.val_share and pairs.test_share"
        )
    return [fit_within(image, SIDE_PX) for entry in entries for image in reader.read(entry)]


def _train(
    network: Autoencoder,
    next_batch: Callable[[], Tensor],
    steps: int,
    deadline_s: float,
    on_step: Callable[[float], None],
) -> list[float]:
    """Train until the number of steps or the deadline is reached, at least one step; return the losses."""
    optimizer = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE, fused=True)
    losses: list[float] = []
    while len(losses) < steps and (not losses or time.perf_counter() < deadline_s):
        batch = next_batch()
        loss = l1(network(batch), batch)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
        on_step(losses[-1])
    return losses


def _random_crops(images: Sequence[Image8], side: int, rng: np.random.Generator) -> Tensor:
    """Cut a batch of square crops out of randomly chosen images: [batch, 3, side, side] in [-1, 1]."""
    indices = rng.integers(len(images), size=_BATCH)
    return torch.from_numpy(to_batch([_random_crop(images[index], side, rng) for index in indices]))


def _random_crop(image: Image8, side: int, rng: np.random.Generator) -> Image8:
    height, width = image.shape[:2]
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    return image[top : top + side, left : left + side]

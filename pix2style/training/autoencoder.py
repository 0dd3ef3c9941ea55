"""A feature network of one's own: a small autoencoder learns pictures, and its encoder judges others."""

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
_CHANNELS = (24, 48, 72, 96)  # an encoder of 0.7 MB: judging must cost less than painting
_LEARNING_RATE = 1e-3
_MEASURED_BATCHES = 8
SIDE_PX = 384
"""Photos are shrunk to this: larger ones would fill the memory and show the crops nothing but smooth ground."""


@dataclass(frozen=True, slots=True)
class AutoencoderReport:
    """A trained feature network, in figures.

    Attributes:
        out: its file.
        steps: optimiser steps.
        seconds: of learning.
        loss: mean over the last tenth of the steps, in [-1, 1] units.
        encoder_parameters: weights of the part that judges.
        pictures: how many it learned from.
    """

    out: Path
    steps: int
    seconds: float
    loss: float
    encoder_parameters: int
    pictures: int

    @property
    def encoder_bytes(self) -> int:
        """Of the encoder's weights."""
        return 4 * self.encoder_parameters


def train_autoencoder(
    pictures: Sequence[Image8],
    out: Path,
    *,
    steps: int = 200,
    seconds: float = float("inf"),
    crop: int = 96,
    channels: Sequence[int] = _CHANNELS,
    seed: int = 0,
    on_step: Callable[[float], None] = lambda _: None,
) -> AutoencoderReport:
    """Learn to rebuild random crops of `pictures` by L1, and save the network, whole or not at all.

    Args:
        pictures: uint8 [height, width, 3] each; smaller ones than `crop` are left out.
        out: the safetensors file.
        steps: of 8 crops each.
        seconds: end earlier when they are over; then the weights depend on the machine's speed.
        crop: side in pixels, a multiple of 16.
        channels: of the encoder's four layers.
        seed: the same seed gives the same weights on one machine with as many threads.
        on_step: hears each step's loss.

    Raises:
        DataError: no picture is large enough.
    """
    usable = [picture for picture in pictures if min(picture.shape[:2]) >= crop]
    if not usable:
        raise DataError(
            f"no picture of {len(pictures)} is {crop} px high and wide: the feature network cannot be trained"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Autoencoder(channels)
    rng = np.random.default_rng(seed)
    began = time.perf_counter()
    losses = _learn(network, lambda: _crops(usable, crop, rng), steps, began + seconds, on_step)
    network.measure_mean_activations(_crops(usable, crop, rng) for _ in range(_MEASURED_BATCHES))
    save_autoencoder(out, network)
    mean = float(np.mean(losses[-max(1, len(losses) // 10) :]))
    parameters = sum(weight.numel() for weight in network.encoder.parameters())
    return AutoencoderReport(out, len(losses), time.perf_counter() - began, mean, parameters, len(usable))


def read_photos(
    found: Sequence[FoundImage], limit: int, *, seed: int, on_read: Callable[[], None] = lambda: None
) -> tuple[list[Image8], list[ImageError]]:
    """Photos for `train_autoencoder`, shrunk to 384 px, in memory; and those that cannot be read, with reasons.

    Args:
        found: the files.
        limit: of more than these a random choice is taken, the same for the same seed.
        seed: of the choice.
        on_read: hears of each file.
    """
    chosen = sorted(np.random.default_rng(seed).permutation(len(found))[:limit].tolist())
    photos, failures = [], []
    for index in chosen:
        try:
            photos.append(fit_within(read_picture(found[index].path, to_srgb=True).on_white(), SIDE_PX))
        except ImageError as error:
            failures.append(error)
        on_read()
    return photos, failures


def read_pairs(reader: PairReader, limit: int) -> list[Image8]:
    """Photos and targets of the first `limit` training pairs: the encoder then knows brushwork from photographs."""
    return [fit_within(one, SIDE_PX) for entry in reader.entries("train")[:limit] for one in reader.read(entry)]


def _learn(
    network: Autoencoder,
    draw: Callable[[], Tensor],
    steps: int,
    deadline: float,
    on_step: Callable[[float], None],
) -> list[float]:
    optimizer = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE, fused=True)
    losses: list[float] = []
    while len(losses) < steps and (not losses or time.perf_counter() < deadline):
        batch = draw()
        loss = l1(network(batch), batch)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
        on_step(losses[-1])
    return losses


def _crops(pictures: Sequence[Image8], side: int, rng: np.random.Generator) -> Tensor:
    cut = []
    for index in rng.integers(len(pictures), size=_BATCH):
        height, width = pictures[index].shape[:2]
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        cut.append(pictures[index][top : top + side, left : left + side])
    return torch.from_numpy(to_batch(cut))

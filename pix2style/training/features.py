"""A feature network of one's own: a small autoencoder learns the photos, and its encoder judges pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pix2style.errors import DataError
from pix2style.images import Image8, to_batch
from pix2style.losses import l1
from pix2style.nets.autoencoder import Autoencoder, save_autoencoder

_BATCH = 8
_CHANNELS = (24, 48, 72, 96)  # an encoder of 0.7 MB: judging must cost less than painting
_LEARNING_RATE = 1e-3
_MEASURED_BATCHES = 8


def train_autoencoder(
    pictures: Sequence[Image8],
    out: Path,
    *,
    steps: int = 200,
    seconds: float = float("inf"),
    crop: int = 96,
    seed: int = 0,
    on_step: Callable[[float], None] = lambda _: None,
) -> float:
    """Learn to rebuild random crops of `pictures` by L1, and save the network.

    Args:
        pictures: uint8 [height, width, 3] each, at least `crop` high and wide.
        out: the safetensors file.
        steps: of 8 crops each.
        seconds: end earlier when they are over; then the weights depend on the machine's speed.
        crop: side in pixels, a multiple of 16.
        seed: the same seed gives the same weights on one machine.
        on_step: hears each step's loss.

    Returns:
        The mean loss of the last tenth of the steps, in [-1, 1] units.

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
        network = Autoencoder(_CHANNELS)
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE, fused=True)
    losses: list[float] = []
    deadline = time.perf_counter() + seconds
    while len(losses) < steps and time.perf_counter() < deadline:
        batch = _crops(usable, crop, rng)
        loss = l1(network(batch), batch)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
        on_step(losses[-1])
    network.measure(_crops(usable, crop, rng) for _ in range(_MEASURED_BATCHES))
    save_autoencoder(out, network)
    return float(np.mean(losses[-max(1, len(losses) // 10) :]))


def _crops(pictures: Sequence[Image8], side: int, rng: np.random.Generator) -> Tensor:
    cut = []
    for index in rng.integers(len(pictures), size=_BATCH):
        height, width = pictures[index].shape[:2]
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        cut.append(pictures[index][top : top + side, left : left + side])
    return torch.from_numpy(to_batch(cut))

"""A small convolutional network that learns to tell two kinds of patches apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pix2style.errors import DataError
from pix2style.images import to_signed

# Chosen by trials (benchmarks/LOG.md): accuracy is lower with smaller learning rates, mirrored patches and fewer steps,
# and no higher with wider layers in the same time.
_CHANNELS = (16, 32, 48, 64)
_PAIRS_PER_STEP = 16
_LEARNING_RATE = 1e-2
_WARM_UP_SHARE = 0.2
_WEIGHT_DECAY = 1e-2


@dataclass(frozen=True, slots=True)
class PatchGrid:
    """Size and places of patches.

    Attributes:
        side_px: Height and width of a patch.
        step_px: Patches begin at multiples of this many pixels. Networks that halve and double the resolution make
            strokes that lie on a grid: patches that always begin at the same place of it are easier to compare.
    """

    side_px: int
    step_px: int

    def places(self, size_px: int) -> int:
        """Return the number of places along a side of an image of `size_px` pixels."""
        return (size_px - self.side_px) // self.step_px + 1


class PatchClassifier(nn.Module):
    """Four convolutions, from two-pixel blocks to an eighth of their resolution, and mean and maximum over places."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.PixelUnshuffle(2)]
        inputs = 12
        for index, channels in enumerate(_CHANNELS):
            convolution = nn.Conv2d(inputs, channels, 3, stride=1 if index == 0 else 2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(channels), nn.ReLU()]
            inputs = channels
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(2 * inputs, 1)

    def forward(self, patches: Tensor) -> Tensor:
        """Return a number for each patch [count, 3, side, side]: positive for the first kind, else negative."""
        features = self.body(patches)
        score: Tensor = self.head(torch.cat([features.mean((2, 3)), features.amax((2, 3))], dim=1))[:, 0]
        return score


def train_classifier(pairs: Sequence[Tensor], grid: PatchGrid, *, steps: int, seed: int) -> PatchClassifier:
    """Train a network to tell the first image of each pair from the second.

    Each step takes patches of both images at the same places, so that the network cannot use what the photo shows.

    Args:
        pairs: Images of two kinds, each [2, 3, height, width], as float32 in [-1, 1] or as uint8; sizes may differ.
        grid: Size and places of the patches.
        steps: Number of optimiser steps.
        seed: Seed of weights and places. With one number of threads the result is the same for the same seed.
    """
    random = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = PatchClassifier().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _LEARNING_RATE, total_steps=steps, pct_start=_WARM_UP_SHARE
    )
    labels = torch.cat([torch.ones(_PAIRS_PER_STEP), torch.zeros(_PAIRS_PER_STEP)])
    for _ in range(steps):
        chosen = random.integers(0, len(pairs), _PAIRS_PER_STEP)
        patches = _batch([_random_patch(pairs[index], grid, random) for index in chosen])
        loss = functional.binary_cross_entropy_with_logits(classifier(patches), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return classifier.eval()


@torch.inference_mode()
def classify_patches(classifier: PatchClassifier, pair: Tensor, grid: PatchGrid) -> Tensor:
    """Classify patches of both images of a pair, evenly spread over them; see `train_classifier` for the pair.

    Returns:
        Whether each patch was classified correctly: bool [2, patches].

    Raises:
        DataError: The classifier answers with values that are not finite.
    """
    tops, lefts = (_spread(size, grid) for size in pair.shape[-2:])
    patches = [_cut(pair, grid, top, left) for top in tops for left in lefts]
    scores = classifier(_batch(patches))
    if not torch.isfinite(scores).all():  # they would count as 50 %, as if the network only guessed
        raise DataError("--tell-apart: the training of a network has failed (its outputs are not finite): leave it out")
    is_first = (scores > 0).view(2, -1)
    return torch.stack([is_first[0], ~is_first[1]])


def _batch(patches: list[Tensor]) -> Tensor:
    """Return patches [2, 3, side, side] as a batch in [-1, 1]: all of the first kind, then all of the second.

    Whole photos stay uint8 until here: as float32 they would need four times as much memory.
    """
    batch = torch.stack(patches, dim=1).flatten(0, 1).contiguous(memory_format=torch.channels_last)
    return batch if batch.is_floating_point() else to_signed(batch.float())


def _random_patch(pair: Tensor, grid: PatchGrid, random: np.random.Generator) -> Tensor:
    top, left = (int(random.integers(grid.places(size))) * grid.step_px for size in pair.shape[-2:])
    return _cut(pair, grid, top, left)


def _cut(pair: Tensor, grid: PatchGrid, top: int, left: int) -> Tensor:
    return pair[:, :, top : top + grid.side_px, left : left + grid.side_px]


def _spread(size_px: int, grid: PatchGrid) -> list[int]:
    """Return the places along one side that cover it with as few patches as possible, from end to end."""
    last = grid.places(size_px) - 1
    count = min(last + 1, -(-size_px // grid.side_px))
    return [round(place) * grid.step_px for place in np.linspace(0, last, count)]

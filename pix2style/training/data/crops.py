"""Which pair comes when, and where it is cut: a stateless stream, so that the pictures seen are the loader's state.

Position p of the stream is pair `order(seed, p // n)[p % n]`, cut and mirrored by numbers that are drawn from (seed,
epoch) for all pairs at once. Nothing depends on worker processes, ranks, batch boundaries, on where a run was
interrupted, or on whether pairs are cut by the processor or on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pix2style.config.train import AugmentConfig
from pix2style.errors import ConfigError
from pix2style.pairs.format.manifest import PairRecord

Indices = NDArray[np.int64]
# Epochs whose numbers are kept: a batch may reach over the end of one.
_EPOCHS_KEPT = 2


@dataclass(frozen=True, slots=True)
class Crops:
    """Where some pairs are cut; each array has one number for each of them.

    Attributes:
        index: its place among the entries.
        top: first row of the crop.
        left: first column of the crop, before mirroring.
        flip: 1 where the crop is mirrored, left to right.
        color_seed: of the content's colours.
    """

    index: Indices
    top: Indices
    left: Indices
    flip: Indices
    color_seed: Indices


class CropPlan:
    """The order of pairs and their crops.

    Args:
        sides: height and width of each pair in pixels, as it is before cropping.
        augment: the crop's side, which grid it begins on, and whether to mirror.
        seed: of order and crops.
    """

    def __init__(self, sides: Sequence[tuple[int, int]], augment: AugmentConfig, seed: int) -> None:
        self._align_px = augment.align_px
        self._places = (np.asarray(sides, np.int64).reshape(-1, 2) - augment.crop) // augment.align_px + 1
        self._flip, self._seed = augment.flip, seed
        self._epochs: dict[int, tuple[Indices, NDArray[np.float64]]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def crops_at(self, positions: Iterable[int]) -> Crops:
        """What stands at these positions of the stream."""
        epochs, places = np.divmod(np.fromiter(positions, np.int64), len(self))
        pair, draws = np.empty_like(epochs), np.empty((len(epochs), 4))
        for epoch in np.unique(epochs):
            here = epochs == epoch
            order, numbers = self._epoch(int(epoch))
            pair[here] = order[places[here]]
            draws[here] = numbers[pair[here]]
        top, left = (draws[:, :2] * self._places[pair]).astype(np.int64).T * self._align_px
        flip = (draws[:, 2] < 0.5).astype(np.int64) * self._flip
        return Crops(pair, top, left, flip, (draws[:, 3] * 2**32).astype(np.int64))

    def _epoch(self, epoch: int) -> tuple[Indices, NDArray[np.float64]]:
        """The epoch's order, and four numbers in [0, 1) for each pair."""
        if epoch not in self._epochs:
            while len(self._epochs) >= _EPOCHS_KEPT:
                del self._epochs[min(self._epochs)]
            rng = np.random.default_rng([self._seed, epoch])
            self._epochs[epoch] = rng.permutation(len(self)), rng.random((len(self), 4))
        return self._epochs[epoch]


def pair_sizes(entries: Sequence[PairRecord], augment: AugmentConfig) -> list[tuple[int, int]]:
    """Height and width of each pair before cropping: resampled, if that is asked for."""
    if augment.resize is not None:
        return [(augment.resize, augment.resize)] * len(entries)
    return [(entry.height_px, entry.width_px) for entry in entries]


def check_crop(augment: AugmentConfig, entries: Sequence[PairRecord]) -> None:
    """Refuse a crop that is larger than one of the pairs.

    Raises:
        ConfigError: with both numbers.
    """
    smallest = min(entries, key=lambda entry: min(entry.height_px, entry.width_px))
    if augment.resize is not None:
        side, size = augment.resize, f"{augment.resize}x{augment.resize}, as resized"
    else:
        side = min(smallest.height_px, smallest.width_px)
        size = f"{smallest.width_px}x{smallest.height_px} ({smallest.source})"
    if augment.crop > side:
        raise ConfigError(
            f"[train -> augment -> crop] {augment.crop} is larger than the smallest pair, {size}: set"
            f" train.augment.crop to at most {side}, or make larger pairs"
        )

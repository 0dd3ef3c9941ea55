"""Decide which pair stands at each position of the training stream, and where it is cropped.

The stream is stateless. Position p is pair `order[p % n]` of epoch `p // n`, where the epoch's order and the random
numbers of all its pairs come from a generator that is seeded with (seed, epoch). So the same images are seen whatever
the number of worker processes, training processes and micro-batches, wherever a run is resumed, and whether pairs are
cropped on the CPU or on a GPU. To resume the loader, a checkpoint needs only the number of images seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pix2style.config.augment import AugmentConfig
from pix2style.errors import ConfigError
from pix2style.pairs.format.records import PairRecord

Indices = NDArray[np.int64]
SMALLEST_PX = 32
"""Shortest side of a training pair that is not cropped; also the smallest crop."""
# A batch may begin in one epoch and end in the next one: keep the random numbers of both.
_CACHED_EPOCHS = 2


@dataclass(frozen=True, slots=True)
class Crops:
    """Where some pairs are cropped; each array has one number for each crop.

    Attributes:
        index: Index of the pair among the entries.
        top: First row of the crop.
        left: First column of the crop, before mirroring.
        flip: 1 if the crop is mirrored left to right, else 0.
        photo_seed: Seed of the random transforms of the photo (`train.augment.photo`), 0 to 2^32 - 1.
    """

    index: Indices
    top: Indices
    left: Indices
    flip: Indices
    photo_seed: Indices


class CropPlan:
    """The order of the pairs and their crops, epoch after epoch.

    Args:
        sizes: Height and width of each pair in pixels, before cropping.
        augment: Side of the crops (None: whole pairs), the grid that they begin on, and whether they are mirrored.
        seed: Seed of order and crops.
    """

    def __init__(self, sizes: Sequence[tuple[int, int]], augment: AugmentConfig, seed: int) -> None:
        self._align_px = augment.align_px
        pixels = np.asarray(sizes, np.int64).reshape(-1, 2)
        side = pixels if augment.crop is None else augment.crop
        self._offsets = (pixels - side) // augment.align_px + 1
        self._flip, self._seed = augment.flip, seed
        self._epochs: dict[int, tuple[Indices, NDArray[np.float64]]] = {}

    def __len__(self) -> int:
        """Number of pairs in an epoch."""
        return len(self._offsets)

    def crops_at(self, positions: Iterable[int]) -> Crops:
        """Return the crops at some positions of the stream."""
        epochs, places = np.divmod(np.fromiter(positions, np.int64), len(self))
        index, draws = np.empty_like(epochs), np.empty((len(epochs), 4))
        for epoch in np.unique(epochs):
            in_epoch = epochs == epoch
            order, numbers = self._epoch(int(epoch))
            index[in_epoch] = order[places[in_epoch]]
            draws[in_epoch] = numbers[index[in_epoch]]
        top, left = (draws[:, :2] * self._offsets[index]).astype(np.int64).T * self._align_px
        # The number is drawn also without flips, so that `train.augment.flip` does not move the crops.
        flip = (draws[:, 2] < 0.5).astype(np.int64) * self._flip
        return Crops(index, top, left, flip, (draws[:, 3] * 2**32).astype(np.int64))

    def _epoch(self, epoch: int) -> tuple[Indices, NDArray[np.float64]]:
        """Return the order of an epoch, and four random numbers in [0, 1) for each pair."""
        if epoch not in self._epochs:
            while len(self._epochs) >= _CACHED_EPOCHS:
                del self._epochs[min(self._epochs)]
            rng = np.random.default_rng([self._seed, epoch])
            self._epochs[epoch] = rng.permutation(len(self)), rng.random((len(self), 4))
        return self._epochs[epoch]


def pair_sizes(entries: Sequence[PairRecord], augment: AugmentConfig) -> list[tuple[int, int]]:
    """Return height and width of each pair before cropping: as stored, or as `train.augment.resize` makes it."""
    if augment.resize is not None:
        return [(augment.resize, augment.resize)] * len(entries)
    return [(entry.height_px, entry.width_px) for entry in entries]


def divide_by_size(
    augment: AugmentConfig, entries: Sequence[PairRecord]
) -> tuple[tuple[PairRecord, ...], tuple[PairRecord, ...]]:
    """Return the entries that are at least as large as the crop, and those that are smaller, in their order.

    Without a crop, pairs are smaller that have a side of less than `SMALLEST_PX`: losses and networks need as much.

    A few small or narrow pictures, such as a panorama among photos, are no reason to refuse all others. If they are
    the greater part, the crop is the mistake.

    Raises:
        ConfigError: More than half of the pairs are smaller than the crop.
    """
    smallest_px = augment.crop or SMALLEST_PX
    if augment.resize is None:
        fitting: list[PairRecord] = []
        too_small: list[PairRecord] = []
        for entry in entries:
            (fitting if min(entry.height_px, entry.width_px) >= smallest_px else too_small).append(entry)
        if len(fitting) >= len(too_small):
            return tuple(fitting), tuple(too_small)
        if augment.crop is None:
            raise ConfigError(
                f"[pairs] more than half of the pairs have a side of less than {SMALLEST_PX} pixels, which is too small"
                " to train on: make pairs of larger photos"
            )
    check_crop(augment, entries)
    return tuple(entries), ()


def check_crop(augment: AugmentConfig, entries: Sequence[PairRecord]) -> None:
    """Check that no pair is smaller than the crop; there is nothing to check if pairs are not cropped.

    Raises:
        ConfigError: A pair is smaller; names its size and the largest possible crop.
    """
    if augment.crop is None:
        return
    smallest = min(entries, key=lambda entry: min(entry.height_px, entry.width_px))
    if augment.resize is not None:
        side, size = augment.resize, f"{augment.resize}x{augment.resize}, as resized"
    else:
        side = min(smallest.height_px, smallest.width_px)
        size = f"{smallest.width_px}x{smallest.height_px} ({smallest.source})"
    if augment.crop > side:
        advice = f"set train.augment.crop to at most {side}, or make larger pairs"
        if side < SMALLEST_PX:
            advice = f"crops have at least {SMALLEST_PX} px: make larger pairs, or leave this one out"
        raise ConfigError(
            f"[train -> augment -> crop] {augment.crop} is larger than the smallest pair, {size}: {advice}"
        )

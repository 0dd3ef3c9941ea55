"""Crop pairs at positions of a stream."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from pix2style.config.train import AugmentConfig
from pix2style.images import Image8
from pix2style.images.glimpse import GLIMPSE_SIDE_PX
from pix2style.pairs.format.manifest import PairRecord
from pix2style.training.data.crops import CropPlan, Crops, pair_sizes
from pix2style.training.data.decoded_cache import DecodedPairs, read_resized
from pix2style.training.data.glimpses import photo_glimpse
from pix2style.training.data.sources import TrainingData

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it asks the network for its newest version otherwise
_Bytes = NDArray[np.uint8]


class ByteBatch(NamedTuple):
    """What becomes a `PairBatch`: pictures are uint8 [batch, height, width, 3]."""

    content: _Bytes
    target: _Bytes | None
    style: Tensor | None
    glimpse: _Bytes | None


class CropStream(Dataset[Any]):
    """Positions of the stream to crops, as bytes.

    Args:
        material: what is learned from.
        augment: what is done to it.
        seed: of order and augmentation.
        decoded: `material.entries`, decoded before; None: read them anew each time.
        entries: other ones than `material.entries`.
        glimpses: whether the generator wants them.
    """

    def __init__(
        self,
        material: TrainingData,
        augment: AugmentConfig,
        seed: int,
        decoded: DecodedPairs | None = None,
        entries: Sequence[PairRecord] | None = None,
        *,
        glimpses: bool = False,
    ) -> None:
        self.material, self.decoded, self.augment, self.glimpses = material, decoded, augment, glimpses
        self.entries = material.entries if entries is None else tuple(entries)
        self.plan = CropPlan(pair_sizes(self.entries, augment), augment, seed)
        self._color = _color(augment)
        self._styles = np.array([entry.style for entry in self.entries])

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, position: int) -> tuple[Image8, Image8 | None]:
        """Photo and target at one position, each uint8 [crop, crop, 3]."""
        part = self.byte_batch([position])
        return part.content[0], None if part.target is None else part.target[0]

    def byte_batch(self, positions: Sequence[int]) -> ByteBatch:
        """Photos and targets, each uint8 [positions, crop, crop, 3], their styles and the photos' glimpses."""
        cuts, side = self.plan.crops_at(positions), self.augment.crop
        content = np.empty((len(positions), side, side, 3), np.uint8)
        target = np.empty_like(content) if self.material.paired else None
        seen = (len(positions), GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX, 3)
        glimpse = np.empty(seen, np.uint8) if self.glimpses else None
        for i, index in enumerate(cuts.index.tolist()):
            whole, painted = self._pair(index)
            _cut(whole, cuts, i, content[i])
            if glimpse is not None:
                glimpse[i] = photo_glimpse(whole, flip=bool(cuts.flip[i]))
            if self._color is not None:
                # albumentations' workers share one random stream otherwise
                self._color.set_random_seed(int(cuts.color_seed[i]))
                content[i] = self._color(image=content[i])["image"]
            if target is not None and painted is not None:
                _cut(painted, cuts, i, target[i])
        return ByteBatch(content, target, self.style_weights(cuts), glimpse)

    def style_weights(self, cuts: Crops) -> Tensor | None:
        """Which style each pair has; None: there is one."""
        styles = len(self.material.style_names)
        if styles == 1:
            return None
        ids = torch.from_numpy(self._styles[cuts.index])
        return torch.nn.functional.one_hot(ids, styles).to(torch.float32)

    def _pair(self, index: int) -> tuple[Image8, Image8 | None]:
        if self.decoded is not None:
            return self.decoded.content(index), self.decoded.target(index)
        return read_resized(self.material, self.entries[index], self.augment)


def _cut(whole: Image8, cuts: Crops, i: int, into: Image8) -> None:
    import cv2

    side, top, left = len(into), cuts.top[i], cuts.left[i]
    crop = whole[top : top + side, left : left + side]
    if cuts.flip[i]:
        cv2.flip(crop, 1, into)  # numpy copies backwards a byte at a time
    else:
        into[:] = crop


def _color(augment: AugmentConfig) -> Any | None:
    if augment.color_jitter == 0:
        return None
    import albumentations

    by = (1 - augment.color_jitter, 1 + augment.color_jitter)
    return albumentations.Compose([albumentations.ColorJitter(by, by, by, (0, 0), p=1.0)])

"""Crop, mirror and degrade the pairs at given positions of the training stream, as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pix2style.config.augment import AugmentConfig
from pix2style.images import Image8
from pix2style.images.glimpse import GLIMPSE_SIDE_PX
from pix2style.pairs.format.records import PairRecord
from pix2style.training.data.crops import CropPlan, Crops, pair_sizes
from pix2style.training.data.decoded_cache import DecodedPairs, read_resized
from pix2style.training.data.glimpses import photo_glimpse
from pix2style.training.data.photo_transforms import PhotoTransforms
from pix2style.training.data.sources import TrainingData


class ByteBatch(NamedTuple):
    """A `PairBatch` before its images become floats: images are uint8 [batch, height, width, 3].

    A tuple, so that loader processes can hand it over and `prefetch_to_device` can walk over it.
    """

    content: Image8
    target: Image8 | None
    style: Tensor | None
    glimpse: Image8 | None


class CropStream(Dataset[Any]):
    """The endless stream of random crops, as bytes; a pure function of the position.

    Args:
        data: Training data.
        augment: Section `train.augment`.
        seed: Seed of order, crops and photo transforms.
        decoded: The entries, decoded before; None: read and decode an entry each time.
        entries: Entries to use instead of all of `data.entries`.
        glimpses: Whether batches hold glimpses of the whole photos.

    Attributes:
        sizes: Height and width of each pair in pixels, before cropping.
    """

    def __init__(
        self,
        data: TrainingData,
        augment: AugmentConfig,
        seed: int,
        decoded: DecodedPairs | None = None,
        entries: Sequence[PairRecord] | None = None,
        *,
        glimpses: bool = False,
    ) -> None:
        self.data, self.decoded, self.augment, self.glimpses = data, decoded, augment, glimpses
        self.entries = data.entries if entries is None else tuple(entries)
        self.sizes = pair_sizes(self.entries, augment)
        self.plan = CropPlan(self.sizes, augment, seed)
        self.photo_transforms = PhotoTransforms(augment.photo)
        self._styles = np.array([entry.style for entry in self.entries])

    def __len__(self) -> int:
        """Number of pairs in an epoch."""
        return len(self.entries)

    def __getitem__(self, position: int) -> tuple[Image8, Image8 | None]:
        """Return the crops of photo and target at a position, each uint8 [height, width, 3]."""
        batch = self.byte_batch([position])
        return batch.content[0], None if batch.target is None else batch.target[0]

    def byte_batch(self, positions: Sequence[int]) -> ByteBatch:
        """Return the crops at some positions, with styles and glimpses.

        Raises:
            ValueError: The pairs are not cropped, and those at the positions differ in size.
        """
        crops = self.plan.crops_at(positions)
        content = np.empty((len(positions), *self._crop_size(crops), 3), np.uint8)
        target = np.empty_like(content) if self.data.paired else None
        glimpse_shape = (len(positions), GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX, 3)
        glimpse = np.empty(glimpse_shape, np.uint8) if self.glimpses else None
        for i, index in enumerate(crops.index.tolist()):
            photo, whole_target = self._pair(index)
            self._crop_photo(photo, crops, i, content[i], None if glimpse is None else glimpse[i])
            if target is not None and whole_target is not None:
                _crop(whole_target, crops, i, target[i])
        return ByteBatch(content, target, self.one_hot_styles(crops), glimpse)

    def _crop_size(self, crops: Crops) -> tuple[int, int]:
        """Return height and width of some crops."""
        if self.augment.crop is not None:
            return self.augment.crop, self.augment.crop
        (height, width), *others = {self.sizes[index] for index in crops.index.tolist()}
        if others:
            raise ValueError("whole pairs of different sizes cannot be in one micro-batch")
        return height, width

    def one_hot_styles(self, crops: Crops) -> Tensor | None:
        """Return the style of each crop, float32 [crops, styles], one-hot; None if one style is learned."""
        styles = len(self.data.style_names)
        if styles == 1:
            return None
        ids = torch.from_numpy(self._styles[crops.index])
        return torch.nn.functional.one_hot(ids, styles).to(torch.float32)

    def _pair(self, index: int) -> tuple[Image8, Image8 | None]:
        if self.decoded is not None:
            return self.decoded.content(index), self.decoded.target(index)
        return read_resized(self.data, self.entries[index], self.augment)

    def _crop_photo(self, photo: Image8, crops: Crops, i: int, content: Image8, glimpse: Image8 | None) -> None:
        """Write the degraded crop of a photo to `content`, and its glimpse to `glimpse`."""
        seed = int(crops.photo_seed[i])
        if glimpse is None:
            _crop(photo, crops, i, content)
            if self.photo_transforms:
                content[:] = self.photo_transforms(content, seed)
            return
        # With a glimpse the whole photo is degraded and then cropped, although this costs more: a finished filter takes
        # the glimpse from the bad photo itself, so in training, too, it has to show the noise and the colours that the
        # crop has. A glimpse of the clean photo would tell the generator what it cannot know later.
        if self.photo_transforms:
            photo = self.photo_transforms(photo, seed)
        _crop(photo, crops, i, content)
        glimpse[:] = photo_glimpse(photo, flip=bool(crops.flip[i]))


def _crop(image: Image8, crops: Crops, i: int, destination: Image8) -> None:
    import cv2

    (height, width), top, left = destination.shape[:2], crops.top[i], crops.left[i]
    crop = image[top : top + height, left : left + width]
    if crops.flip[i]:
        cv2.flip(crop, 1, destination)  # numpy would copy a mirrored view byte by byte
    else:
        destination[:] = crop

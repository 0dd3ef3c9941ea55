"""Pairs to batches: a stateless stream, so that the number of pictures seen is the whole state of the loader.

Position p of the stream is pair `order(seed, p // n)[p % n]`, cut and flipped by a generator seeded with
(seed, epoch, pair). Nothing depends on worker count, on batch boundaries or on where a run was interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from pix2style.config.train import AugmentConfig, TrainConfig
from pix2style.errors import ConfigError, DataError
from pix2style.images import Image8, to_signed
from pix2style.pairs.manifest import PairEntry
from pix2style.pairs.reader import PairReader
from pix2style.progress import ProgressBar

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it asks the network for its newest version otherwise


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Content and target pictures, float32 [batch, 3, height, width] in [-1, 1]."""

    content: Tensor
    target: Tensor


@dataclass(frozen=True, slots=True)
class DecodedPairs:
    """Pairs as bytes in one file, which loader processes share.

    Attributes:
        pixels: a read-only map of all pictures, one after the other: content, target, content, ...
        offsets: where each pair begins.
        shapes: height and width of each pair's pictures.
    """

    pixels: NDArray[np.uint8]
    offsets: tuple[int, ...]
    shapes: tuple[tuple[int, int], ...]

    def __getitem__(self, index: int) -> tuple[Image8, Image8]:
        height, width = self.shapes[index]
        size, start = height * width * 3, self.offsets[index]
        both = self.pixels[start : start + 2 * size].reshape(2, height, width, 3)
        return both[0], both[1]


def decode(reader: PairReader, entries: list[PairEntry]) -> DecodedPairs:
    """A few pairs, decoded into memory."""
    pairs = [np.stack(reader.read(entry)) for entry in entries]
    sizes = [0, *(pair.size for pair in pairs[:-1])]
    shapes = tuple(pair.shape[1:3] for pair in pairs)
    return DecodedPairs(np.concatenate([pair.reshape(-1) for pair in pairs]), tuple(np.cumsum(sizes).tolist()), shapes)


class PairDataset(Dataset[tuple[Tensor, Tensor]]):
    """Positions of the stream to augmented pairs, uint8 [3, crop, crop] each.

    Args:
        reader: the pair set.
        entries: the pairs to use, in a fixed order.
        augment: what is done to them.
        seed: of order and augmentation.
        decoded: pairs decoded before; or None.
    """

    def __init__(
        self,
        reader: PairReader,
        entries: list[PairEntry],
        augment: AugmentConfig,
        seed: int,
        decoded: DecodedPairs | None = None,
    ) -> None:
        self._reader, self._entries, self._seed, self._decoded = reader, entries, seed, decoded
        self._geometry, self._color = _geometry(augment), _color(augment)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        epoch, place = divmod(position, len(self._entries))
        index = int(self._order(epoch)[place])
        content, target = self._pair(index)
        seed = int(np.random.SeedSequence([self._seed, epoch, index]).generate_state(1)[0])
        # albumentations' workers share one random stream otherwise
        self._geometry.set_random_seed(seed)
        both = self._geometry(image=content, target=target)
        content, target = both["image"], both["target"]
        if self._color is not None:
            self._color.set_random_seed(seed)
            content = self._color(image=content)["image"]
        return _chw(content), _chw(target)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng([self._seed, epoch]).permutation(len(self._entries))

    def _pair(self, index: int) -> tuple[Image8, Image8]:
        if self._decoded is not None:
            return self._decoded[index]
        return self._reader.read(self._entries[index])


class _Stream(Sampler[list[int]]):
    """Batches of positions, from `start` to `end`."""

    def __init__(self, start: int, end: int, batch: int) -> None:
        self._start, self._end, self._batch = start, end, batch

    def __iter__(self) -> Iterator[list[int]]:
        for first in range(self._start, self._end, self._batch):
            yield list(range(first, first + self._batch))

    def __len__(self) -> int:
        return len(range(self._start, self._end, self._batch))


def batches(dataset: PairDataset, train: TrainConfig, *, start: int, device: torch.device) -> Iterator[PairBatch]:
    """Batches on `device`, beginning with position `start` of the stream.

    Args:
        dataset: the pairs.
        train: for the batch's size, the number of pictures, and the workers.
        start: pictures seen so far.
        device: where batches go.
    """
    loader = DataLoader(
        dataset,
        batch_sampler=_Stream(start, train.images, train.batch),
        num_workers=train.workers,
        pin_memory=device.type == "cuda",
        worker_init_fn=_one_thread if train.workers else None,
        generator=torch.Generator(),  # a loader draws a seed when it starts: not from dropout's random stream
    )
    layout = torch.channels_last if train.channels_last else torch.contiguous_format
    for content, target in loader:
        yield PairBatch(*(_to_device(part, device, layout) for part in (content, target)))


def decode_once(reader: PairReader, entries: list[PairEntry], folder: Path, limit_gb: float) -> DecodedPairs | None:
    """Decode all pairs into one file of bytes that loader processes share, if it fits the limit.

    Decoding PNG is most of a loader's work, and the same every epoch; cropping from bytes is cheap.

    Args:
        reader: the pair set.
        entries: the pairs, of any sizes.
        folder: where the file goes (`decoded.u8`; the caller deletes the folder when training ends).
        limit_gb: do nothing if it would be larger.

    Returns:
        The decoded pairs, or None.
    """
    shapes = tuple((entry.height_px, entry.width_px) for entry in entries)
    ends = np.cumsum([2 * 3 * height * width for height, width in shapes], dtype=np.int64)
    if ends[-1] > limit_gb * 1e9:
        return None
    offsets = (0, *map(int, ends[:-1]))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "decoded.u8"
    try:
        pixels = np.memmap(path, np.uint8, "w+", shape=(int(ends[-1]),))
        with ProgressBar("decoding pairs", len(entries)) as bar:
            for entry, start, end in zip(entries, offsets, ends, strict=True):
                pixels[start:end] = np.stack(reader.read(entry)).reshape(-1)
                bar.advance()
        pixels.flush()
    except OSError as error:
        path.unlink(missing_ok=True)
        raise DataError(
            f"{path}: cannot be written ({error.strerror}): free space or set train.decoded_cache_gb: 0"
        ) from error
    return DecodedPairs(np.memmap(path, np.uint8, "r"), offsets, shapes)


def check_crop(augment: AugmentConfig, entries: list[PairEntry]) -> None:
    """Refuse a crop that is larger than one of the pairs.

    Raises:
        ConfigError: with both numbers.
    """
    smallest = min(entries, key=lambda entry: min(entry.height_px, entry.width_px))
    if augment.resize is not None:
        fits, size = augment.crop <= augment.resize, f"{augment.resize}x{augment.resize}, as resized"
    else:
        fits = augment.crop <= min(smallest.height_px, smallest.width_px)
        size = f"{smallest.width_px}x{smallest.height_px} ({smallest.source})"
    if not fits:
        side = augment.resize or min(smallest.height_px, smallest.width_px)
        raise ConfigError(
            f"[train -> augment -> crop] {augment.crop} is larger than the smallest pair, {size}: set"
            f" train.augment.crop to at most {side}, or make larger pairs"
        )


def _geometry(augment: AugmentConfig) -> Any:
    import albumentations

    steps: list[Any] = [albumentations.RandomCrop(augment.crop, augment.crop)]
    if augment.resize is not None:
        steps.insert(0, albumentations.Resize(augment.resize, augment.resize, interpolation=2))  # bicubic, as in 2017
    if augment.flip:
        steps.append(albumentations.HorizontalFlip(p=0.5))
    return albumentations.Compose(steps, additional_targets={"target": "image"})


def _color(augment: AugmentConfig) -> Any | None:
    if augment.color_jitter == 0:
        return None
    import albumentations

    by = (1 - augment.color_jitter, 1 + augment.color_jitter)
    return albumentations.Compose([albumentations.ColorJitter(by, by, by, (0, 0), p=1.0)])


def _chw(image: Image8) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _to_device(part: Tensor, device: torch.device, layout: torch.memory_format) -> Tensor:
    return to_signed(part.to(device, non_blocking=True).to(torch.float32, memory_format=layout))


def _one_thread(_: int) -> None:
    """Several loader processes with several threads each only get in each other's way."""
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(0)

"""Pairs to batches: cut, mirrored and made numbers on the processor, or on a GPU that keeps them (`on_device`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pix2style.config.train import AugmentConfig, TrainConfig
from pix2style.images import Image8, to_signed
from pix2style.images.glimpse import GLIMPSE_SIDE_PX
from pix2style.pairs.format.records import PairRecord
from pix2style.training.batch import PairBatch
from pix2style.training.data.crops import CropPlan, Cuts, sides_of
from pix2style.training.data.decoded_cache import DecodedPairs, read_resized
from pix2style.training.distributed import World
from pix2style.training.data.glimpses import glimpse_of
from pix2style.training.data.sources import Material
from pix2style.training.data.device_cache import DevicePairs, prefetched
from pix2style.training.data.sampler import Positions, check_shares

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it asks the network for its newest version otherwise
# What each byte is as a number; looking it up is one pass where converting, dividing and subtracting are three.
_SIGNED: NDArray[np.float32] = to_signed(torch.arange(256, dtype=torch.float32)).numpy()
_Bytes = NDArray[np.uint8]


class Part(NamedTuple):
    """What becomes a `PairBatch`: pictures are uint8 [batch, height, width, 3]."""

    content: _Bytes
    target: _Bytes | None
    style: Tensor | None
    glimpse: _Bytes | None


class PairStream(Dataset[Any]):
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
        material: Material,
        augment: AugmentConfig,
        seed: int,
        decoded: DecodedPairs | None = None,
        entries: Sequence[PairRecord] | None = None,
        *,
        glimpses: bool = False,
    ) -> None:
        self.material, self.decoded, self.augment, self.glimpses = material, decoded, augment, glimpses
        self.entries = material.entries if entries is None else tuple(entries)
        self.plan = CropPlan(sides_of(self.entries, augment), augment, seed)
        self._color = _color(augment)
        self._styles = np.array([entry.style for entry in self.entries])

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, position: int) -> tuple[Image8, Image8 | None]:
        """Photo and target at one position, each uint8 [crop, crop, 3]."""
        part = self.part([position])
        return part.content[0], None if part.target is None else part.target[0]

    def part(self, positions: Sequence[int]) -> Part:
        """Photos and targets, each uint8 [positions, crop, crop, 3], their styles and the photos' glimpses."""
        cuts, side = self.plan.at(positions), self.augment.crop
        content = np.empty((len(positions), side, side, 3), np.uint8)
        target = np.empty_like(content) if self.material.paired else None
        seen = (len(positions), GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX, 3)
        glimpse = np.empty(seen, np.uint8) if self.glimpses else None
        for i, index in enumerate(cuts.pair.tolist()):
            whole, painted = self._pair(index)
            _cut(whole, cuts, i, content[i])
            if glimpse is not None:
                glimpse[i] = glimpse_of(whole, flip=bool(cuts.flip[i]))
            if self._color is not None:
                # albumentations' workers share one random stream otherwise
                self._color.set_random_seed(int(cuts.color_seed[i]))
                content[i] = self._color(image=content[i])["image"]
            if target is not None and painted is not None:
                _cut(painted, cuts, i, target[i])
        return Part(content, target, self.one_hot(cuts), glimpse)

    def one_hot(self, cuts: Cuts) -> Tensor | None:
        """Which style each pair has; None: there is one."""
        styles = len(self.material.styles)
        if styles == 1:
            return None
        ids = torch.from_numpy(self._styles[cuts.pair])
        return torch.nn.functional.one_hot(ids, styles).to(torch.float32)

    def _pair(self, index: int) -> tuple[Image8, Image8 | None]:
        if self.decoded is not None:
            return self.decoded.content(index), self.decoded.target(index)
        return read_resized(self.material, self.entries[index], self.augment)


class _Parts(Dataset[Part]):
    """For loader processes: part after part."""

    def __init__(self, stream: PairStream, parts: Sequence[range]) -> None:
        self._stream, self._parts = stream, parts

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, number: int) -> Part:
        return self._stream.part(self._parts[number])


def batches(
    stream: PairStream, train: TrainConfig, *, start: int, device: torch.device, world: World | None = None
) -> Iterator[list[PairBatch]]:
    """What this process learns from, step by step, beginning with position `start` of the stream.

    Args:
        stream: the pairs.
        train: for the batch's size and parts, the number of pictures, and how they are loaded.
        start: pictures seen so far, by all processes together.
        device: where batches go.
        world: this process among those that learn together, each of which takes its own share of every batch, next to
            one another; None: it is alone.

    Yields:
        The `train.accumulate` parts of this process's share of a batch.

    Raises:
        ConfigError: the batch cannot be shared out evenly.
    """
    world = world or World(0, 1)
    check_shares(train, world)
    positions = Positions(train, start, world)
    parts = _kept_on_device(stream, train, device, positions) or _from_bytes(stream, train, device, positions)
    return _steps(parts, train.accumulate)


def _steps(parts: Iterator[PairBatch], accumulate: int) -> Iterator[list[PairBatch]]:
    step: list[PairBatch] = []
    for part in parts:
        step.append(part)
        if len(step) == accumulate:
            yield step
            step = []


def _kept_on_device(
    stream: PairStream, train: TrainConfig, device: torch.device, positions: Positions
) -> Iterator[PairBatch] | None:
    """Cut by the GPU from pairs in its memory; None where that is not possible or not wanted."""
    decoded = stream.decoded
    if device.type != "cuda" or decoded is None or stream.augment.color_jitter > 0:
        return None
    if decoded.pixels.nbytes > train.pairs_on_device_gb * 1e9:
        return None
    return cut_on_device(stream, train, device, positions)


def cut_on_device(
    stream: PairStream, train: TrainConfig, device: torch.device, positions: Sequence[range]
) -> Iterator[PairBatch]:
    """The same pictures as from `stream.part`, cut on `device` from all pairs in its memory.

    Args:
        stream: with decoded pairs, and colours as they are.
        train: for the layout.
        device: any.
        positions: of each part.
    """
    assert stream.decoded is not None  # noqa: S101 (for mypy; the caller looked)
    pairs = DevicePairs(stream.decoded, stream.augment.crop, device, glimpses=stream.glimpses)
    for place in positions:
        cuts = stream.plan.at(place)
        content, target, glimpse = pairs.cut(cuts)
        style = stream.one_hot(cuts)
        there = None if style is None else style.to(device, non_blocking=True)
        yield _on_its_device(content, target, there, glimpse, _layout(train))


def _from_bytes(
    stream: PairStream, train: TrainConfig, device: torch.device, positions: Positions
) -> Iterator[PairBatch]:
    parts, layout = _byte_parts(stream, train, positions), _layout(train)
    if device.type == "cpu":
        for part in parts:
            target, glimpse = (None if one is None else as_numbers(one, layout) for one in (part.target, part.glimpse))
            yield PairBatch(as_numbers(part.content, layout), target, part.style, glimpse)
        return
    for content, target, style, glimpse in prefetched(parts, device):
        assert content is not None  # noqa: S101 (for mypy: photos are always there)
        yield _on_its_device(content, target, style, glimpse, layout)


def _on_its_device(
    content: Tensor, target: Tensor | None, style: Tensor | None, glimpse: Tensor | None, layout: torch.memory_format
) -> PairBatch:
    target, glimpse = (None if one is None else _signed(one, layout) for one in (target, glimpse))
    return PairBatch(_signed(content, layout), target, style, glimpse)


def _byte_parts(stream: PairStream, train: TrainConfig, positions: Positions) -> Iterator[Part]:
    """Cutting decoded pairs is cheaper than handing them from process to process; decoding and colours are not."""
    if train.workers == 0 or (stream.decoded is not None and stream.augment.color_jitter == 0):
        return (stream.part(place) for place in positions)
    loader: DataLoader[Part] = DataLoader(
        _Parts(stream, positions),
        batch_size=None,
        num_workers=train.workers,
        collate_fn=_as_it_is,  # without batches of its own, it gets a single one
        worker_init_fn=_one_thread,
        generator=torch.Generator(),  # a loader draws a seed when it starts: not from dropout's random stream
    )
    return iter(loader)


def as_numbers(pixels: _Bytes, layout: torch.memory_format) -> Tensor:
    """Bytes [batch, height, width, 3] to float32 [batch, 3, height, width] in [-1, 1], in one pass."""
    import cv2

    count, height, width, channels = pixels.shape
    if layout == torch.channels_last:
        numbers = np.empty(pixels.shape, np.float32)
        cv2.LUT(pixels.reshape(-1, width, channels), _SIGNED, numbers.reshape(-1, width, channels))
        return torch.from_numpy(numbers).permute(0, 3, 1, 2)
    numbers = np.empty((count, channels, height, width), np.float32)
    for picture, into in zip(pixels, numbers, strict=True):
        for plane, out in zip(cv2.split(picture), into, strict=True):
            cv2.LUT(plane, _SIGNED, out)
    return torch.from_numpy(numbers)


def _signed(pixels: Tensor, layout: torch.memory_format) -> Tensor:
    """Bytes [batch, height, width, 3] to float32 [batch, 3, height, width] in [-1, 1], on their device."""
    return to_signed(pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=layout))


def _layout(train: TrainConfig) -> torch.memory_format:
    return torch.channels_last if train.channels_last else torch.contiguous_format


def _cut(whole: Image8, cuts: Cuts, i: int, into: Image8) -> None:
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


def _as_it_is(part: Any) -> Any:
    return part


def _one_thread(_: int) -> None:
    """Several loader processes with several threads each only get in each other's way."""
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(0)

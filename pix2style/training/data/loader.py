"""Pairs to batches: cut, mirrored and made numbers on the processor, or on a GPU that keeps them (`on_device`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pix2style.config.train import TrainConfig
from pix2style.images import to_signed
from pix2style.training.batch import PairBatch
from pix2style.training.data.convert import bytes_to_signed
from pix2style.training.data.crop_stream import ByteBatch, CropStream
from pix2style.training.data.device_cache import DevicePairs, prefetch_to_device
from pix2style.training.data.sampler import MicroBatchSampler, check_batch_divides
from pix2style.training.distributed import World

_Bytes = NDArray[np.uint8]


class _Parts(Dataset[ByteBatch]):
    """For loader processes: part after part."""

    def __init__(self, stream: CropStream, parts: Sequence[range]) -> None:
        self._stream, self._parts = stream, parts

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, number: int) -> ByteBatch:
        return self._stream.byte_batch(self._parts[number])


def load_batches(
    stream: CropStream, train: TrainConfig, *, start: int, device: torch.device, world: World | None = None
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
    check_batch_divides(train, world)
    positions = MicroBatchSampler(train, start, world)
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
    stream: CropStream, train: TrainConfig, device: torch.device, positions: MicroBatchSampler
) -> Iterator[PairBatch] | None:
    """Cut by the GPU from pairs in its memory; None where that is not possible or not wanted."""
    decoded = stream.decoded
    if device.type != "cuda" or decoded is None or stream.augment.color_jitter > 0:
        return None
    if decoded.pixels.nbytes > train.pairs_on_device_gb * 1e9:
        return None
    return crop_on_device(stream, train, device, positions)


def crop_on_device(
    stream: CropStream, train: TrainConfig, device: torch.device, positions: Sequence[range]
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
        cuts = stream.plan.crops_at(place)
        content, target, glimpse = pairs.crop(cuts)
        style = stream.style_weights(cuts)
        there = None if style is None else style.to(device, non_blocking=True)
        yield _on_its_device(content, target, there, glimpse, _layout(train))


def _from_bytes(
    stream: CropStream, train: TrainConfig, device: torch.device, positions: MicroBatchSampler
) -> Iterator[PairBatch]:
    parts, layout = _byte_parts(stream, train, positions), _layout(train)
    if device.type == "cpu":
        for part in parts:
            target, glimpse = (
                None if one is None else bytes_to_signed(one, layout) for one in (part.target, part.glimpse)
            )
            yield PairBatch(bytes_to_signed(part.content, layout), target, part.style, glimpse)
        return
    for content, target, style, glimpse in prefetch_to_device(parts, device):
        assert content is not None  # noqa: S101 (for mypy: photos are always there)
        yield _on_its_device(content, target, style, glimpse, layout)


def _on_its_device(
    content: Tensor, target: Tensor | None, style: Tensor | None, glimpse: Tensor | None, layout: torch.memory_format
) -> PairBatch:
    target, glimpse = (None if one is None else _signed(one, layout) for one in (target, glimpse))
    return PairBatch(_signed(content, layout), target, style, glimpse)


def _byte_parts(stream: CropStream, train: TrainConfig, positions: MicroBatchSampler) -> Iterator[ByteBatch]:
    """Cutting decoded pairs is cheaper than handing them from process to process; decoding and colours are not."""
    if train.workers == 0 or (stream.decoded is not None and stream.augment.color_jitter == 0):
        return (stream.byte_batch(place) for place in positions)
    loader: DataLoader[ByteBatch] = DataLoader(
        _Parts(stream, positions),
        batch_size=None,
        num_workers=train.workers,
        collate_fn=_as_it_is,  # without batches of its own, it gets a single one
        worker_init_fn=_one_thread,
        generator=torch.Generator(),  # a loader draws a seed when it starts: not from dropout's random stream
    )
    return iter(loader)


def _signed(pixels: Tensor, layout: torch.memory_format) -> Tensor:
    """Bytes [batch, height, width, 3] to float32 [batch, 3, height, width] in [-1, 1], on their device."""
    return to_signed(pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=layout))


def _layout(train: TrainConfig) -> torch.memory_format:
    return torch.channels_last if train.channels_last else torch.contiguous_format


def _as_it_is(part: Any) -> Any:
    return part


def _one_thread(_: int) -> None:
    """Several loader processes with several threads each only get in each other's way."""
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(0)

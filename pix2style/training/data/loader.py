"""Load training batches from a stream of crops, on the fastest path that the configuration allows.

There are three paths, which give the same numbers: pairs that are kept on a GPU and cropped there; decoded pairs that
are cropped in this process; and loader processes, where decoding or photo transforms take long.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pix2style.config.train import TrainConfig
from pix2style.system.interrupts import STOP_SIGNALS
from pix2style.training.batch import PairBatch
from pix2style.training.data.convert import bytes_to_signed, bytes_to_signed_on_device
from pix2style.training.data.crop_stream import ByteBatch, CropStream
from pix2style.training.data.device_cache import DevicePairs
from pix2style.training.data.prefetch import prefetch_to_device
from pix2style.training.data.sampler import MicroBatchSampler, check_batch_divides, check_whole_pairs
from pix2style.training.distributed import World

# A training that is asked to end finishes a step, for which it may need another batch.
_END_AFTER_SIGTERM_S = 10.0


def load_batches(
    stream: CropStream, train: TrainConfig, *, start: int, device: torch.device, world: World | None = None
) -> Iterator[list[PairBatch]]:
    """Load this process's share of each batch, step after step.

    Args:
        stream: Stream of crops.
        train: Batch size, number of micro-batches and images, and how to load.
        start: Position of the stream that the first batch begins at: the number of images that all processes together
            have seen.
        device: Device that the batches are needed on.
        world: The processes that train together, each of which gets its own share; None if this process trains alone.

    Yields:
        The `train.accumulate` micro-batches of this process's share.

    Raises:
        ConfigError: The batch cannot be divided evenly, or whole pairs of different sizes would share a micro-batch.
    """
    world = world or World(0, 1)
    check_batch_divides(train, world)
    check_whole_pairs(train, stream.sizes, world)
    sampler = MicroBatchSampler(train, start, world)
    if _fits_on_device(stream, train, device):
        micro_batches = crop_on_device(stream, train, device, sampler)
    else:
        micro_batches = _load_bytes(stream, train, device, sampler)
    placed = (replace(batch, position=at[0]) for batch, at in zip(micro_batches, sampler, strict=True))
    return _group(placed, train.accumulate)


def crop_on_device(
    stream: CropStream, train: TrainConfig, device: torch.device, sampler: Sequence[Sequence[int]]
) -> Iterator[PairBatch]:
    """Keep all pairs on a device and crop them there; the numbers are those of `CropStream.byte_batch`.

    Args:
        stream: Stream with decoded pairs that are cropped, without photo transforms.
        train: Memory layout.
        device: Any device.
        sampler: Positions of each micro-batch.
    """
    if stream.decoded is None or stream.augment.crop is None or stream.photo_transforms:
        raise ValueError("pairs can be cropped on a device only if they are decoded and photos are not transformed")
    pairs = DevicePairs(stream.decoded, stream.augment.crop, device, glimpses=stream.glimpses)
    for positions in sampler:
        crops = stream.plan.crops_at(positions)
        content, target, glimpse = pairs.crop(crops)
        style = stream.one_hot_styles(crops)
        style = None if style is None else style.to(device, non_blocking=True)
        yield _convert_on_device(content, target, style, glimpse, _layout(train))


def _group(micro_batches: Iterator[PairBatch], accumulate: int) -> Iterator[list[PairBatch]]:
    step: list[PairBatch] = []
    for micro_batch in micro_batches:
        step.append(micro_batch)
        if len(step) == accumulate:
            yield step
            step = []


def _fits_on_device(stream: CropStream, train: TrainConfig, device: torch.device) -> bool:
    """Whether pairs can be kept on the device and cropped there; photo transforms need the CPU."""
    if device.type != "cuda" or stream.decoded is None or stream.augment.crop is None or stream.photo_transforms:
        return False
    return stream.decoded.pixels.nbytes <= train.pairs_on_device_gb * 1e9


def _load_bytes(
    stream: CropStream, train: TrainConfig, device: torch.device, sampler: MicroBatchSampler
) -> Iterator[PairBatch]:
    """Load bytes on the CPU and convert them on the device; to a GPU, bytes are a quarter of the transfer."""
    batches, layout = _byte_batches(stream, train, sampler), _layout(train)
    if device.type == "cpu":
        for batch in batches:
            target = None if batch.target is None else bytes_to_signed(batch.target, layout)
            glimpse = None if batch.glimpse is None else bytes_to_signed(batch.glimpse, layout)
            yield PairBatch(bytes_to_signed(batch.content, layout), target, batch.style, glimpse)
        return
    for content, target_bytes, style, glimpse_bytes in prefetch_to_device(batches, device):
        assert content is not None  # noqa: S101 (for mypy: each batch has content)
        yield _convert_on_device(content, target_bytes, style, glimpse_bytes, layout)


def _convert_on_device(
    content: Tensor, target: Tensor | None, style: Tensor | None, glimpse: Tensor | None, layout: torch.memory_format
) -> PairBatch:
    return PairBatch(
        bytes_to_signed_on_device(content, layout),
        None if target is None else bytes_to_signed_on_device(target, layout),
        style,
        None if glimpse is None else bytes_to_signed_on_device(glimpse, layout),
    )


class _ByteBatches(Dataset[ByteBatch]):
    """The micro-batches of a sampler, for loader processes."""

    def __init__(self, stream: CropStream, sampler: MicroBatchSampler) -> None:
        self._stream, self._sampler = stream, sampler

    def __len__(self) -> int:
        return len(self._sampler)

    def __getitem__(self, number: int) -> ByteBatch:
        return self._stream.byte_batch(self._sampler[number])


def _byte_batches(stream: CropStream, train: TrainConfig, sampler: MicroBatchSampler) -> Iterator[ByteBatch]:
    """Load in this process or in loader processes.

    Cropping decoded pairs takes less time than handing the crops from process to process. Decoding and photo
    transforms take more.
    """
    if train.workers == 0 or (stream.decoded is not None and not stream.photo_transforms):
        return (stream.byte_batch(positions) for positions in sampler)
    loader: DataLoader[ByteBatch] = DataLoader(
        _ByteBatches(stream, sampler),
        batch_size=None,  # the data set's items are whole micro-batches
        num_workers=train.workers,
        collate_fn=_identity,
        worker_init_fn=_begin_loader_process,
        # DataLoader draws a seed when it starts. From a generator of its own, so that it does not advance the global
        # random stream, which dropout uses.
        generator=torch.Generator(),
    )
    return iter(loader)


def _layout(train: TrainConfig) -> torch.memory_format:
    return torch.channels_last if train.channels_last else torch.contiguous_format


def _identity(batch: Any) -> Any:
    """Return the batch as it is: without batches of its own, DataLoader would convert arrays to tensors."""
    return batch


def _begin_loader_process(_worker: int) -> None:
    """Prepare a loader process: one thread to compute with, and no end but that of the training.

    Several threads in each of several processes would slow each other.
    """
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    # Ctrl-C, and signals to a group of processes, reach this process as well. The training decides when it ends.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_later)
    # If the training is killed, torch ends this process only if it has no batch left to hand over, and until then it
    # would hold the lock of the run folder.
    threading.Thread(target=_end_after_training, name="end after training", daemon=True).start()


def _end_later(_number: int, _frame: object) -> None:
    """End this process some seconds after SIGTERM, if the training has not ended it before.

    It must end in any case: a training that ends by an error sends SIGTERM to its processes and waits for them.
    """
    timer = threading.Timer(_END_AFTER_SIGTERM_S, os._exit, (0,))
    timer.daemon = True
    timer.start()


def _end_after_training() -> None:
    training = multiprocessing.parent_process()
    if training is not None:
        training.join()
        os._exit(1)

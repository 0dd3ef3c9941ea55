"""Share the positions of the training stream among processes and micro-batches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pix2style.config.train import TrainConfig
from pix2style.errors import ConfigError
from pix2style.plural import counted
from pix2style.training.distributed import World

# Stands for no limit. Not larger, because len() has to fit into 64 bits.
_UNLIMITED_IMAGES = 2**48


class MicroBatchSampler(Sequence[range]):
    """The positions of each micro-batch of this process, step after step.

    A batch is a range of positions. Each process takes a contiguous share of it, by rank, and divides the share into
    `train.accumulate` micro-batches. It is a sequence whose items are computed when asked for, because there may be
    millions of them.

    Args:
        train: Number of images, if it is limited, batch size and number of micro-batches.
        start: Position that the first batch begins at.
        world: The processes that train together.
    """

    def __init__(self, train: TrainConfig, start: int, world: World) -> None:
        end = start + _UNLIMITED_IMAGES if train.images is None else train.images
        self._batch_starts = range(start, end, train.batch)
        self._per_step, self._size = train.accumulate, train.batch // (world.size * train.accumulate)
        self._share_start = world.rank * self._size * self._per_step

    def __len__(self) -> int:
        return len(self._batch_starts) * self._per_step

    def __getitem__(self, number: Any) -> Any:
        step, micro_batch = divmod(number, self._per_step)
        first = self._batch_starts[step] + self._share_start + micro_batch * self._size
        return range(first, first + self._size)


def check_batch_divides(train: TrainConfig, world: World) -> None:
    """Check that a batch can be divided evenly among processes and micro-batches.

    Raises:
        ConfigError: It cannot; names the next larger batch size that can.
    """
    shares = world.size * train.accumulate
    if train.batch % shares:
        next_larger = -(-train.batch // shares) * shares
        raise ConfigError(
            f"[train -> batch] {counted(train.batch, 'pair')} cannot be divided evenly among"
            f" {counted(world.size, 'process', 'processes')} with"
            f" {train.accumulate} micro-batches each (train.accumulate): set train.batch to {next_larger}"
        )


def check_whole_pairs(train: TrainConfig, sizes: Collection[tuple[int, int]], world: World) -> None:
    """Check that pairs which are not cropped and differ in size need not share a micro-batch.

    Args:
        train: Batch size, number of micro-batches and `augment.crop`.
        sizes: Height and width of each pair.
        world: The processes that train together.

    Raises:
        ConfigError: They would have to; names batch and number of micro-batches that fit.
    """
    if train.augment.crop is not None or train.batch == world.size * train.accumulate or len(set(sizes)) <= 1:
        return
    each = max(train.batch // world.size, 1)
    raise ConfigError(
        "[train -> augment -> crop] null: the pairs differ in size, so each has to be a micro-batch of its own: set"
        f" train.batch={each * world.size} train.accumulate={each}"
    )

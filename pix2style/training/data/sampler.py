"""Which positions of the stream a process computes, in which parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pix2style.config.train import TrainConfig
from pix2style.errors import ConfigError
from pix2style.training.distributed import World


class MicroBatchSampler(Sequence[range]):
    """The positions of each part of each step that a process computes; worked out when asked for."""

    def __init__(self, train: TrainConfig, start: int, world: World) -> None:
        self._steps = range(start, train.images, train.batch)
        self._parts, self._size = train.accumulate, train.batch // (world.size * train.accumulate)
        self._first = world.rank * self._size * self._parts

    def __len__(self) -> int:
        return len(self._steps) * self._parts

    def __getitem__(self, number: Any) -> Any:
        step, part = divmod(number, self._parts)
        first = self._steps[step] + self._first + part * self._size
        return range(first, first + self._size)


def check_batch_divides(train: TrainConfig, world: World) -> None:
    """Refuse a batch that cannot be shared out evenly.

    Raises:
        ConfigError: with a number that can.
    """
    shares = world.size * train.accumulate
    if train.batch % shares:
        up = -(-train.batch // shares) * shares
        raise ConfigError(
            f"[train -> batch] {train.batch} pairs cannot be shared out evenly among {world.size} processes with"
            f" {train.accumulate} parts each (train.accumulate): set train.batch to {up}"
        )

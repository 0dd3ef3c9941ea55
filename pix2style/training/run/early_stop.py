"""When held-out photos no longer get closer to the teacher's pictures, training may end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pix2style.config.train import EarlyStopConfig, TrainConfig

BestBy = Literal["l1", "psnr", "ssim"]
METRIC_NAMES: dict[BestBy, str] = {
    "l1": "validation/l1_levels",
    "psnr": "validation/psnr_db",
    "ssim": "validation/ssim",
}
"""What metrics.jsonl calls the figure that `train.best_by` names."""


def is_better(new: float, old: float | None, best_by: BestBy, min_gain: float = 0.0) -> bool:
    """Whether `new` beats `old` by more than `min_gain`: lower for l1, higher for psnr and ssim; a first one does."""
    if old is None:
        return True
    gain = old - new if best_by == "l1" else new - old
    return gain > min_gain


class EarlyStopping:
    """Counts looks at the held-out photos since the best one.

    All of its state follows from the figures in their order, so that a run that goes on replays the ones in its
    metrics.jsonl (`tracking.history`) and stops where an uninterrupted one would.

    Args:
        config: the section `train.early_stop`.
        best_by: which figure is observed.
        past: figures of the looks before, the oldest first.
    """

    def __init__(self, config: EarlyStopConfig, best_by: BestBy, past: Iterable[float] = ()) -> None:
        self._patience, self._min_gain, self._best_by = config.patience, config.min_gain, best_by
        self.best: float | None = None
        self.validations_since_best = 0
        for figure in past:
            self.observe(figure)

    @classmethod
    def from_config(cls, train: TrainConfig, past: Iterable[float] = ()) -> EarlyStopping:
        """As the section `train` asks for."""
        return cls(train.early_stop, train.best_by, past)

    def observe(self, figure: float) -> None:
        """Take down another look."""
        if is_better(figure, self.best, self._best_by, self._min_gain):
            self.best, self.validations_since_best = figure, 0
        else:
            self.validations_since_best += 1

    @property
    def should_stop(self) -> bool:
        """Whether `patience` looks in a row brought nothing better."""
        return self._patience is not None and self.validations_since_best >= self._patience

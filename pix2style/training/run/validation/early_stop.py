"""Early stopping: end training when the validation metric no longer improves."""

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
"""Value of `train.best_by` -> name of that validation metric in metrics.jsonl."""


def is_better(new: float, old: float | None, best_by: BestBy, min_gain: float = 0.0) -> bool:
    """Whether a validation metric has improved by more than `min_gain`.

    Args:
        new: New value of the metric.
        old: Value to compare with; None if there is none yet, which every value improves on.
        best_by: Which metric it is. L1 improves when it falls, PSNR and SSIM improve when they rise.
        min_gain: Smallest difference that counts, in the metric's unit.
    """
    if old is None:
        return True
    gain = old - new if best_by == "l1" else new - old
    return gain > min_gain


class EarlyStopping:
    """Counts the validations since the best one.

    The state follows from the sequence of metric values alone. A resumed run therefore replays the values in its
    metrics.jsonl (`tracking.metric_history`), and stops where an uninterrupted run would.

    Args:
        config: Section `train.early_stop`.
        best_by: Metric that is observed.
        past_values: Values of earlier validations, the oldest first.

    Attributes:
        best: Best value so far; None before the first validation.
        validations_since_best: Number of validations after the best one.
    """

    def __init__(self, config: EarlyStopConfig, best_by: BestBy, past_values: Iterable[float] = ()) -> None:
        self._patience, self._min_gain, self._best_by = config.patience, config.min_gain, best_by
        self.best: float | None = None
        self.validations_since_best = 0
        for value in past_values:
            self.observe(value)

    @classmethod
    def from_config(cls, train: TrainConfig, past_values: Iterable[float] = ()) -> EarlyStopping:
        """Make it from the section `train`."""
        return cls(train.early_stop, train.best_by, past_values)

    def observe(self, value: float) -> None:
        """Take the value of another validation into account."""
        if is_better(value, self.best, self._best_by, self._min_gain):
            self.best, self.validations_since_best = value, 0
        else:
            self.validations_since_best += 1

    @property
    def should_stop(self) -> bool:
        """Whether the last `patience` validations brought no improvement; never if `patience` is not set."""
        return self._patience is not None and self.validations_since_best >= self._patience

"""Handle steps whose loss or gradient is not finite (NaN or infinite): skip them, count them, scale fp16 losses.

A single such number in an update would spread to every weight. A GPU must never be waited for to find out, so the
decision is made on the device: fused Adam changes nothing where its `found_inf` is 1. The host learns about skipped
steps only when it calls `NonFiniteMonitor.read_skipped`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

# GradScaler begins with 2^16. The 2017 recipe weighs L1 by 100, which gives the last bias a gradient of up to 100/3:
# times 2^10 that stays below fp16's maximum of 65,504.
_INITIAL_SCALE = 2.0**10
_GROWTH_INTERVAL = 2_000  # steps, as in torch.amp.GradScaler
_MAX_SCALE = 2.0**24


@dataclass(frozen=True, slots=True)
class SkippedSteps:
    """Counts of skipped steps at the time of reading.

    Attributes:
        in_a_row: Number of consecutive skipped steps up to the latest one; 0 if the latest step was not skipped.
        total: Number of skipped steps in the whole run.
        new: Number of skipped steps since the previous reading.
        nonfinite_metrics: Names, as in metrics.jsonl, of the losses and gradient norms that were not finite in a step
            since the previous reading.
    """

    in_a_row: int
    total: int
    new: int
    nonfinite_metrics: tuple[str, ...]


class NonFiniteMonitor:
    """Counts skipped steps on the device, and which losses and gradient norms were not finite.

    Args:
        device: Device that the step's metrics are on.
    """

    def __init__(self, device: torch.device) -> None:
        self._counts = torch.zeros(2, dtype=torch.int64, device=device)  # consecutive, total
        self._total_at_last_read = 0
        # A step has fewer metrics before the adversarial loss or the feature losses begin: one flag vector for each
        # set of metric names.
        self._nonfinite: dict[tuple[str, ...], Tensor] = {}

    def record(self, skipped: Tensor, metrics: Mapping[str, Tensor]) -> None:
        """Record one step, without waiting for the device.

        Args:
            skipped: Whether the step was skipped: bool, one element, on the device.
            metrics: Losses and gradient norms of the step, one element each.
        """
        consecutive = torch.where(skipped, self._counts[0] + 1, 0)
        self._counts = torch.stack([consecutive, self._counts[1] + skipped])
        names = tuple(metrics)
        flags = ~torch.isfinite(torch.stack([metric.detach().float().reshape(()) for metric in metrics.values()]))
        self._nonfinite[names] = (self._nonfinite[names] | flags) if names in self._nonfinite else flags

    def read_skipped(self) -> SkippedSteps:
        """Read the counts from the device, which the host then waits for; forget the names, keep the counts."""
        in_a_row, total = (int(count) for count in self._counts.tolist())
        new, self._total_at_last_read = total - self._total_at_last_read, total
        nonfinite: dict[str, None] = {}  # an ordered set
        for names, flags in self._nonfinite.items():
            nonfinite |= dict.fromkeys(name for name, flag in zip(names, flags.tolist(), strict=True) if flag)
        self._nonfinite.clear()
        return SkippedSteps(in_a_row, total, new, tuple(nonfinite))

    def state_dict(self) -> dict[str, Tensor]:
        """Return the counts, for a checkpoint."""
        return {"counts": self._counts.cpu()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore the counts from a checkpoint."""
        self._counts = state["counts"].to(self._counts.device)
        self._total_at_last_read = int(state["counts"][1])


class LossScale:
    """Loss scale of fp16: halved after a skipped step, doubled after 2,000 steps without one.

    It does what torch.amp.GradScaler does. GradScaler cannot be used here, because it decides from its own process's
    gradients alone, while here all processes have to skip the same steps, also when only the loss is not finite.

    Args:
        device: Device that the networks are on.

    Attributes:
        value: Factor that the loss is multiplied by before the backward pass; float32, one element.
    """

    def __init__(self, device: torch.device) -> None:
        self.value = torch.full((), _INITIAL_SCALE, device=device)
        self._steps_since_change = torch.zeros((), dtype=torch.int64, device=device)

    def update(self, skipped: Tensor) -> None:
        """Adapt the scale after a step, without waiting for the device.

        Args:
            skipped: Whether the step was skipped: bool, one element, on the device.
        """
        steps = torch.where(skipped, 0, self._steps_since_change + 1)
        grow = steps >= _GROWTH_INTERVAL
        factor = torch.where(skipped, 0.5, torch.where(grow, 2.0, 1.0))
        # Not below 1: a gradient that overflows even then is not too large because of the scale.
        self.value = (self.value * factor).clamp(1.0, _MAX_SCALE)
        self._steps_since_change = torch.where(grow, 0, steps)

    def state_dict(self) -> dict[str, Tensor]:
        """Return scale and counter, for a checkpoint."""
        return {"value": self.value.cpu(), "good": self._steps_since_change.cpu()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore scale and counter from a checkpoint."""
        device = self.value.device
        self.value, self._steps_since_change = state["value"].to(device), state["good"].to(device)

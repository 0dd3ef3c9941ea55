"""Steps that must not be taken: found out and counted where the networks are, read now and then.

One number that is not finite would spread to every weight. Whether a step is taken is therefore decided on the device,
by fused Adam's `found_inf`; the host learns of it only when it asks, so that a GPU is never waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

# The 2017 recipe weighs L1 by 100, which gives its last bias a gradient of up to 100/3: under 65,504 when scaled.
_FIRST_SCALE = 2.0**10
_GROWTH_STEPS = 2_000  # as torch.amp.GradScaler, of which this is the part that never asks the device


@dataclass(frozen=True, slots=True)
class Skips:
    """Steps that were left out.

    Attributes:
        in_a_row: up to the last step; 0 if that was taken.
        in_all: of the whole run.
        new: since the last time somebody asked.
        names: of the figures that were not finite in those, as metrics.jsonl names them.
    """

    in_a_row: int
    in_all: int
    new: int
    names: tuple[str, ...]


class Guard:
    """Counts the steps that were left out, and remembers which figures were not finite.

    Args:
        device: where the figures are.
    """

    def __init__(self, device: torch.device) -> None:
        self._counts = torch.zeros(2, dtype=torch.int64, device=device)  # in a row, in all
        self._heard = 0
        self._bad: dict[tuple[str, ...], Tensor] = {}

    def note(self, skipped: Tensor, figures: Mapping[str, Tensor]) -> None:
        """Take down one step.

        Args:
            skipped: bool, one number on the device.
            figures: losses and gradient norms of the step, one number each.
        """
        row = torch.where(skipped, self._counts[0] + 1, 0)
        self._counts = torch.stack([row, self._counts[1] + skipped])
        names = tuple(figures)
        bad = ~torch.isfinite(torch.stack([figure.detach().float().reshape(()) for figure in figures.values()]))
        self._bad[names] = (self._bad[names] | bad) if names in self._bad else bad

    def read(self) -> Skips:
        """Ask the device; what it had to tell is forgotten but for the counts."""
        in_a_row, in_all = (int(count) for count in self._counts.tolist())
        new, self._heard = in_all - self._heard, in_all
        names: dict[str, None] = {}
        for those, bad in self._bad.items():
            names |= dict.fromkeys(name for name, wrong in zip(those, bad.tolist(), strict=True) if wrong)
        self._bad.clear()
        return Skips(in_a_row, in_all, new, tuple(names))

    def state_dict(self) -> dict[str, Tensor]:
        """What a checkpoint holds."""
        return {"counts": self._counts.cpu()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on counting."""
        self._counts = state["counts"].to(self._counts.device)
        self._heard = int(state["counts"][1])


class LossScale:
    """fp16's loss scale: halved when a step was left out, doubled after 2,000 that were not.

    torch.amp.GradScaler does the same, but takes no word of other processes or of the loss itself for what is finite.

    Args:
        device: where the networks are.
    """

    def __init__(self, device: torch.device) -> None:
        self.value = torch.full((), _FIRST_SCALE, device=device)
        self._good = torch.zeros((), dtype=torch.int64, device=device)

    def update(self, skipped: Tensor) -> None:
        """After each step; `skipped` is a bool on the device."""
        good = torch.where(skipped, 0, self._good + 1)
        grow = good >= _GROWTH_STEPS
        factor = torch.where(skipped, 0.5, torch.where(grow, 2.0, 1.0))
        # below 1 nothing is gained: a step that is not finite even then is no matter of scale
        self.value = (self.value * factor).clamp(1.0, 2.0**24)
        self._good = torch.where(grow, 0, good)

    def state_dict(self) -> dict[str, Tensor]:
        """What a checkpoint holds."""
        return {"value": self.value.cpu(), "good": self._good.cpu()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on with that scale."""
        self.value, self._good = (state[name].to(self.value.device) for name in ("value", "good"))

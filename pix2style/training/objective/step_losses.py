"""Values of the losses of one training step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Self, TypeVar

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorLosses:
    """Loss of the generator in one step.

    Attributes:
        total: Weighted sum that the generator minimises; a scalar in float32.
        terms: Name in metrics.jsonl -> value of each computed loss term, before its weight.
        style_balance: Factor on the weighted style term that keeps style in proportion to content
            (`losses.balance`); None if the weights are fixed.
    """

    total: Tensor
    terms: Mapping[str, Tensor] = field(default_factory=dict)
    style_balance: Tensor | None = None

    def metrics(self) -> dict[str, Tensor]:
        """Return all values by their names in metrics.jsonl, the total first; without gradient."""
        balance = {} if self.style_balance is None else {"style_balance": self.style_balance}
        return {name: value.detach() for name, value in {"total": self.total, **self.terms, **balance}.items()}

    @classmethod
    def from_metrics(cls, metrics: Mapping[str, Tensor]) -> Self:
        """Make the losses whose `metrics()` are given."""
        terms = {name: value for name, value in metrics.items() if name not in ("total", "style_balance")}
        return cls(total=metrics["total"], terms=terms, style_balance=metrics.get("style_balance"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorLosses:
    """Loss of the discriminator in one step.

    Attributes:
        total: Value that the discriminator minimises, weighted gradient penalties included; a scalar in float32.
        real_share_right: Share (0 to 1) of patches of the targets that the discriminator takes for real.
        fake_share_right: Share (0 to 1) of patches of the generator's images that it takes for fake. For the kind
            "relativistic" both are the share of patches whose real logit is larger than the fake one.
        r1: Squared gradient at the targets, before its weight; None if not computed.
        r2: Squared gradient at the generator's images, before its weight; None if not computed.
    """

    total: Tensor
    real_share_right: Tensor
    fake_share_right: Tensor
    r1: Tensor | None = None
    r2: Tensor | None = None

    def metrics(self) -> dict[str, Tensor]:
        """Return all values by their names in metrics.jsonl, the total first; without gradient."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value.detach() for name, value in values.items() if value is not None}

    @classmethod
    def from_metrics(cls, metrics: Mapping[str, Tensor]) -> Self:
        """Make the losses whose `metrics()` are given."""
        return cls(**metrics)


_Losses = TypeVar("_Losses", GeneratorLosses, DiscriminatorLosses)


@torch.no_grad()
def average_losses(losses: Sequence[_Losses], shares: Sequence[float]) -> _Losses:
    """Average the losses of micro-batches.

    Args:
        losses: Losses of each micro-batch, with the same terms.
        shares: Share of each micro-batch in the batch; their sum is 1.

    Returns:
        Losses of the batch, without gradient.
    """
    metrics = [of_micro_batch.metrics() for of_micro_batch in losses]
    if len(metrics) == 1:
        return losses[0].from_metrics(metrics[0])
    means = {
        name: torch.stack([values[name] * share for values, share in zip(metrics, shares, strict=True)]).sum(0)
        for name in metrics[0]
    }
    return losses[0].from_metrics(means)

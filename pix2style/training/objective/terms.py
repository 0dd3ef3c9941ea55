"""What a step's losses were, part by part."""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorLosses:
    """Parts as they stand before their weights, and their weighted sum; None is not computed.

    Attributes:
        total: what the generator lowers.
        l1: see `pix2style.losses` for this and the others.
        style, painting_style: distances of Gram matrices; the second, to the paintings besides the targets.
        distill_output, distill_features: see `training.distillation`.
        style_balance: what the style's weight was multiplied by, so that style follows content (`losses.balance`).
    """

    total: Tensor
    l1: Tensor | None = None
    charbonnier: Tensor | None = None
    mse: Tensor | None = None
    ms_ssim: Tensor | None = None
    color: Tensor | None = None
    total_variation: Tensor | None = None
    adversarial: Tensor | None = None
    feature_matching: Tensor | None = None
    perceptual: Tensor | None = None
    style: Tensor | None = None
    painting_style: Tensor | None = None
    content: Tensor | None = None
    distill_output: Tensor | None = None
    distill_features: Tensor | None = None
    style_balance: Tensor | None = None

    def computed(self) -> dict[str, Tensor]:
        """Name -> value of all that was computed, the total first; without gradient."""
        return _computed(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorLosses:
    """The discriminator's part of a step; None is not computed.

    Attributes:
        total: what it lowers, penalties and their weights included.
        real_share_right: of the teacher's patches, the share (0 to 1) that it takes for such.
        fake_share_right: of the generator's, likewise. For "relativistic" both are the share of patches whose real
            logit is the larger one.
        r1: squared gradient at the teacher's pictures, before its weight.
        r2: the same at the generator's.
    """

    total: Tensor
    real_share_right: Tensor
    fake_share_right: Tensor
    r1: Tensor | None = None
    r2: Tensor | None = None

    def computed(self) -> dict[str, Tensor]:
        """Name -> value of all that was computed, the total first; without gradient."""
        return _computed(self)


def _computed(losses: GeneratorLosses | DiscriminatorLosses) -> dict[str, Tensor]:
    found = {field.name: getattr(losses, field.name) for field in fields(losses)}
    return {name: value.detach() for name, value in found.items() if value is not None}

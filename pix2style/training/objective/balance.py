"""Dynamic loss weighting: the style term follows the content term, so that neither dominates."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Far below any style loss that occurs; keeps the division finite if the style loss reaches 0.
_MIN_STYLE = 1e-12


class Balance(nn.Module):
    """Scales the weighted style term so that it stays `ratio` times the weighted content term.

    Running means of both terms decide. They are exponential moving averages over images, corrected for starting at 0
    (Kingma and Ba 2014, arXiv 1412.6980, section 3). The factor of a step depends on earlier steps only, so that it is
    the same for every micro-batch and on every process. In the first step, which has no earlier ones, it is 0. All
    computation stays on the device.

    Args:
        ratio: Weighted style divided by weighted content (`losses.balance.style_to_content`).
        halflife_images: Half-life of the running means in training images.
    """

    _means: Tensor
    _pending: Tensor

    def __init__(self, ratio: float, halflife_images: int) -> None:
        super().__init__()
        self._ratio, self._halflife_images = ratio, halflife_images
        self._step_at = -1  # images seen before the step that `_pending` belongs to
        # Both hold content, style and a weight: `_means` the moving averages of earlier steps and the sum of their
        # weights (which corrects for the start at 0), `_pending` the sums of the current step and its images.
        self.register_buffer("_means", torch.zeros(3))
        self.register_buffer("_pending", torch.zeros(3))

    def factor(self, images_seen: int) -> Tensor:
        """Return the factor on the weighted style term in the step that begins after `images_seen` images.

        Call it before `observe`. The first call of a step adds the step before it to the running means.
        """
        if images_seen != self._step_at:
            self._close_step()
            self._step_at = images_seen
        content, style, weight_sum = self._means.clone()
        return torch.where(weight_sum > 0, self._ratio * content / style.clamp(min=_MIN_STYLE), 0.0)

    @torch.no_grad()
    def observe(self, weighted_content: Tensor, weighted_style: Tensor, images: int) -> None:
        """Record the terms of a micro-batch on this process; with several processes, all of them must call this.

        A step with a value that is not finite is not recorded, as the optimiser skips that step as well.

        Args:
            weighted_content: Content term times its weight, a mean over the images.
            weighted_style: Style term times its weight, before the factor.
            images: Number of images in the micro-batch.
        """
        observed = torch.stack([weighted_content.detach(), weighted_style.detach(), weighted_style.new_ones(())])
        observed = torch.where(observed.isfinite().all(), observed.float() * images, 0.0)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(observed)
        self._pending += observed

    def _close_step(self) -> None:
        content, style, images = self._pending
        decay = torch.exp2(-images / self._halflife_images)
        step_means = torch.stack([content, style, images]) / images.clamp(min=1)
        self._means.mul_(decay).add_(step_means * (1 - decay))
        self._pending.zero_()

    def resume_state(self) -> dict[str, Tensor]:
        """Return what a checkpoint must hold to resume exactly, on the CPU."""
        return {
            "balance_means": self._means.cpu().clone(),
            "balance_pending": self._pending.cpu().clone(),
            "balance_step_at": torch.tensor(self._step_at),
        }

    def load_resume_state(self, state: dict[str, Tensor]) -> None:
        """Continue from what `resume_state` returned.

        Raises:
            KeyError: The state is not complete.
        """
        self._means.copy_(state["balance_means"])
        self._pending.copy_(state["balance_pending"])
        self._step_at = int(state["balance_step_at"])

"""Dynamic weighting: style follows content, so that neither is drowned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Below any loss that is not 0: a style that has been reached must not divide by 0.
_LEAST = 1e-12


class Balance(nn.Module):
    """What to multiply the weighted style by, so that it stays `ratio` times the weighted content, in running means.

    The factor of a step comes from the steps before it, so that it is the same for every part of a step and on every
    process. There are none before the first one, whose style therefore counts nothing. Everything stays on the
    device. The means are exponential ones over pictures, corrected for their beginning at nothing (Kingma and Ba 2014,
    arXiv 1412.6980, section 3).

    Args:
        ratio: of weighted style to weighted content.
        halflife_images: of the running means, in pictures seen.
    """

    _means: Tensor
    _pending: Tensor

    def __init__(self, ratio: float, halflife_images: int) -> None:
        super().__init__()
        self._ratio, self._halflife_images = ratio, halflife_images
        self._step_at = -1  # pictures seen when the step began that `_pending` is of
        # content, style, and the sum of what counts for them: of the steps before, and summed over the step under way
        self.register_buffer("_means", torch.zeros(3))
        self.register_buffer("_pending", torch.zeros(3))

    def factor(self, images_seen: int) -> Tensor:
        """A scalar for the step that begins after `images_seen` pictures; call it before `observe`."""
        if images_seen != self._step_at:
            self._close_step()
            self._step_at = images_seen
        content, style, counted = self._means.clone()
        return torch.where(counted > 0, self._ratio * content / style.clamp(min=_LEAST), 0.0)

    @torch.no_grad()
    def observe(self, weighted_content: Tensor, weighted_style: Tensor, pictures: int) -> None:
        """Count the means of `pictures` pictures, of this part of the step on this process.

        What is not finite does not count: the step is left out, too.
        """
        found = torch.stack([weighted_content.detach(), weighted_style.detach(), weighted_style.new_ones(())])
        found = torch.where(found.isfinite().all(), found.float() * pictures, 0.0)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(found)
        self._pending += found

    def _close_step(self) -> None:
        content, style, pictures = self._pending
        keep = torch.exp2(-pictures / self._halflife_images)
        found = torch.stack([content, style, pictures]) / pictures.clamp(min=1)
        self._means.mul_(keep).add_(found * (1 - keep))
        self._pending.zero_()

    def resume_state(self) -> dict[str, Tensor]:
        """What going on exactly needs; on the CPU."""
        return {
            "balance_means": self._means.cpu().clone(),
            "balance_pending": self._pending.cpu().clone(),
            "balance_step_at": torch.tensor(self._step_at),
        }

    def load_resume_state(self, state: dict[str, Tensor]) -> None:
        """Go on where `state` was taken.

        Raises:
            KeyError: it is not complete.
        """
        self._means.copy_(state["balance_means"])
        self._pending.copy_(state["balance_pending"])
        self._step_at = int(state["balance_step_at"])

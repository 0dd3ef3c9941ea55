"""Keep the networks' buffers the same in all processes, and unchanged by skipped steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pix2style.training.distributed import flatten_tensors, unflatten_tensors
from pix2style.training.step.state import TrainingState


class BufferSync:
    """Buffers that forward passes change: BatchNorm's running statistics and spectral norm's vectors.

    Each process updates its buffers from its own images. After the step all processes hold the mean of them, so that
    a checkpoint of one process fits all. A skipped step restores the buffers, because images that gave a loss that is
    not finite may have left numbers in them that are not finite either.

    Args:
        state: Training state before the step; its buffers are copied.
    """

    def __init__(self, state: TrainingState) -> None:
        networks: list[nn.Module] = [state.generator]
        networks += [state.discriminator] if state.discriminator is not None else []
        # Integer buffers (BatchNorm's count of batches) are the same in all processes.
        self._buffers = [b for network in networks for b in network.buffers() if b.is_floating_point()]
        self._before: Tensor | None = flatten_tensors(self._buffers) if self._buffers else None
        self._world = state.world

    @torch.no_grad()
    def finish(self, skipped: Tensor) -> None:
        """Average the buffers over the processes, or restore them if `skipped`, one bool on the device, is true."""
        if self._before is None:
            return
        after = flatten_tensors(self._buffers)
        self._world.all_reduce_mean_([after])
        torch._foreach_copy_(self._buffers, unflatten_tensors(torch.where(skipped, self._before, after), self._buffers))

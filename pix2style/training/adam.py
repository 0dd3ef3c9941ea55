"""Adam for weights in channels_last, as they lie in memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_MOMENTS = ("exp_avg", "exp_avg_sq")


class ChannelsLastAdam(torch.optim.Adam):
    """torch's Adam, fused, for networks in channels_last.

    On the CPU, torch's fused kernel first copies every tensor that is not contiguous, which takes as long as the step
    itself. Adam treats every number alone, so it may as well see each four-dimensional tensor with its axes in the
    order in which they lie. State dicts are torch's own.
    """

    def __init__(self, parameters: Any, **settings: Any) -> None:
        super().__init__(parameters, **settings, fused=True)

    def _init_group(self, group: dict[str, Any], *lists: list[Tensor]) -> bool:
        for parameter in group["params"]:
            state = self.state.get(parameter, {})
            for name in _MOMENTS if _lies_channels_last(parameter) else ():
                if name in state and not _lies_channels_last(state[name]):  # loaded from a file
                    state[name] = state[name].contiguous(memory_format=torch.channels_last)
        has_complex: bool = super()._init_group(group, *lists)  # type: ignore[no-untyped-call]
        parameters, gradients, means, squares = lists[:4]
        for i, together in enumerate(zip(parameters, gradients, means, squares, strict=True)):
            if all(_lies_channels_last(one) for one in together):
                for found, one in zip(lists, together, strict=False):
                    found[i] = one.permute(0, 2, 3, 1)
        return has_complex


def _lies_channels_last(tensor: Tensor) -> bool:
    if tensor.device.type != "cpu" or tensor.dim() != 4 or tensor.is_contiguous():
        return False
    return tensor.is_contiguous(memory_format=torch.channels_last)

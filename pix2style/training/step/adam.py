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
            for name in _MOMENTS:
                if name in state:  # loaded from a file
                    state[name] = with_strides_of(state[name], parameter)
        has_complex: bool = super()._init_group(group, *lists)  # type: ignore[no-untyped-call]
        parameters, gradients, means, squares = lists[:4]
        for i, (parameter, mean, square) in enumerate(zip(parameters, means, squares, strict=True)):
            together: tuple[Tensor, ...] = (parameter, with_strides_of(gradients[i], parameter), mean, square)
            if _lies_channels_last(parameter):
                together = tuple(one.permute(0, 2, 3, 1) for one in together)
            parameters[i], gradients[i], means[i], squares[i] = together
        return has_complex


def with_strides_of(tensor: Tensor, parameter: Tensor) -> Tensor:
    """The same numbers with `parameter`'s strides, which a GPU's fused Adam insists on.

    Where an axis has one element its stride means nothing, and a compiled backward pass may give a 1x1 kernel's
    gradient others than the kernel has (pytorch/pytorch #126585): a view is enough then, and nothing is copied.
    """
    if tensor.stride() == parameter.stride():
        return tensor
    axes = zip(tensor.shape, tensor.stride(), parameter.stride(), strict=True)
    if all(size == 1 or one == other for size, one, other in axes):
        return tensor.as_strided(parameter.shape, parameter.stride())
    return torch.empty_like(parameter).copy_(tensor)


def _lies_channels_last(tensor: Tensor) -> bool:
    if tensor.device.type != "cpu" or tensor.dim() != 4 or tensor.is_contiguous():
        return False
    return tensor.is_contiguous(memory_format=torch.channels_last)

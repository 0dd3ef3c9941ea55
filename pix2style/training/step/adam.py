"""Run torch's fused Adam fast on weights in the memory layout channels_last."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_MOMENTS = ("exp_avg", "exp_avg_sq")


class ChannelsLastAdam(torch.optim.Adam):
    """torch's fused Adam for networks in channels_last; state dicts are those of torch's Adam.

    On the CPU, torch's fused kernel copies every tensor that is not contiguous before it begins, which takes as long as
    the step itself. Adam treats each number by itself, so the order of a tensor's axes does not matter to it. Therefore
    the kernel gets four-dimensional tensors in channels_last as views with permuted axes, which are contiguous.
    """

    def __init__(self, parameters: Any, **settings: Any) -> None:
        super().__init__(parameters, **settings, fused=True)

    def _init_group(self, group: dict[str, Any], *lists: list[Tensor]) -> bool:
        # torch fills these lists just before it calls the kernel: parameters, gradients, means, squares, ...
        for parameter in group["params"]:
            state = self.state.get(parameter, {})
            for name in _MOMENTS:
                if name in state:  # a state dict that was loaded from a file is contiguous
                    state[name] = with_strides_of(state[name], parameter)
        has_complex: bool = super()._init_group(group, *lists)  # type: ignore[no-untyped-call]
        parameters, gradients, means, squares = lists[:4]
        for i, (parameter, mean, square) in enumerate(zip(parameters, means, squares, strict=True)):
            tensors: tuple[Tensor, ...] = (parameter, with_strides_of(gradients[i], parameter), mean, square)
            if _needs_permuting(parameter):
                tensors = tuple(tensor.permute(0, 2, 3, 1) for tensor in tensors)
            parameters[i], gradients[i], means[i], squares[i] = tensors
        return has_complex


def with_strides_of(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Return the tensor with the strides of `parameter`, which fused Adam requires on a GPU; a view where possible.

    The strides of axes with one element have no meaning, and a compiled backward pass may give the gradient of a 1x1
    convolution other strides than the weight has (pytorch/pytorch #126585). Then a view is enough.

    Args:
        tensor: Gradient or moment of the parameter, of the same shape.
        parameter: Parameter.
    """
    if tensor.stride() == parameter.stride():
        return tensor
    axes = zip(tensor.shape, tensor.stride(), parameter.stride(), strict=True)
    if all(size == 1 or stride == wanted for size, stride, wanted in axes):
        return tensor.as_strided(parameter.shape, parameter.stride())
    return torch.empty_like(parameter).copy_(tensor)


def _needs_permuting(tensor: Tensor) -> bool:
    """Whether it is a tensor of the CPU in channels_last that is not contiguous as it is."""
    if tensor.device.type != "cpu" or tensor.dim() != 4 or tensor.is_contiguous():
        return False
    return tensor.is_contiguous(memory_format=torch.channels_last)

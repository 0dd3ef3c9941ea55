"""Muon: an optimiser for the hidden layers of a network, whose update turns all directions of a weight matrix alike.

Adam scales each number of a gradient by itself. The gradient of a convolution is a matrix in which a few directions are
far larger than all others, so that Adam learns these first and the others late. Muon replaces the matrix by the nearest
one whose singular values are all equal, so that every direction is learned at the same pace (Jordan et al. 2024,
https://kellerjordan.github.io/posts/muon/).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from pix2style.training.step.adam import ChannelsLastAdam

# Jordan's polynomial: after five rounds, singular values between 0.003 and 1 lie between about 0.7 and 1.2.
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ROUNDS = 5
_TINY = 1e-14  # a gradient of zeros stays zero
# The root mean square of an update, in learning rates: about that of Adam's, so that both use the same learning rates
# (Liu et al. 2025, arXiv:2502.16982).
_UPDATE_RMS = 0.2
# Layers whose inputs or outputs are colours of single pixels are left to Adam, as Jordan advises. A last layer that
# draws patches of pixels has more channels.
_MIN_CHANNELS = 16


class Muon(ChannelsLastAdam):
    """Muon for convolutions with at least 16 input and 16 output channels, torch's fused Adam for all other parameters.

    Attributes:
        found_inf: As for fused Adam: a step changes nothing if this element is 1.
        grad_scale: As for fused Adam: gradients are divided by this element.
    """

    found_inf: Tensor | None = None
    grad_scale: Tensor | None = None

    def __init__(self, parameters: Iterable[nn.Parameter], *, momentum: float, **settings: Any) -> None:
        """Split the parameters.

        Args:
            parameters: All parameters of a network.
            momentum: Decay rate of the running mean of the gradients of the convolutions, 0 to 1.
            settings: Learning rate, for all parameters, and Adam's other settings.
        """
        hidden: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for parameter in parameters:
            (hidden if is_hidden(parameter) else others).append(parameter)
        groups = [{"params": others, "momentum": None}, {"params": hidden, "momentum": momentum}]
        super().__init__(groups, **settings)

    def _init_group(self, group: dict[str, Any], *lists: list[Tensor]) -> bool:
        return group["momentum"] is None and super()._init_group(group, *lists)  # Adam skips a group without tensors

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient.

        Args:
            closure: Computes the loss again, as for torch's optimisers.
        """
        loss = super().step(closure)
        for group in self.param_groups:
            if group["momentum"] is not None:
                self._update_hidden(group)
        return loss

    def _update_hidden(self, group: dict[str, Any]) -> None:
        skipped = self.found_inf
        by_shape: dict[tuple[int, ...], list[tuple[nn.Parameter, Tensor]]] = defaultdict(list)
        for parameter in group["params"]:
            if parameter.grad is not None:
                matrix = _as_matrix(self._direction(parameter, parameter.grad, group["momentum"], skipped))
                by_shape[tuple(matrix.shape)].append((parameter, matrix))
        for (rows, columns), items in by_shape.items():
            size = group["lr"] * _UPDATE_RMS * max(rows, columns) ** 0.5
            updates = orthogonalized(torch.stack([matrix for _, matrix in items])).mul_(-size)
            if skipped is not None:
                updates.mul_(1 - skipped)
            for (parameter, _), update in zip(items, updates, strict=True):
                channels, height, width = parameter.shape[1:]
                parameter.add_(update.unflatten(1, (height, width, channels)).permute(0, 3, 1, 2))

    def _direction(self, parameter: nn.Parameter, gradient: Tensor, momentum: float, skipped: Tensor | None) -> Tensor:
        """Add the gradient to its running mean and return the mean one step ahead (Nesterov)."""
        if self.grad_scale is not None:
            gradient = gradient / self.grad_scale
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
            state["step"] = torch.zeros((), device=parameter.device)  # unused; torch's Adam looks for it when loading
        mean = state["momentum"]
        if skipped is not None:
            gradient = torch.where(skipped > 0, mean, gradient)  # moves the mean to itself
        mean.lerp_(gradient, 1 - momentum)
        return gradient.lerp(mean, momentum)


def is_hidden(parameter: Tensor) -> bool:
    """Return whether Muon updates this parameter: the weight of a convolution between at least 16 channels."""
    return parameter.dim() == 4 and min(parameter.shape[:2]) >= _MIN_CHANNELS


def orthogonalized(matrices: Tensor) -> Tensor:
    """Return about the nearest matrices whose singular values are all equal, by Newton and Schulz's iteration.

    The rounds are computed on the products of rows, which are far smaller than the matrices of convolutions.

    Args:
        matrices: [N, rows, columns] float32; any scale.

    Returns:
        Matrices of the same shape. Their singular values are about 0.7 to 1.2, smaller where the given ones are below a
        three-hundredth of the matrix's norm. Zeros stay zeros.
    """
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonalized(matrices.mT).mT
    first, third, fifth = _COEFFICIENTS
    products = matrices @ matrices.mT
    squared_norm = products.diagonal(dim1=1, dim2=2).sum(1).clamp(min=_TINY)[:, None, None]
    products = products / squared_norm
    factor = torch.eye(matrices.shape[1], dtype=matrices.dtype, device=matrices.device) / squared_norm.sqrt()
    for done in range(_ROUNDS):
        step = third * products + fifth * (products @ products)
        step.diagonal(dim1=1, dim2=2).add_(first)
        factor = step @ factor
        if done < _ROUNDS - 1:
            products = step @ products @ step
    return factor @ matrices


def _as_matrix(tensor: Tensor) -> Tensor:
    """Return the weight [out, in, height, width] as the matrix [out, height * width * in]; a view in channels_last."""
    return tensor.permute(0, 2, 3, 1).flatten(1)

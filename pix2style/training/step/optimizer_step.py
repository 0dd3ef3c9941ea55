"""Average gradients over the processes and take one optimiser step, unless a number is not finite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pix2style.training.distributed import World
from pix2style.training.step.nonfinite import LossScale


@dataclass(frozen=True, slots=True)
class OptimizerStep:
    """Outcome of one optimiser step; one element each, on the device.

    Attributes:
        gradient_norm: L2 norm of the mean gradient over all parameters and processes, before clipping.
        skipped: Whether the step was skipped because the loss or the gradient was not finite; bool.
    """

    gradient_norm: Tensor
    skipped: Tensor


def optimizer_step(
    optimizer: torch.optim.Optimizer,
    parameters: Sequence[nn.Parameter],
    loss: Tensor,
    *,
    loss_scale: LossScale | None,
    clip_norm: float | None,
    world: World,
) -> OptimizerStep:
    """Average the gradients over all processes and update the parameters, unless loss or gradient is not finite.

    Args:
        optimizer: Fused Adam of the parameters.
        parameters: Parameters whose `grad` holds this process's gradient, multiplied by the loss scale if there is one.
        loss: Mean loss of this process's images, one element.
        loss_scale: Loss scale of fp16, updated here; None in other precisions.
        clip_norm: Maximum L2 norm of the gradient: a longer one is shortened to it. None: no clipping.
        world: The processes that train together.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    # The loss travels with the gradients: a process whose loss is not finite makes the sum not finite, so that all
    # processes skip the same steps without a second exchange.
    total = loss.detach().float().reshape(1).clone()
    world.all_reduce_mean_([*gradients, total])
    norm = torch.nn.utils.get_total_norm(gradients)
    skipped = ~torch.isfinite(norm + total[0])
    # Fused Adam reads two attributes on the device, as torch.amp.GradScaler sets them: it changes nothing where
    # `found_inf` is 1, and divides the gradients by `grad_scale`. Clipping uses that division too, so it costs no
    # further pass over the gradients.
    optimizer.found_inf = skipped.float()  # type: ignore[attr-defined]
    divisor = None if loss_scale is None else loss_scale.value
    if loss_scale is not None:
        norm = norm / loss_scale.value
        loss_scale.update(skipped)
    if clip_norm is not None:
        excess = (norm / clip_norm).clamp(min=1)
        divisor = excess if divisor is None else divisor * excess
    optimizer.grad_scale = divisor  # type: ignore[attr-defined]
    optimizer.step()
    return OptimizerStep(norm, skipped)

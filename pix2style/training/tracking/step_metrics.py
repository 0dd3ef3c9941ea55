"""The figures of a step that people look for: every loss term, learning rates, gradient norms, speed, memory."""

from __future__ import annotations

import dataclasses
import resource
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def step_metrics(
    losses: Mapping[str, Any], optimizers: Mapping[str, torch.optim.Optimizer | None], device: torch.device
) -> dict[str, float]:
    """Figures of the last step, read from the device in one go.

    Args:
        losses: "generator", "discriminator" -> a dataclass of tensors; None, or a field that is None, was not computed.
            Anything else of the step that is a tensor of one value may stand here by its own name, such as
            "generator/gradient_norm".
        optimizers: "generator", "discriminator" -> its optimiser, for the learning rate.
        device: whose memory is looked at.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in losses.items():
        if isinstance(value, Tensor):
            tensors[name] = value
        elif value is not None:
            parts = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
            tensors |= {f"{name}/{part}": tensor for part, tensor in parts if isinstance(tensor, Tensor)}
    figures = _read(tensors)
    for name, optimizer in optimizers.items():
        if optimizer is not None:
            figures[f"{name}/lr"] = float(optimizer.param_groups[0]["lr"])
    return figures | {"memory_gb": peak_memory_bytes(device) / 1e9}


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory so far: of torch on a GPU, of the process on the CPU."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(largest if sys.platform == "darwin" else largest * 1024)  # Linux counts in KiB


def _read(tensors: Mapping[str, Tensor]) -> dict[str, float]:
    """One transfer for all of them: each one alone would make the GPU wait."""
    if not tensors:
        return {}
    values = torch.stack([tensor.detach().float().reshape(()) for tensor in tensors.values()]).tolist()
    return dict(zip(tensors, values, strict=True))

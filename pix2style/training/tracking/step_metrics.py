"""Read the metrics of a training step from the device: losses, gradient norms, learning rates, memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pix2style.system import memory


def step_metrics(
    losses: Mapping[str, Any], optimizers: Mapping[str, torch.optim.Optimizer | None], device: torch.device
) -> dict[str, float]:
    """Read the metrics of the latest step, in one transfer from the device.

    Args:
        losses: Name -> tensor of one element, for example "generator/gradient_norm". A value may also be a dataclass of
            such tensors, which are logged under NAME/FIELD. None, as a value or in a field, is left out.
        optimizers: "generator", "discriminator" -> optimiser, whose learning rate is logged; None is left out.
        device: Device whose memory is measured.

    Returns:
        Name in metrics.jsonl -> value.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in losses.items():
        if isinstance(value, Tensor):
            tensors[name] = value
        elif value is not None:
            parts = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
            tensors |= {f"{name}/{part}": tensor for part, tensor in parts if isinstance(tensor, Tensor)}
    metrics = _read(tensors)
    for name, optimizer in optimizers.items():
        if optimizer is not None:
            metrics[f"{name}/lr"] = float(optimizer.param_groups[0]["lr"])
    return metrics | {"memory_gb": peak_memory_bytes(device) / 1e9}


def peak_memory_bytes(device: torch.device) -> int:
    """Return the peak memory so far: on a GPU what torch allocated, on the CPU what the process used (0 if unknown)."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return memory.peak_memory_bytes() or 0


def _read(tensors: Mapping[str, Tensor]) -> dict[str, float]:
    # All values in one transfer: the host waits for the GPU at each.
    if not tensors:
        return {}
    values = torch.stack([tensor.detach().float().reshape(()) for tensor in tensors.values()]).tolist()
    return dict(zip(tensors, values, strict=True))

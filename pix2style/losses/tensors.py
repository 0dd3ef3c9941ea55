"""Precision and shape checks that the losses share."""

from __future__ import annotations

import torch
from torch import Tensor


def wide(tensor: Tensor) -> Tensor:
    """Return the tensor in float32, or unchanged if it is float64."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def check_same_shape(output: Tensor, target: Tensor) -> None:
    """Raise a ValueError if the shapes of two tensors differ; broadcasting would hide a mistake of the caller."""
    if output.shape != target.shape:
        raise ValueError(f"output {list(output.shape)} and target {list(target.shape)} must have the same shape")

"""Precision and shape checks that the losses share."""

from __future__ import annotations

import torch
from torch import Tensor


def wide(tensor: Tensor) -> Tensor:
    """Return the tensor in float32, or unchanged if it is float64."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def check_same_shape(output: Tensor, target: Tensor) -> None:
    """Check that two tensors have the same shape; broadcasting would hide a mistake of the caller.

    Raises:
        ValueError: The shapes differ.
    """
    if output.shape != target.shape:
        raise ValueError(f"output {list(output.shape)} and target {list(target.shape)} must have the same shape")

"""What every loss asks of its tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def wide(tensor: Tensor) -> Tensor:
    """The tensor in float32, or in float64 if it comes so."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def check_same_shape(output: Tensor, target: Tensor) -> None:
    """Refuse what would be broadcast: it is always a mistake here, and would stay hidden.

    Raises:
        ValueError: with both shapes.
    """
    if output.shape != target.shape:
        raise ValueError(f"output {list(output.shape)} and target {list(target.shape)} must have one shape")

"""The shape that networks and losses expect of a batch of images."""

from __future__ import annotations

import torch
from torch import Tensor


def check_rgb_batch(images: Tensor) -> None:
    """Check that a tensor is a batch of RGB images.

    Raises:
        ValueError: The shape is not [batch, 3, height, width], or a size is 0.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images must be [batch, 3, height, width], got {list(images.shape)}")
    # While exporting, sizes are symbols, and comparing one would write the result into the graph as a constant.
    if not torch.compiler.is_exporting() and images.numel() == 0:
        raise ValueError(f"images must not be empty, got {list(images.shape)}")
